//! The programs as people run them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a process may take to say that it listens, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds programs into the folder of the tests' own profile.
fn build(folder: &Path, what: &str) {
    // As the tests themselves were built: same profile, same target directory. And as
    // scripts/test.sh does before them: a selection of packages has features, and so a build, of
    // its own.
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    build.args(["build", "--quiet", "--workspace", what, "--target-dir"]);
    build.arg(folder.parent().expect("target"));
    build.args((!folder.ends_with("debug")).then_some("--release"));
    // Variables that cargo sets for a test of its package; build scripts that look at them (ring's)
    // would run again, and everything above them would be compiled again.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(name);
        }
    }
    let built = build.status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the programs cannot be built; run: cargo build --release --workspace --bins"
    );
}

/// The program `name`, as the sources have it now: testing a library does not build the programs.
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a path");
        let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
        build(folder, "--bins");
        folder.to_owned()
    });
    folder.join(name)
}

/// The example `name` of a library's package, as the sources have it now.
pub fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let folder = program("ishibumi").parent().map(PathBuf::from);
        let folder = folder.expect("target/PROFILE/ishibumi");
        build(&folder, "--examples");
        folder.join("examples")
    });
    folder.join(name)
}

/// Runs a program to its end.
pub fn run<A: AsRef<std::ffi::OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Ended {
    let mut command = Command::new(program(name));
    let output = command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("starts");
    output.into()
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// Its standard output, if it ended well.
    ///
    /// # Panics
    /// If not.
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// Checks that it ended with `code` and said each of `words` on standard error.
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
    }
}

/// A program that serves. It is killed when this value goes.
#[derive(Debug)]
pub struct Running {
    child: Mutex<Child>,
    errors: Option<JoinHandle<String>>,
    /// `http://ADDRESS:PORT`.
    pub url: String,
    /// `http://ADDRESS:PORT` of the operator's listener; empty if there is none.
    pub admin_url: String,
}

impl Running {
    /// Starts a program and waits until it says where it listens, or until it ends.
    ///
    /// # Errors
    /// How the program ended, if it did before it listened.
    pub fn start(command: &mut Command) -> Result<Self, Ended> {
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let mut stderr = child.stderr.take().expect("piped");
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            // Unreadable output counts as not said.
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("text");
        let running = |url: String, admin_url: String| Self {
            child: Mutex::new(child),
            errors: Some(errors),
            url,
            admin_url,
        };
        let Some(urls) = line.trim_end().strip_prefix("listening on ") else {
            let mut ended = running(String::new(), String::new()).ended();
            ended.out = line;
            return Err(ended);
        };
        let (url, admin) = urls.split_once(" (admin ").unwrap_or((urls, ""));
        Ok(running(
            url.to_owned(),
            admin.trim_end_matches(')').to_owned(),
        ))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.lock().expect("not poisoned").id()
    }

    /// `kill -9`.
    pub fn kill(&self) {
        let mut child = self.child.lock().expect("not poisoned");
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(self) -> Ended {
        self.signal("TERM")
    }

    /// A signal, by its name, and how it ended.
    pub fn signal(self, name: &str) -> Ended {
        let id = self.child.lock().expect("not poisoned").id().to_string();
        // The shell's own: the program of that name is not on every machine.
        let sent = Command::new("sh")
            .args(["-c", "kill -\"$0\" \"$1\"", name, &id])
            .status();
        assert!(sent.expect("there is a shell").success());
        self.ended()
    }

    /// The most memory that it has had, in kilobytes (VmHWM).
    pub fn peak_memory_kb(&self) -> u64 {
        let id = self.child.lock().expect("not poisoned").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.expect("a number")
    }

    /// Processor time that it has used so far, in seconds, of all its threads.
    pub fn cpu_seconds(&self) -> f64 {
        let id = self.child.lock().expect("not poisoned").id();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("Linux");
        let nanoseconds = tasks.filter_map(|task| {
            let path = task.ok()?.path().join("schedstat");
            let text = std::fs::read_to_string(path).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        });
        nanoseconds.sum::<f64>() / 1e9
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        let mut child = self.child.lock().expect("not poisoned");
        child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it goes on.
    pub fn ended(mut self) -> Ended {
        let given_up = Instant::now() + PATIENCE;
        let status = loop {
            let status = self.child.lock().expect("not poisoned").try_wait();
            if let Some(status) = status.expect("a child of ours") {
                break status;
            }
            assert!(Instant::now() < given_up, "the process does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let errors = self.errors.take().expect("taken once");
        Ended {
            code: status.code().unwrap_or(-1),
            out: String::new(),
            err: errors.join().expect("reads"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// If there is none for a minute; `what` says what was waited for.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let given_up = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < given_up, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
