//! The commands of a mirror's operator: `ishibumi-witness mirror ...`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_wire::{HttpNet, Limits, Net};
use ishibumi_witness::mirror::{
    self, Listening, MirrorHome, MirrorMetrics, Puller, Pulling, Standing,
};
use ishibumi_witness::{HomeError, Recorded};
use serde_json::json;
use tokio::sync::watch;

use super::common::{Common, EXIT_CODES, Printed, utc};
use super::failure::Failure;
use super::import;
use super::keys;
use super::logs::{self, LogFollower};
use super::mirror_source::source;
use super::serve::{self, Open};

const EXAMPLES: &str = "\
Examples:
  ishibumi-witness mirror init --dir /var/lib/mirror --name mirror.example/m1
  ishibumi-witness mirror add-log --dir /var/lib/mirror --vkey 'log.example/1+4f5a6b7c+AX...' \\
      --url https://log.example --policy policy.txt
  ishibumi-witness mirror serve --dir /var/lib/mirror --listen 127.0.0.1:8081

Exit codes: 0 done; 1 refused or failed; 2 usage, or something exists already; 3 unavailable for now (the
directory is in use by another process, the address is taken, the disk failed, a log does not answer).";

/// What a mirror's operator can do.
#[derive(Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum MirrorCommand {
    /// Create the keys and the empty state of a mirror, and print its public keys (vkeys)
    ///
    /// The keys are the mirror's own: its cosignature says more than a witness's, so no witness may have
    /// them.
    #[command(after_help = EXIT_CODES)]
    Init {
        #[command(flatten)]
        common: Common,
        /// The mirror's name in its cosignatures: a URL without scheme
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Print the mirror's public keys (vkeys), a line each, also while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Vkey {
        #[command(flatten)]
        common: Common,
    },
    /// Copy another log; its first checkpoint will be trusted. Not while `serve` runs
    ///
    /// A log that is copied already only gets the given --url and --policy. Logs are never removed.
    #[command(after_help = EXIT_CODES)]
    AddLog {
        #[command(flatten)]
        common: Common,
        /// The log's public key; the name in it is the log's origin
        #[arg(long, value_name = "VKEY")]
        vkey: String,
        /// Pull the log from this prefix of its tlog-tiles interface; without it, the log pushes
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// The log's policy (C2SP tlog-policy): kept checkpoints have to satisfy it
        #[arg(long, value_name = "FILE", requires = "url")]
        policy: Option<PathBuf>,
    },
    /// Trust a second key of a log: of another type than those that it has. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    AddLogKey {
        #[command(flatten)]
        common: Common,
        /// The log's other public key; the name in it is the log's origin
        #[arg(long, value_name = "VKEY")]
        vkey: String,
    },
    /// Take and sign nothing more for a log; the copy stays and is served. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    DisableLog {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
    },
    /// Copy a disabled log again, from where it was. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    EnableLog {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
    },
    /// Say where the mirror stands with each log. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Status {
        #[command(flatten)]
        common: Common,
    },
    /// Print the evidence that logs forked, or may have. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Forks {
        #[command(flatten)]
        common: Common,
        /// Write each to a file in this directory, which is created; nothing is overwritten
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Let a halted log go on from the note that halted it. Not while `serve` runs
    ///
    /// See `ishibumi-witness resume --help`.
    #[command(after_help = EXIT_CODES)]
    Resume {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
    },
    /// Erase a list or response from the copy of a log, for good. Not while `serve` runs
    ///
    /// Every entry and every proof stays. That the log erased its own copy does not erase a mirror's: each
    /// operator decides.
    #[command(after_help = EXIT_CODES)]
    Erase {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
        /// SHA-256 of the list or response
        #[arg(long, value_name = "SHA256", value_parser = digest)]
        blob: Hash,
    },
    /// Bring over everything that the logs with a URL have, once, and end. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Follow {
        #[command(flatten)]
        common: Common,
    },
    /// Make a copy of a log from an archive of it: files or ZIP volumes. Not while `serve` runs
    ///
    /// Everything is verified first, against a checkpoint that has the policy's quorum; a damaged file is
    /// named and nothing is stored. The log's keys are those of the policy. Interrupted, it goes on when it
    /// is run again. With --url the mirror follows the log there afterwards.
    #[command(after_help = EXIT_CODES)]
    Import {
        #[command(flatten)]
        common: Common,
        /// The archive: a directory, a ZIP volume, a directory of volumes, as a path or file:///PATH
        #[arg(long, value_name = "PATH")]
        from: String,
        /// The log's policy (C2SP tlog-policy)
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Pull the log from this prefix of its tlog-tiles interface later on
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Take uploads, pull the logs with a URL, and serve the copies, until SIGTERM or SIGINT
    ///
    /// Prints `listening on http://ADDRESS` when ready. Put a reverse proxy with TLS in front. A log's copy
    /// is under /<hex SHA-256 of its origin>/.
    #[command(after_help = EXIT_CODES)]
    Serve {
        /// The mirror's directory
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Address for logs and readers; port 0 takes a free one
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// Address for GET /metrics; keep it off the public network
        #[arg(long, value_name = "ADDR")]
        admin_listen: Option<SocketAddr>,
        /// Seconds from the end of pulling a log to the next time
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        pull_interval: u64,
    },
}

impl MirrorCommand {
    /// Runs the command: whether the result goes out as JSON, and the result.
    pub(super) fn run(self) -> (bool, Result<Printed, Failure>) {
        match self {
            Self::Init { common, name } => (common.json, init(&common, &name)),
            Self::Vkey { common } => (common.json, vkey(&common)),
            Self::AddLog {
                common,
                vkey,
                url,
                policy,
            } => (
                common.json,
                add_log(&common, &vkey, url.as_deref(), policy.as_deref()),
            ),
            Self::AddLogKey { common, vkey } => {
                let add = |logs: &LogFollower| logs::add_key(logs, &vkey);
                (common.json, of_mirror(&common, add))
            }
            Self::DisableLog { common, origin } => {
                let disable = |logs: &LogFollower| logs::disable(logs, &origin, true);
                (common.json, of_mirror(&common, disable))
            }
            Self::EnableLog { common, origin } => {
                let enable = |logs: &LogFollower| logs::disable(logs, &origin, false);
                (common.json, of_mirror(&common, enable))
            }
            Self::Status { common } => (common.json, status(&common)),
            Self::Forks { common, out } => {
                let forks = |logs: &LogFollower| logs::forks(logs, out.as_deref());
                (common.json, of_mirror(&common, forks))
            }
            Self::Resume { common, origin } => {
                let resume = |logs: &LogFollower| logs::resume(logs, &origin);
                (common.json, of_mirror(&common, resume))
            }
            Self::Erase {
                common,
                origin,
                blob,
            } => (common.json, erase(&common, &origin, blob)),
            Self::Follow { common } => (common.json, follow(&common)),
            Self::Import {
                common,
                from,
                policy,
                url,
            } => {
                let outcome = import::run(&common, &from, &policy, url.as_deref());
                (common.json, outcome)
            }
            Self::Serve {
                dir,
                listen,
                admin_listen,
                pull_interval,
            } => {
                let interval = Duration::from_secs(pull_interval);
                (false, serve(&dir, listen, admin_listen, interval))
            }
        }
    }
}

/// Runs a command over the logs of a mirror that is not running.
fn of_mirror(
    common: &Common,
    command: impl FnOnce(&LogFollower) -> Result<Printed, Failure>,
) -> Result<Printed, Failure> {
    command(&MirrorHome::at(&common.dir).open_logs(logs::silent())?)
}

fn init(common: &Common, name: &str) -> Result<Printed, Failure> {
    let identity = MirrorHome::at(&common.dir).init(name);
    let identity = identity.map_err(|error| match error {
        HomeError::Key { cause, .. } => Failure::usage(&cause),
        other => other.into(),
    })?;
    Ok(keys::printed(identity.active()))
}

fn vkey(common: &Common) -> Result<Printed, Failure> {
    let keys = MirrorHome::at(&common.dir).keys()?;
    let keys: Vec<VerifierKey> = keys.iter().map(|key| key.verifier().clone()).collect();
    Ok(keys::printed(&keys))
}

fn add_log(
    common: &Common,
    vkey: &str,
    url: Option<&str>,
    policy: Option<&Path>,
) -> Result<Printed, Failure> {
    let key = logs::parse_key(vkey)?;
    let source = url.map(|url| source(url, policy)).transpose()?;
    let added = MirrorHome::at(&common.dir).add_log(&key, source.as_ref())?;
    Ok(logs::added(&key, added))
}

fn status(common: &Common) -> Result<Printed, Failure> {
    let mirror = MirrorHome::at(&common.dir).open(logs::silent())?;
    let (mut text, mut list) = (String::new(), Vec::new());
    for standing in mirror.standings()? {
        text.push_str(&line(&standing));
        let Standing { log, next, signed } = &standing;
        let id = ishibumi_tlog::Hash::of(log.origin().as_bytes());
        list.push(json!({
            "origin": log.origin(),
            "id": id.to_hex(),
            "pending_size": log.size(),
            "next_entry": next,
            "size": signed.as_ref().map_or(0, |signed| signed.checkpoint().size),
            "root": signed.as_ref().map(|signed| signed.checkpoint().root.to_hex()),
            "time": signed.as_ref().and_then(Recorded::time),
            "disabled": log.is_disabled(),
            "halted_by_size": log.halted().map(|note| note.checkpoint().size),
            "forked": mirror.follower().fork(log)?.is_some(),
        }));
    }
    Ok(Printed {
        text,
        json: json!({ "logs": list }),
    })
}

fn line(standing: &Standing) -> String {
    let Standing { log, next, signed } = standing;
    let copied = match signed {
        Some(signed) => format!(
            "size {}, root {}, cosigned at {}",
            signed.checkpoint().size,
            signed.checkpoint().root,
            utc(signed.time().unwrap_or(0)),
        ),
        None => "nothing cosigned yet".to_owned(),
    };
    let halted = log.halted().map_or("", |_| "; HALTED");
    let disabled = if log.is_disabled() { "; DISABLED" } else { "" };
    let (origin, pending) = (log.origin(), log.size());
    let id = Hash::of(origin.as_bytes());
    format!(
        "{origin}: {copied}; {next} of {pending} entries stored; served under /{id}/{halted}{disabled}\n"
    )
}

fn digest(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "expected 64 hexadecimal digits".to_owned())
}

fn erase(common: &Common, origin: &str, blob: Hash) -> Result<Printed, Failure> {
    let was_there = MirrorHome::at(&common.dir).erase_blob(origin, blob)?;
    let done = if was_there {
        "erased"
    } else {
        "it was not there, and will not be brought over"
    };
    Ok(Printed {
        text: format!("{done}\n"),
        json: json!({ "was_there": was_there }),
    })
}

fn follow(common: &Common) -> Result<Printed, Failure> {
    let metrics = Arc::new(MirrorMetrics::new().map_err(|error| Failure::refused(&error))?);
    let mirror = Arc::new(MirrorHome::at(&common.dir).open(metrics.alarms())?);
    let runtime = serve::runtime()?;
    let (stop, stopped) = watch::channel(false);
    let net: Arc<dyn Net> = runtime.block_on(async { Arc::new(HttpNet::new()) as Arc<dyn Net> });
    let pullers = {
        let _entered = runtime.enter();
        let terminated = serve::termination()?;
        runtime.spawn(async move {
            terminated.await;
            stop.send_replace(true);
        });
        Puller::all(&mirror, &metrics, &net, &stopped)?
    };
    let (mut text, mut list, mut failures) = (String::new(), Vec::new(), Vec::new());
    for mut puller in pullers {
        let origin = puller.origin().to_owned();
        // One log that does not answer keeps no other from being followed.
        let pulled = match puller.round() {
            Ok(pulled) => pulled,
            Err(error) => {
                let Failure { message, code } = error.into();
                failures.push((code, format!("{origin}: {message}")));
                continue;
            }
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{origin}: size {}; {} entries, {} blobs and {} kept checkpoints are new; {} blobs are missing",
            pulled.size, pulled.entries, pulled.blobs, pulled.kept, pulled.missing_blobs,
        );
        list.push(json!({
            "origin": origin,
            "size": pulled.size,
            "entries": pulled.entries,
            "blobs": pulled.blobs,
            "missing_blobs": pulled.missing_blobs,
            "kept": pulled.kept,
        }));
    }
    if let Some(&(code, _)) = failures.first() {
        let lines = failures.into_iter().map(|(_, message)| message);
        let message = lines.collect::<Vec<_>>().join("\n");
        return Err(Failure { message, code });
    }
    Ok(Printed {
        text,
        json: json!({ "logs": list }),
    })
}

fn serve(
    dir: &Path,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
    interval: Duration,
) -> Result<Printed, Failure> {
    let metrics = Arc::new(MirrorMetrics::new().map_err(|error| Failure::refused(&error))?);
    let mirror = Arc::new(MirrorHome::at(dir).open(metrics.alarms())?);
    serve::runtime()?.block_on(async {
        let Open {
            listener,
            admin,
            shutdown,
        } = Open::new(listen, admin).await?;
        let net = Arc::new(HttpNet::new());
        let pulling = Pulling { net, interval };
        let listening = Listening {
            public: listener,
            admin,
            limits: Limits::default(),
        };
        mirror::serve(mirror, metrics, listening, pulling, shutdown).await?;
        Ok(serve::nothing())
    })
}
