//! Commands, their output, and their exit codes, which are part of the promise:
//! 0 done, 1 refused or failed, 2 usage, 3 unavailable for now.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_wire::Limits;
use ishibumi_witness::{Added, Alarms, Cosigned, Home, HomeError, LogState, Metrics, Witness};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 refused or failed; 2 usage; 3 unavailable for now (the directory is in use by
another process, the address is taken, the disk failed).";

const EXAMPLES: &str = "\
Examples:
  ishibumi-witness init --dir /var/lib/witness --name witness.example/w1
  ishibumi-witness add-log --dir /var/lib/witness --vkey 'log.example/1+4f5a6b7c+AX...'
  ishibumi-witness serve --dir /var/lib/witness --listen 127.0.0.1:8080 --admin-listen 127.0.0.1:9090

Exit codes: 0 done; 1 refused or failed; 2 usage; 3 unavailable for now (the directory is in use by
another process, the address is taken, the disk failed).";

/// A witness of transparency logs: cosigns a log's checkpoints as long as the log only grows
/// (C2SP tlog-witness).
///
/// Never restore the state directory from a backup: a witness that forgets what it signed can be made
/// to sign a second history. If the state is lost, make a new witness with a new key.
#[derive(Parser)]
#[command(name = "ishibumi-witness", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create the key and the empty state of a witness, and print its public key (vkey)
    #[command(after_help = EXIT_CODES)]
    Init {
        #[command(flatten)]
        common: Common,
        /// The witness's name in its cosignatures: a URL without scheme
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Watch another log; its first checkpoint will be trusted. Not while `serve` runs
    ///
    /// Logs are added, never removed, and a log's key never changes: whoever could make the witness
    /// forget a log could have it sign a second history.
    #[command(after_help = EXIT_CODES)]
    AddLog {
        #[command(flatten)]
        common: Common,
        /// The log's public key; the name in it is the log's origin
        #[arg(long, value_name = "VKEY")]
        vkey: String,
        /// Refuse unless the name in the key is this origin
        #[arg(long, value_name = "ORIGIN")]
        origin: Option<String>,
    },
    /// List the logs and what is remembered of each. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Logs {
        #[command(flatten)]
        common: Common,
    },
    /// Print the proofs that logs forked: two signed notes each. Not while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Forks {
        #[command(flatten)]
        common: Common,
    },
    /// Let a halted log go on from the note that halted it. Not while `serve` runs
    ///
    /// A log is halted when somebody submits a checkpoint with a valid cosignature of this witness that
    /// its state does not know: the state is an older copy, or the key runs in two places. Find out
    /// which. If no other process holds the key, and the note is the newest that this witness can have
    /// signed (ask the log and its monitors), resume; otherwise make a new witness with a new key.
    #[command(after_help = EXIT_CODES)]
    Resume {
        #[command(flatten)]
        common: Common,
        /// The log's origin
        #[arg(long, value_name = "ORIGIN")]
        origin: String,
    },
    /// Answer add-checkpoint requests until SIGTERM or SIGINT
    ///
    /// Prints `listening on http://ADDRESS` when ready. Put a reverse proxy with TLS in front.
    #[command(after_help = EXIT_CODES)]
    Serve {
        /// The witness's directory
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Address for logs and monitors; port 0 takes a free one
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// Address for GET /metrics; keep it off the public network
        #[arg(long, value_name = "ADDR")]
        admin_listen: Option<SocketAddr>,
    },
    /// Print the witness's public key (vkey), also while `serve` runs
    #[command(after_help = EXIT_CODES)]
    Vkey {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct Common {
    /// The witness's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What a command prints: for people, and with `--json`.
struct Printed {
    text: String,
    json: Value,
}

pub(crate) fn run() -> ExitCode {
    let (json, outcome) = match Cli::parse().command {
        Command::Init { common, name } => (common.json, init(&common, &name)),
        Command::AddLog {
            common,
            vkey,
            origin,
        } => (common.json, add_log(&common, &vkey, origin.as_deref())),
        Command::Logs { common } => (common.json, logs(&common)),
        Command::Forks { common } => (common.json, forks(&common)),
        Command::Resume { common, origin } => (common.json, resume(&common, &origin)),
        Command::Vkey { common } => (common.json, vkey(&common)),
        Command::Serve {
            dir,
            listen,
            admin_listen,
        } => {
            let done = Printed {
                text: String::new(),
                json: Value::Null,
            };
            (
                false,
                serve(&Home::at(dir), listen, admin_listen).map(|()| done),
            )
        }
    };
    match outcome {
        Ok(printed) => {
            let text = if json {
                format!("{}\n", printed.json)
            } else {
                printed.text
            };
            say(&text);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if json {
                say(&format!("{}\n", json!({ "error": failure.message })));
            }
            let _ = writeln!(std::io::stderr(), "ishibumi-witness: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Standard output may be a pipe that was closed; then nobody is listening.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// For commands that cosign nothing: no alarm can be raised.
fn silent() -> Alarms {
    Box::new(|_| {})
}

fn init(common: &Common, name: &str) -> Result<Printed, Failure> {
    let key = Home::at(&common.dir)
        .init(name)
        .map_err(|error| match error {
            HomeError::Key { cause, .. } => Failure::usage(&cause),
            other => other.into(),
        })?;
    Ok(printed_key(&key))
}

fn vkey(common: &Common) -> Result<Printed, Failure> {
    let key = Home::at(&common.dir).key()?;
    Ok(printed_key(key.verifier()))
}

fn printed_key(key: &VerifierKey) -> Printed {
    Printed {
        text: format!("{key}\n"),
        json: json!({ "name": key.name(), "vkey": key.to_string() }),
    }
}

fn add_log(common: &Common, vkey: &str, origin: Option<&str>) -> Result<Printed, Failure> {
    let key: VerifierKey = vkey
        .parse()
        .map_err(|error| Failure::usage(&format!("--vkey: {error}")))?;
    if let Some(origin) = origin.filter(|&origin| origin != key.name()) {
        let name = key.name();
        return Err(Failure::usage(&format!(
            "the key is that of {name:?}, not of {origin:?}"
        )));
    }
    let added = Home::at(&common.dir).open(silent())?.add_log(&key)?;
    let (word, new) = match added {
        Added::New => ("added", true),
        Added::Already => ("was there already", false),
    };
    Ok(Printed {
        text: format!("{} {word}\n", key.name()),
        json: json!({ "origin": key.name(), "vkey": key.to_string(), "new": new }),
    })
}

fn logs(common: &Common) -> Result<Printed, Failure> {
    let witness = Home::at(&common.dir).open(silent())?;
    let mut text = String::new();
    let mut list = Vec::new();
    for log in witness.logs()? {
        let forked = witness.fork(log.key().name())?.is_some();
        text.push_str(&log_line(&log, forked));
        let first = log
            .first()
            .map(|first| json!({ "size": first.size, "time": first.time }));
        let halted = log.halted().map(|note| note.checkpoint().size);
        list.push(json!({
            "origin": log.key().name(),
            "vkey": log.key().to_string(),
            "first": first,
            "size": log.size(),
            "root": log.latest().map(|latest| latest.checkpoint().root.to_hex()),
            "time": log.latest().map(Cosigned::time),
            "halted_by_size": halted,
            "forked": forked,
        }));
    }
    Ok(Printed {
        text,
        json: json!({ "logs": list }),
    })
}

fn log_line(log: &LogState, forked: bool) -> String {
    let mut parts = vec![match log.latest() {
        Some(latest) => format!(
            "{}: size {}, root {}, cosigned at {}",
            log.key().name(),
            log.size(),
            latest.checkpoint().root,
            latest.time(),
        ),
        None => format!("{}: nothing cosigned yet", log.key().name()),
    }];
    if let Some(note) = log.halted() {
        let size = note.checkpoint().size;
        parts.push(format!(
            "HALTED: this witness cosigned size {size} and forgot it"
        ));
    }
    if forked {
        parts.push("FORKED: see `ishibumi-witness forks`".to_owned());
    }
    parts.join("; ") + "\n"
}

fn forks(common: &Common) -> Result<Printed, Failure> {
    let witness = Home::at(&common.dir).open(silent())?;
    let (mut texts, mut list) = (Vec::new(), Vec::new());
    for log in witness.logs()? {
        let origin = log.key().name();
        let Some(fork) = witness.fork(origin)? else {
            continue;
        };
        let (held, submitted) = (fork.held.encode(), fork.submitted.encode());
        texts.push(format!(
            "{origin} forked, seen at {}\n\ncosigned:\n{held}\nrefused:\n{submitted}\n",
            fork.seen
        ));
        list.push(json!({
            "origin": origin,
            "vkey": log.key().to_string(),
            "seen": fork.seen,
            "held": held,
            "submitted": submitted,
        }));
    }
    if texts.is_empty() {
        texts.push("no log forked\n".to_owned());
    }
    Ok(Printed {
        text: texts.concat(),
        json: json!({ "forks": list }),
    })
}

fn resume(common: &Common, origin: &str) -> Result<Printed, Failure> {
    let size = Home::at(&common.dir).open(silent())?.resume(origin)?;
    Ok(Printed {
        text: format!("{origin} goes on from size {size}\n"),
        json: json!({ "origin": origin, "size": size }),
    })
}

fn serve(home: &Home, listen: SocketAddr, admin: Option<SocketAddr>) -> Result<(), Failure> {
    let metrics = Arc::new(Metrics::new().map_err(|error| Failure::refused(&error))?);
    let witness = Arc::new(home.open(metrics.alarms())?);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unavailable(&error))?
        .block_on(listen_and_serve(witness, metrics, listen, admin))
}

async fn listen_and_serve<R: Registers, C: Clock>(
    witness: Arc<Witness<R, C>>,
    metrics: Arc<Metrics>,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(|error| Failure::unavailable(&error));
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let (listener, address) = bind(listen).await?;
    let admin = match admin {
        Some(admin) => Some(bind(admin).await?),
        None => None,
    };
    say(&format!("listening on http://{address}\n"));
    if let Some((_, address)) = &admin {
        say(&format!("metrics on http://{address}/metrics\n"));
    }
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let admin = admin.map(|(listener, _)| listener);
    ishibumi_witness::serve(
        witness,
        metrics,
        listener,
        admin,
        Limits::default(),
        shutdown,
    )
    .await?;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    bound
        .await
        .map_err(|error| Failure::unavailable(&format!("{address}: {error}")))
}
