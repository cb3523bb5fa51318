//! A real time-stamping authority, run by the OpenSSL on this machine: a CA, a TSU below it, and as
//! many distinct tokens as a load needs.
//!
//! Every token is made by `openssl ts -reply`, one process each. To save the other process, the
//! query is made once and the imprint in it replaced: all of them are random digests, as a TSA sees
//! them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Digest in the query that serves as the pattern of all others.
const PATTERN: [u8; 32] = [0x5a; 32];

/// The signature algorithm of a TSU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TsuKey {
    /// RSA with 2,048 bits and SHA-256, PKCS#1 v1.5.
    Rsa2048,
    /// ECDSA with P-256 and SHA-256.
    P256,
}

/// Why no token came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsaError {
    /// A file could not be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// OpenSSL is missing or refused.
    #[error("openssl {command}: {why}")]
    OpenSsl {
        /// Its arguments.
        command: String,
        /// Its text on standard error.
        why: String,
    },
    /// No random octets.
    #[error("no random octets: {0}")]
    Random(getrandom::Error),
}

/// A TSA in a folder: `ca.crt` is its anchor.
#[derive(Clone, Debug)]
pub struct Tsa {
    folder: PathBuf,
    query: Vec<u8>,
    imprint_at: usize,
}

impl Tsa {
    /// Opens the TSA in `folder`, or makes one there.
    ///
    /// # Errors
    /// [`TsaError`] names the file or the OpenSSL command.
    pub fn open(folder: &Path, key: TsuKey) -> Result<Self, TsaError> {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
        // OpenSSL runs elsewhere at times and has to find its files.
        let folder = folder.canonicalize().map_err(file(folder))?;
        let tsa = Self {
            folder,
            query: Vec::new(),
            imprint_at: 0,
        };
        if !tsa.path("tsu.crt").exists() {
            tsa.make(key)?;
        }
        tsa.with_query()
    }

    /// The anchor's file.
    pub fn anchor(&self) -> PathBuf {
        self.path("ca.crt")
    }

    /// Makes `count` tokens as `NAME.tst` in `folder`, `jobs` at a time; those that are there
    /// count. `made` is told the number of each that was made.
    ///
    /// # Errors
    /// [`TsaError`] of the first that failed.
    pub fn tokens(
        &self,
        folder: &Path,
        count: u64,
        jobs: u64,
        made: impl Fn(u64) + Sync,
    ) -> Result<(), TsaError> {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
        let next = AtomicU64::new(0);
        let work = |job: u64| -> Result<(), TsaError> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                let path = folder.join(format!("{number:08}.tst"));
                if !path.exists() {
                    let token = self.token(job)?;
                    write(&path, &token)?;
                    made(number + 1);
                }
            }
        };
        std::thread::scope(|scope| {
            let work = &work;
            let workers: Vec<_> = (0..jobs.max(1))
                .map(|job| scope.spawn(move || work(job)))
                .collect();
            workers.into_iter().try_for_each(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    /// One token over a random imprint. Tokens of one `job` get consecutive serial numbers.
    ///
    /// # Errors
    /// [`TsaError`] if OpenSSL does not make it.
    pub fn token(&self, job: u64) -> Result<Vec<u8>, TsaError> {
        let mut imprint = [0; 32];
        getrandom::fill(&mut imprint).map_err(TsaError::Random)?;
        let mut query = self.query.clone();
        let place = self.imprint_at..self.imprint_at + imprint.len();
        query.splice(place, imprint);
        let configuration = self.path(&format!("job-{job}.cnf"));
        if !configuration.exists() {
            let serial = self.path(&format!("job-{job}.serial"));
            write(&serial, format!("{:04X}00000001\n", job + 1).as_bytes())?;
            let text = configuration_text(&self.folder, &serial);
            write(&configuration, text.as_bytes())?;
        }
        let configuration = configuration.display().to_string();
        self.openssl(
            &[
                "ts",
                "-reply",
                "-config",
                &configuration,
                "-queryfile",
                "/dev/stdin",
                "-token_out",
            ],
            &query,
        )
    }

    fn make(&self, key: TsuKey) -> Result<(), TsaError> {
        let key: &[&str] = match key {
            TsuKey::Rsa2048 => &["rsa:2048"],
            TsuKey::P256 => &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        };
        let configuration = self.path("ca.cnf");
        let text = configuration_text(&self.folder, &self.path("serial"));
        write(&configuration, text.as_bytes())?;
        let shown = |name: &str| self.path(name).display().to_string();
        let configuration = shown("ca.cnf");
        let request = |more: &[&str]| {
            let new = ["req", "-config", &configuration, "-nodes", "-newkey"];
            self.openssl(&[&new, key, more].concat(), &[])
        };
        request(&[
            "-x509",
            "-days",
            "7300",
            "-extensions",
            "ca",
            "-subj",
            "/C=JP/O=Load/CN=Load Root",
            "-keyout",
            &shown("ca.key"),
            "-out",
            &shown("ca.crt"),
        ])?;
        request(&[
            "-subj",
            "/C=JP/O=Load/CN=Load TSU",
            "-keyout",
            &shown("tsu.key"),
            "-out",
            &shown("tsu.csr"),
        ])?;
        let days = [
            "-days",
            "3650",
            "-extfile",
            &configuration,
            "-extensions",
            "tsu",
        ];
        let (request, ca, ca_key) = (shown("tsu.csr"), shown("ca.crt"), shown("ca.key"));
        let sign = [
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
        ];
        self.openssl(
            &[&sign[..], &days, &["-out", &shown("tsu.crt")]].concat(),
            &[],
        )?;
        Ok(())
    }

    fn with_query(mut self) -> Result<Self, TsaError> {
        let pattern = hex::encode(PATTERN);
        let args = [
            "ts",
            "-query",
            "-sha256",
            "-digest",
            &pattern,
            "-cert",
            "-no_nonce",
        ];
        self.query = self.openssl(&args, &[])?;
        let found = self
            .query
            .windows(PATTERN.len())
            .position(|it| it == PATTERN);
        self.imprint_at = found.ok_or_else(|| TsaError::OpenSsl {
            command: args.join(" "),
            why: "the query does not hold its imprint".to_owned(),
        })?;
        Ok(self)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs OpenSSL with `input` and gives what it prints.
    fn openssl(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, TsaError> {
        let fail = |why: String| TsaError::OpenSsl {
            command: args.join(" "),
            why,
        };
        let mut child = Command::new("openssl")
            .args(args)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| fail(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input says why on standard error.
            let _ = stdin.write_all(input);
        }
        let output = child
            .wait_with_output()
            .map_err(|error| fail(error.to_string()))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(fail(String::from_utf8_lossy(&output.stderr).into_owned()))
        }
    }
}

fn write(path: &Path, octets: &[u8]) -> Result<(), TsaError> {
    std::fs::write(path, octets).map_err(file(path))
}

fn file(path: &Path) -> impl Fn(std::io::Error) -> TsaError {
    let path = path.to_owned();
    move |error| TsaError::File {
        path: path.clone(),
        error,
    }
}

fn configuration_text(folder: &Path, serial: &Path) -> String {
    let (folder, serial) = (folder.display(), serial.display());
    format!(
        "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\n\
         [ca]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\n\
         subjectKeyIdentifier = hash\n\
         [tsu]\nbasicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n\
         extendedKeyUsage = critical,timeStamping\nsubjectKeyIdentifier = hash\n\
         authorityKeyIdentifier = keyid\n\
         [tsa]\ndefault_tsa = t\n[t]\nserial = {serial}\ncrypto_device = builtin\n\
         signer_cert = {folder}/tsu.crt\ncerts = {folder}/ca.crt\nsigner_key = {folder}/tsu.key\n\
         signer_digest = sha256\ndefault_policy = 0.4.0.2023.1.1\ndigests = sha256\n\
         accuracy = secs:1\nordering = no\ntsa_name = yes\ness_cert_id_chain = no\n\
         ess_cert_id_alg = sha256\n"
    )
}
