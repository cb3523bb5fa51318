//! What to watch: one TOML file (docs/monitor.md). Paths are relative to the file; no
//! unknown key is passed over.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ishibumi::fetch::{Post, PostKind, Source};
use ishibumi::monitor::Settings;
use ishibumi_archive::reader;
use serde::Deserialize;

use super::super::sha1::ExistedOn;
use super::super::{Failure, files, network};

/// The longest configuration that is read, in octets.
const CONFIG_LEN_MAX: usize = 1 << 20;

/// The configuration, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The policy: the keys of the logs, the witnesses, the quorum.
    pub(super) policy: PathBuf,
    /// Folder for the state between rounds, and for evidence.
    pub(super) state_dir: PathBuf,
    /// Accept a policy with `quorum none`.
    #[serde(default)]
    pub(super) allow_no_quorum: bool,
    /// Seconds from the end of a round to the next.
    #[serde(default = "one_minute")]
    pub(super) interval_s: u64,
    /// How long a log may stand still, and a place stay behind others, in seconds.
    #[serde(default = "one_hour")]
    stall_s: u64,
    /// How long a place may not answer, in seconds.
    #[serde(default)]
    unreachable_s: u64,
    /// The address that metrics are served on.
    pub(super) metrics_listen: Option<SocketAddr>,
    /// The receiver of alarms.
    pub(super) webhook: Option<Webhook>,
    /// The logs.
    #[serde(default, rename = "log")]
    pub(super) logs: Vec<Log>,
}

/// The receiver of alarms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    /// Gets a `POST` of JSON.
    pub(super) url: String,
    /// File with a bearer token.
    pub(super) token_file: Option<PathBuf>,
    /// How often one message is tried.
    #[serde(default = "three")]
    pub(super) attempts: u32,
    /// How long to wait for each answer.
    #[serde(default = "ten")]
    pub(super) timeout_s: u64,
}

/// One log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// Its name; the policy has its key.
    pub(super) origin: String,
    /// Where its files are: the log, mirrors, folders.
    files: Vec<String>,
    /// Monitoring prefixes of witnesses.
    #[serde(default)]
    witnesses: Vec<String>,
    /// What to look for in its records.
    #[serde(default)]
    pub(super) records: Records,
}

/// What to look for in the records of a log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Records {
    /// OwnArtifacts organisation identifiers (2.5.4.97), such as `NTRJP-1234567890123`.
    #[serde(default)]
    pub(super) organizations: Vec<String>,
    /// Hashes of the certificates of own time-stamping units, as tokens name them, in hexadecimal.
    #[serde(default)]
    pub(super) tsus: Vec<String>,
    /// The certificates themselves.
    #[serde(default)]
    pub(super) tsu_certificates: Vec<PathBuf>,
    /// OwnArtifacts artifacts: folders, or files.
    #[serde(default)]
    pub(super) own: Vec<PathBuf>,
    /// OwnArtifacts records, as lists of leaf hashes.
    #[serde(default)]
    pub(super) own_leaves: Vec<PathBuf>,
    /// Trusted certificates, to make the records of own artifacts with.
    pub(super) anchors: Option<PathBuf>,
    /// Accept SHA-1 in own artifacts, which existed on that day.
    pub(super) accept_sha1: Option<ExistedOn>,
    /// How long after its own time an artifact has to be in the log.
    #[serde(default = "one_hour")]
    pub(super) deadline_s: u64,
}

const fn one_minute() -> u64 {
    60
}

const fn one_hour() -> u64 {
    3600
}

const fn three() -> u32 {
    3
}

const fn ten() -> u64 {
    10
}

impl Config {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let octets = files::read(path, CONFIG_LEN_MAX)?;
        let wrong = |message: String| {
            Failure::usage(format!("{}: {message}", path.display()))
                .advice("docs/monitor.md lists every key with an example")
        };
        let text = std::str::from_utf8(&octets).map_err(|error| wrong(error.to_string()))?;
        let mut config: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if config.logs.is_empty() {
            return Err(wrong("no [[log]]: there is nothing to watch".to_owned()));
        }
        for log in &config.logs {
            if log.files.is_empty() {
                let origin = &log.origin;
                return Err(wrong(format!("log {origin:?}: `files` names no place")));
            }
            let records = &log.records;
            if !records.own.is_empty() && records.anchors.is_none() {
                let origin = &log.origin;
                return Err(wrong(format!(
                    "log {origin:?}: `own` needs `anchors`, to make the records of own artifacts"
                )));
            }
        }
        if let Some(webhook) = &config.webhook {
            network::http_url(&webhook.url).map_err(|error| wrong(format!("webhook: {error}")))?;
        }
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Makes paths relative to the file's folder.
    fn resolve(&mut self, folder: &Path) {
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
        resolve(&mut self.policy);
        resolve(&mut self.state_dir);
        if let Some(token) = self
            .webhook
            .as_mut()
            .and_then(|hook| hook.token_file.as_mut())
        {
            resolve(token);
        }
        for log in &mut self.logs {
            for place in &mut log.files {
                if !place.contains("://") {
                    *place = folder.join(&*place).display().to_string();
                }
            }
            let records = &mut log.records;
            let lists = [
                &mut records.tsu_certificates,
                &mut records.own,
                &mut records.own_leaves,
            ];
            lists.into_iter().flatten().for_each(resolve);
            records.anchors.iter_mut().for_each(resolve);
        }
    }

    /// How patient to be.
    pub(super) const fn settings(&self) -> Settings {
        Settings {
            stall_s: self.stall_s,
            unreachable_s: self.unreachable_s,
        }
    }
}

impl Log {
    /// The places where it can be seen. A folder that does not exist yet is a place that does not
    /// answer.
    pub(super) fn posts(&self) -> Result<Vec<Post>, Failure> {
        let files = self.files.iter().map(|name| (name, PostKind::Files));
        let witnesses = self.witnesses.iter().map(|name| (name, PostKind::Witness));
        let post = |(name, kind): (&String, PostKind)| {
            let source = match reader::path_of(name).map_err(Failure::usage)? {
                Some(path) if path.exists() => network::archive(&path)?,
                Some(path) => Source::directory(path),
                None => {
                    let url = network::log_url(name)
                        .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
                    Source::url(network::net(), &url)
                }
            };
            let name = name.clone();
            Ok(Post { name, source, kind })
        };
        files.chain(witnesses).map(post).collect()
    }
}
