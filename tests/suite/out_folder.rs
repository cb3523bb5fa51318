//! The folders that scripts leave behind (`scripts/out-folder.sh`): a run moves away what a run
//! left, and deletes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/out-folder.sh");
        let script = format!(
            r#"set -euo pipefail
usage() {{ echo "$*" >&2; exit 2; }}
. '{}'
claim_folder "$1"
set_aside "$1"
mkdir -p "$1/documents" "$1/private/log"
echo one >"$1/documents/one.txt"
echo "a name" >"$1/documents/with a space"
echo "$RANDOM" >"$1/private/log/data"
"#,
            rules.display()
        );
        fs::write(folder.path().join("leave.sh"), script).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self) -> Output {
        let script = ["leave.sh", "demo"];
        let mut bash = Command::new("bash");
        bash.args(script).current_dir(self.folder.path());
        bash.output().unwrap()
    }

    /// Runs, and says whether the folder was moved away, to `demo.old-N`.
    #[track_caller]
    fn moved(&self, number: u8) -> bool {
        let ran = self.run();
        let said = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success(), "{said}");
        assert!(self.path("demo/documents/one.txt").is_file());
        let old = format!("demo.old-{number}");
        assert_eq!(said.contains(&old), self.path(&old).exists(), "{said}");
        self.path(&old).exists()
    }
}

#[test]
fn nothing_that_is_in_the_folder_is_deleted() {
    let place = Place::new();
    assert!(!place.moved(1));
    let policy = fs::read(place.path("demo/documents/one.txt")).unwrap();
    // Neither files that the run left, nor files that a user put or changed there, wherever.
    fs::write(place.path("demo/私の契約書.txt"), "mine").unwrap();
    fs::write(place.path("demo/private/log/鍵の写し.txt"), "mine").unwrap();
    fs::write(place.path("demo/documents/with a space"), "changed").unwrap();
    std::os::unix::fs::symlink("/nowhere", place.path("demo/link")).unwrap();
    assert!(place.moved(1));
    for (name, octets) in [
        ("documents/one.txt", &policy[..]),
        ("私の契約書.txt", b"mine"),
        ("private/log/鍵の写し.txt", b"mine"),
        ("documents/with a space", b"changed"),
    ] {
        let kept = fs::read(place.path("demo.old-1").join(name)).unwrap();
        assert_eq!(kept, octets, "{name}");
    }
    assert!(place.path("demo.old-1/link").is_symlink());
    assert!(!place.path("demo/私の契約書.txt").exists());
    // A name that is taken is not written over, be it by a link that leads nowhere.
    std::os::unix::fs::symlink("/nowhere", place.path("demo.old-2")).unwrap();
    assert!(place.moved(3));
    assert!(place.path("demo.old-2").is_symlink());
}

#[test]
fn a_folder_of_somebody_else_is_not_touched() {
    let place = Place::new();
    fs::create_dir(place.path("demo")).unwrap();
    fs::write(place.path("demo/mine"), "mine").unwrap();
    assert_eq!(place.run().status.code(), Some(2));
    assert!(place.path("demo/mine").is_file());
}
