//! `ishibumi monitor`: logs, witnesses and mirrors, watched.

mod config;
mod metrics;
mod own_artifacts;
mod webhook;

use std::fmt::Write as _;
use std::future::Future;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use ishibumi::fetch::{Post, Targets, watch_round};
use ishibumi::monitor::{Gravity, Outcome, State, Watch};
use ishibumi_cli::render::{alarm_json, alarm_sentence, rfc3339};
use ishibumi_tlog::{Hash, Policy};
use ishibumi_wire::{Limits, serve};
use serde_json::{Value, json};

use super::audit::is_same_fork;
use super::{Exit, Failure, Output, files, network, trust};
use config::{Config, Log};
use ishibumi_tlog::shown;
use metrics::{Metrics, Page};
use own_artifacts::{Remembered, Watched, watched};

const EXAMPLES: &str = "Examples:
  ishibumi monitor --config monitor.toml
  ishibumi monitor --config monitor.toml --once --json

  # monitor.toml
  policy = \"policy.txt\"
  state_dir = \"monitor\"
  metrics_listen = \"127.0.0.1:9468\"
  [webhook]
  url = \"https://alarms.example/ishibumi\"
  [[log]]
  origin = \"log.example/2026\"
  files = [\"https://log.example\", \"https://mirror.example/log\", \"copy-of-the-log/\"]
  witnesses = [\"https://witness.example/monitor\"]
  [log.records]
  organizations = [\"NTRJP-1234567890123\"]
  tsu_certificates = [\"tsu.crt\"]
  own = [\"issued/\"]
  anchors = \"anchors/\"

Compares every checkpoint that is shown anywhere with every other and proves them consistent, reads the
new records, and raises alarms: fork, rollback, false-answer, unexpected-record, missed-record, stall,
unproven, unread, clock, unreachable. The evidence of a fork is a file in state_dir that anybody can check:
ishibumi fork verify. docs/monitor.md lists every key.

Exit codes: with --once 0 nothing stands, 1 something is wrong, 2 usage, 3 somebody does not answer (the
webhook too), 4 a log stands still, or what can be seen does not suffice to tell. Without --once it goes
on until it is told to stop, and ends with 0.";

/// The longest state file that is read, in octets.
const STATE_LEN_MAX: usize = 64 << 20;

/// Watch logs, witnesses and mirrors, and raise alarms
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MonitorArguments {
    /// What to watch, in TOML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// One round, and an exit code
    #[arg(long)]
    once: bool,
}

/// One log and the state that is kept of it.
struct Station {
    log: Log,
    posts: Vec<Post>,
    path: PathBuf,
    state: State,
    remembered: Remembered,
}

pub(crate) fn run(arguments: &MonitorArguments, voice: Output) -> Result<Exit, Failure> {
    let config = Config::read(&arguments.config)?;
    let policy = trust::read(&config.policy, config.allow_no_quorum, false)?;
    std::fs::create_dir_all(&config.state_dir).map_err(|error| {
        Failure::unavailable(format!("{}: {error}", config.state_dir.display()))
    })?;
    let stations = config.logs.iter();
    let stations = stations.map(|log| Station::open(log, &config.state_dir, &policy));
    let mut stations: Vec<Station> = stations.collect::<Result<_, _>>()?;
    let metrics = Metrics::new().map_err(Failure::unavailable)?;
    let metrics = Arc::new(metrics);
    network::block_on(async {
        if arguments.once {
            let rounds = round(&config, &policy, &mut stations, &metrics).await?;
            voice.say(&rounds.json(), &rounds.text(voice, false));
            return Ok(rounds.exit());
        }
        listen(&config, &metrics).await?;
        let mut stop = std::pin::pin!(asked_to_stop()?);
        loop {
            let ended = tokio::select! {
                () = &mut stop => return Ok(Exit::Proven),
                rounds = round(&config, &policy, &mut stations, &metrics) => rounds?,
            };
            if ended.changed() {
                voice.say(&ended.json(), &ended.text(voice, true));
            }
            tokio::select! {
                () = &mut stop => return Ok(Exit::Proven),
                () = tokio::time::sleep(Duration::from_secs(config.interval_s)) => {}
            }
        }
    })
}

/// Completes when the system or the user asks the program to stop.
fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: io::Error| Failure::unavailable(format!("signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn listen(config: &Config, metrics: &Arc<Metrics>) -> Result<(), Failure> {
    let Some(address) = config.metrics_listen else {
        return Ok(());
    };
    let failed = |error: io::Error| {
        Failure::unavailable(format!("metrics_listen {address}: {error}"))
            .advice("is another process listening there?")
    };
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    // If standard error is closed, there is no way left to report it.
    let _ = writeln!(io::stderr(), "ishibumi: metrics at http://{bound}/metrics");
    let page = Arc::new(Page(Arc::clone(metrics)));
    tokio::spawn(serve(
        listener,
        page,
        Limits::default(),
        std::future::pending(),
    ));
    Ok(())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

impl Station {
    fn open(log: &Log, folder: &Path, policy: &Policy) -> Result<Self, Failure> {
        let origin = &log.origin;
        if !policy.logs().iter().any(|known| known.key.name() == origin) {
            let message = format!("log {origin:?}: the policy has no key of a log of this name");
            return Err(Failure::usage(message));
        }
        let name = Hash::of(origin.as_bytes()).to_hex();
        let name = name.get(..16).unwrap_or_default();
        let path = folder.join(format!("{name}.monitor-state"));
        let state = if path.exists() {
            let octets = files::read(&path, STATE_LEN_MAX)?;
            State::decode(&octets, origin, policy).map_err(|error| {
                Failure::usage(format!("{}: {error}", path.display())).advice(
                    "move the file away to begin anew; what was seen before is then not compared",
                )
            })?
        } else {
            State::new(origin)
        };
        Ok(Self {
            posts: log.posts()?,
            log: log.clone(),
            path,
            state,
            remembered: Remembered::default(),
        })
    }

    fn save(&self, folder: &Path) -> Result<(), Failure> {
        for (name, evidence) in self.state.forks() {
            let is_same = |there: &[u8]| is_same_fork(there, evidence);
            let octets = evidence.encode();
            files::keep_evidence(&folder.join(name), octets.as_bytes(), is_same)?;
        }
        files::replace(&self.path, self.state.encode().as_bytes())
    }
}

/// The results of one round, log by log.
struct Rounds {
    at: u64,
    logs: Vec<(String, Outcome, u64, Vec<String>)>,
    untold: Option<Failure>,
}

async fn round(
    config: &Config,
    policy: &Policy,
    stations: &mut [Station],
    metrics: &Metrics,
) -> Result<Rounds, Failure> {
    let at = now();
    let mut logs = Vec::new();
    let mut untold = None;
    for station in stations {
        let Watched { list, own, refused } =
            watched(&station.log.records, &mut station.remembered)?;
        let state = station.state.clone();
        let watch = Watch::new(policy, config.settings(), state, at);
        let targets = Targets {
            posts: &station.posts,
            list: &list,
            own: &own,
        };
        let bar = network::progress_bar(0, "records");
        let progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let (outcome, state) = watch_round(watch, targets, progress).await;
        bar.finish_and_clear();
        station.state = state;
        // Evidence and state are on the disk before the alarm is sent.
        station.save(&config.state_dir)?;
        let origin = &station.log.origin;
        let news = !outcome.untold.is_empty() || !outcome.cleared.is_empty();
        if let Some(webhook) = config.webhook.as_ref().filter(|_| news) {
            match webhook::tell(webhook, &message(origin, at, &outcome)).await {
                Ok(()) => {
                    station.state.told();
                    station.save(&config.state_dir)?;
                }
                Err(failure) => {
                    metrics.webhook_failed();
                    super::tell(&failure.message);
                    untold = Some(failure);
                }
            }
        } else if config.webhook.is_none() {
            station.state.told();
        }
        metrics.round(origin, at, &outcome, &station.state);
        let size = station.state.size();
        logs.push((origin.clone(), outcome, size, refused));
    }
    Ok(Rounds { at, logs, untold })
}

/// What a webhook gets (docs/monitor.md, "Webhook").
fn message(origin: &str, at: u64, outcome: &Outcome) -> Value {
    let raised = outcome.alarms.iter();
    let raised = raised.filter(|(alarm, _)| outcome.untold.contains(&alarm.key()));
    json!({
        "log": origin,
        "time": rfc3339(at),
        "raised": raised.map(|(alarm, since)| with_since(alarm_json(alarm), *since)).collect::<Vec<_>>(),
        "cleared": outcome.cleared,
        "standing": outcome.alarms.len(),
    })
}

fn with_since(mut alarm: Value, since: u64) -> Value {
    if let Value::Object(members) = &mut alarm {
        members.insert("since".to_owned(), rfc3339(since).into());
    }
    alarm
}

impl Rounds {
    fn changed(&self) -> bool {
        let news = |outcome: &Outcome| !outcome.untold.is_empty() || !outcome.cleared.is_empty();
        self.logs.iter().any(|(_, outcome, _, _)| news(outcome))
    }

    fn exit(&self) -> Exit {
        let alarms = self
            .logs
            .iter()
            .flat_map(|(_, outcome, _, _)| &outcome.alarms);
        let gravities: Vec<Gravity> = alarms.map(|(alarm, _)| alarm.gravity()).collect();
        if gravities.contains(&Gravity::Wrong) {
            Exit::Disproven
        } else if gravities.contains(&Gravity::Unclear) {
            Exit::Indeterminate
        } else if gravities.contains(&Gravity::Silent)
            || self.untold.is_some()
            || self
                .logs
                .iter()
                .any(|(_, outcome, _, _)| outcome.answered == 0)
        {
            // A silent place gets patience; but if no place answered, that is not a success.
            Exit::Unavailable
        } else {
            Exit::Proven
        }
    }

    fn json(&self) -> Value {
        let logs = self.logs.iter().map(|(origin, outcome, size, refused)| {
            let alarms = outcome.alarms.iter();
            json!({
                "log": origin,
                "tree_size": size,
                "places_answered": outcome.answered,
                "alarms": alarms
                    .map(|(alarm, since)| with_since(alarm_json(alarm), *since))
                    .collect::<Vec<_>>(),
                "cleared": outcome.cleared,
                "more_unexpected": outcome.more_unexpected,
                "own_refused": refused,
            })
        });
        json!({
            "time": rfc3339(self.at),
            "logs": logs.collect::<Vec<_>>(),
            "webhook_failed": self.untold.as_ref().map(|failure| &failure.message),
        })
    }

    /// Every alarm that stands, or the new ones alone.
    fn text(&self, voice: Output, new: bool) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        for (origin, outcome, size, refused) in &self.logs {
            let shown = outcome.alarms.iter();
            let shown: Vec<_> = shown
                .filter(|(alarm, _)| !new || outcome.untold.contains(&alarm.key()))
                .collect();
            if !new {
                let (count, at) = (outcome.alarms.len(), rfc3339(self.at));
                let _ = writeln!(out, "{origin}: {size} records, {count} alarms at {at}");
                if outcome.answered == 0 {
                    let _ = writeln!(out, "{origin}: NO PLACE ANSWERED: nothing was compared");
                }
            }
            for (alarm, since) in shown {
                let (kind, since) = (alarm.kind(), rfc3339(*since));
                let said = shown::line(&alarm_sentence(alarm, voice.language));
                let _ = writeln!(out, "ALARM {kind} since {since}: {origin}: {said}");
            }
            for key in outcome.cleared.iter().map(|key| shown::line(key)) {
                let _ = writeln!(out, "cleared: {origin}: {key}");
            }
            if outcome.more_unexpected > 0 {
                let more = outcome.more_unexpected;
                let _ = writeln!(
                    out,
                    "{origin}: {more} more unexpected records are not listed"
                );
            }
            for refused in refused.iter().filter(|_| !new).map(|it| shown::line(it)) {
                let _ = writeln!(out, "not watched: {refused}");
            }
        }
        out
    }
}
