//! One run: connections on one thread, each taking the next submission that is due.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ishibumi_tlog::Policy;
use tokio::time::{Instant, sleep, sleep_until};

use crate::answer::read_answer;
use crate::check::{Sample, check};
use crate::connection::{Answer, Connection, Target};
use crate::counts::{Counts, Usage};
use crate::error::LoadError;
use crate::journal::Journal;
use crate::options::{Options, Wait};
use crate::report::Report;
use crate::work::{Submission, Work, read};

/// After a refusal with Retry-After a connection waits as long, but no longer than this.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// A connection that broke is opened again after this.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// The state that the connections share; one thread, so nothing is ever borrowed twice.
struct Shared {
    work: Work,
    counts: Counts,
    samples: Vec<Sample>,
    journal: Option<Journal>,
    submissions: u64,
    artifacts: u64,
}

struct Plan {
    path: &'static str,
    media_type: &'static str,
    batch: bool,
    starts: Instant,
    ends: Instant,
    interval: Option<Duration>,
    count: u64,
    sample_every: u64,
    target: Target,
}

/// Runs what `options` ask for, and checks the sample.
///
/// # Errors
/// [`LoadError`] if it cannot begin. Later errors are counted in the report.
pub fn run(options: &Options) -> Result<Report, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| LoadError::Usage(error.to_string()))?;
    tokio::task::LocalSet::new().block_on(&runtime, measure(options))
}

async fn measure(options: &Options) -> Result<Report, LoadError> {
    let (host, address) = options.target()?;
    let bearer = String::from_utf8_lossy(&read(&options.token_file)?)
        .trim()
        .to_owned();
    let target = Target {
        address,
        host,
        bearer: format!("Bearer {bearer}"),
    };
    let policy = options
        .policy
        .as_deref()
        .map(|file| {
            Policy::parse(&read(file)?)
                .map_err(|error| LoadError::Usage(format!("{}: {error}", file.display())))
        })
        .transpose()?;
    let work = Work::new(options)?;
    let media_type = work.media_type();
    let journal = options.journal.as_deref().map(Journal::open).transpose();
    let journal = journal.map_err(|error| LoadError::Usage(format!("--journal: {error}")))?;

    let mut connections = Vec::new();
    for _ in 0..options.clients {
        let connection = Connection::open(&target).await;
        connections.push(connection.map_err(LoadError::Unreachable)?);
    }
    let starts = Instant::now();
    let plan = Rc::new(Plan {
        path: match options.wait {
            Wait::Durable => "/v1/submit?wait=durable",
            Wait::Quorum => "/v1/submit?wait=quorum",
        },
        media_type,
        batch: options.batch > 1,
        starts,
        ends: starts + Duration::from_secs(options.seconds),
        interval: options.interval(),
        count: options.count,
        sample_every: options.sample_every,
        target: target.clone(),
    });
    let shared = Rc::new(RefCell::new(Shared {
        work,
        counts: Counts::new(starts),
        samples: Vec::new(),
        journal,
        submissions: 0,
        artifacts: 0,
    }));
    let before = Usage::now(options);
    let clients: Vec<_> = connections
        .into_iter()
        .map(|connection| {
            let client = client(Rc::clone(&plan), Rc::clone(&shared), connection);
            tokio::task::spawn_local(client)
        })
        .collect();
    for client in clients {
        client.await.map_err(|e| LoadError::Usage(e.to_string()))?;
    }
    let after = Usage::now(options);
    // The clients are gone, so this is the last owner.
    let Some(Shared {
        work,
        counts,
        samples,
        ..
    }) = Rc::into_inner(shared).map(RefCell::into_inner)
    else {
        return Err(LoadError::Usage("a connection is still running".to_owned()));
    };
    let connection = Connection::open(&target).await;
    let checked = match connection {
        Ok(connection) => check(samples, &work, policy.as_ref(), connection).await,
        Err(why) => crate::check::Checked {
            failures: vec![format!("the sample was not checked: {why}")],
            ..Default::default()
        },
    };
    Ok(Report::new(
        options, starts, &counts, &checked, &before, &after,
    ))
}

async fn client(plan: Rc<Plan>, shared: Rc<RefCell<Shared>>, connection: Connection) {
    let mut connection = Some(connection);
    loop {
        let now = Instant::now();
        let next = shared.borrow_mut().next(&plan, now);
        let Some((due, sampled, submission)) = next else {
            return;
        };
        if due > now {
            sleep_until(due).await;
        }
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(&plan.target).await,
        };
        let answered = match open {
            Ok(mut open) => {
                let body = submission.body.clone();
                let answer = open.post(plan.path, plan.media_type, body).await;
                answer.map(|answer| (open, answer))
            }
            Err(why) => Err(why),
        };
        match answered {
            Ok((open, answer)) => {
                let pause = shared
                    .borrow_mut()
                    .take(&plan, due, sampled, &submission, &answer);
                // The log closes a connection after some refusals, and says so.
                connection = (!answer.headers.contains_key("connection")).then_some(open);
                if let Some(pause) = pause {
                    sleep(pause).await;
                }
            }
            Err(why) => {
                shared.borrow_mut().counts.broke(why);
                sleep(RECONNECT_PAUSE).await;
            }
        }
    }
}

impl Shared {
    /// The next submission, when it is due, and whether it is in the sample; `None` at the end.
    fn next(&mut self, plan: &Plan, now: Instant) -> Option<(Instant, bool, Submission)> {
        let due = match plan.interval {
            Some(interval) => {
                // At most 2^32 submissions are due in 600 seconds at any interval that keeps up.
                let due = u32::try_from(self.submissions).unwrap_or(u32::MAX);
                plan.starts + interval * due
            }
            None => now,
        };
        if due >= plan.ends || self.artifacts >= plan.count {
            return None;
        }
        let submission = self.work.next()?;
        let sampled = self.submissions.is_multiple_of(plan.sample_every);
        self.submissions += 1;
        self.artifacts += submission.artifacts;
        Some((due, sampled, submission))
    }

    /// Counts an answer; how long to wait before the next submission, if the log asks for it.
    fn take(
        &mut self,
        plan: &Plan,
        due: Instant,
        sampled: bool,
        submission: &Submission,
        answer: &Answer,
    ) -> Option<Duration> {
        let now = Instant::now();
        let counts = &mut self.counts;
        *counts.statuses.entry(answer.status.as_u16()).or_default() += 1;
        let promised = match read_answer(answer, plan.batch, submission.artifacts) {
            Ok(promised) => promised,
            Err(why) => {
                counts.broke(why);
                return None;
            }
        };
        let acknowledged = promised.iter().flatten().count() as u64;
        counts.records += acknowledged;
        counts.refused += submission.artifacts - acknowledged;
        if acknowledged == 0 {
            let text = String::from_utf8_lossy(&answer.body);
            counts.last_error = Some(text.chars().take(300).collect());
            let seconds: u64 = answer
                .headers
                .get("retry-after")?
                .to_str()
                .ok()?
                .parse()
                .ok()?;
            return plan
                .interval
                .is_none()
                .then(|| RETRY_MAX.min(Duration::from_secs(seconds)));
        }
        counts.ended = now;
        let latency = u64::try_from((now - due).as_micros()).unwrap_or(u64::MAX);
        counts.latencies.saturating_record(latency.max(1));
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(promised.iter().flatten())
        {
            counts.broke(format!("the journal: {error}"));
        }
        if sampled && let Some(Some(acknowledged)) = promised.into_iter().next() {
            self.samples.push(Sample {
                artifact: submission.first.clone(),
                acknowledged,
            });
        }
        None
    }
}
