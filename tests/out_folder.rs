//! The folders that scripts leave behind (`scripts/out-folder.sh`): a run replaces what a run left, and nothing
//! that somebody else put there.

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
empty_folder "$1"
mkdir -p "$1/documents" "$1/private/log"
echo one >"$1/documents/one.txt"
echo "a name" >"$1/documents/with a space"
echo "$RANDOM" >"$1/private/log/data"
list_folder "$1"
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
fn what_a_run_left_is_replaced() {
    let place = Place::new();
    assert!(!place.moved(1));
    // What a log that runs on writes is nobody's work.
    fs::write(place.path("demo/private/log/more"), "more").unwrap();
    fs::remove_file(place.path("demo/documents/one.txt")).unwrap();
    assert!(!place.moved(1));
    assert!(!place.path("demo/private/log/more").exists());
}

#[test]
fn what_somebody_put_there_or_changed_is_kept() {
    let place = Place::new();
    assert!(!place.moved(1));
    fs::write(place.path("demo/私の契約書.txt"), "mine").unwrap();
    assert!(place.moved(1));
    let kept = fs::read(place.path("demo.old-1/私の契約書.txt")).unwrap();
    assert_eq!(kept, b"mine");
    assert!(!place.path("demo/私の契約書.txt").exists());
    fs::write(place.path("demo/documents/with a space"), "changed").unwrap();
    assert!(place.moved(2));
    std::os::unix::fs::symlink("/nowhere", place.path("demo/link")).unwrap();
    assert!(place.moved(3));
    // A run that broke off left no list: nobody can tell whose the files are.
    fs::remove_file(place.path("demo/.made")).unwrap();
    assert!(place.moved(4));
    // And the control: nothing was touched.
    assert!(!place.moved(5));
}

#[test]
fn a_folder_of_somebody_else_is_not_touched() {
    let place = Place::new();
    fs::create_dir(place.path("demo")).unwrap();
    fs::write(place.path("demo/mine"), "mine").unwrap();
    assert_eq!(place.run().status.code(), Some(2));
    assert!(place.path("demo/mine").is_file());
}
