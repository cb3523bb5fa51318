//! What the tests stand on: artifacts by OpenSSL, a log with real keys, and the real binary.

pub(crate) mod log;
pub(crate) mod pdf;
pub(crate) mod pki;
pub(crate) mod renewal;
pub(crate) mod site;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// How one run of the binary ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the binary was killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// Checks the exit code and shows everything if it is another one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }
}

/// The binary, in `directory`, in English.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ishibumi"));
    command.current_dir(directory);
    for variable in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the binary in `directory`; `line` is split at spaces.
pub(crate) fn ishibumi(directory: &Path, line: &str) -> Ran {
    Ran::from(
        command(directory)
            .args(line.split_whitespace())
            .output()
            .unwrap(),
    )
}

/// The option that leaves revocation aside, unless the arguments are about it.
pub(crate) fn ask(arguments: &str) -> &'static str {
    if arguments.contains("--require-revocation") {
        ""
    } else {
        "--without-revocation "
    }
}
