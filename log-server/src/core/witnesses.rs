//! Asking witnesses (C2SP tlog-witness, add-checkpoint), each at its own pace.
//!
//! Every witness has a task of its own that always works on the newest round. A slow, dead or lying one
//! delays nobody: its task waits, backs off and tries again, while the others make the quorum.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ishibumi_store::{LogStore, consistency_proof};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{Note, SIGNATURES_MAX, SignatureLine};
use ishibumi_wire::{Net, Request, Response};
use tokio::sync::watch;

use super::publisher::Round;

/// The longest answer that is read from a witness, in octets.
const ANSWER_LEN_MAX: usize = 64 << 10;
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A witness that the log asks.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its key.
    pub key: VerifierKey,
    /// Its submission prefix.
    pub url: String,
    /// How long it has for one answer.
    pub deadline: Duration,
}

/// What came of asking a witness.
#[derive(Clone, Debug)]
pub enum Report {
    /// It cosigned the head of a round; the lines are verified.
    Cosigned {
        /// The round.
        round: u64,
        /// Its key name.
        witness: String,
        /// The cosignature lines.
        lines: Vec<SignatureLine>,
        /// How long it took.
        took: Duration,
    },
    /// It says that it cosigned a larger tree than this log has signed.
    Ahead {
        /// Its key name.
        witness: String,
        /// The size that it claims.
        theirs: u64,
        /// The size of the head that it was asked about.
        ours: u64,
        /// Whether it has agreed with this log since the process started.
        agreed_before: bool,
    },
    /// It did not cosign.
    Failed {
        /// Its key name.
        witness: String,
        /// Why.
        why: String,
    },
}

enum Answer {
    Cosigned(Vec<SignatureLine>),
    Knows(u64),
}

/// Follows the rounds until the sender of rounds is gone; `report` gets what comes of it.
pub(super) async fn follow(
    endpoint: Endpoint,
    store: Arc<dyn LogStore>,
    net: Arc<dyn Net>,
    mut rounds: watch::Receiver<Option<Round>>,
    report: impl Fn(Report) + Send + Sync,
) {
    // The size that the witness cosigned last; unknown at first, and asked for with `old 0`.
    let mut known: u64 = 0;
    let mut agreed = false;
    let mut backoff = BACKOFF_MIN;
    let witness = || endpoint.key.name().to_owned();
    while rounds.changed().await.is_ok() {
        loop {
            let Some(round) = rounds.borrow_and_update().clone() else {
                break;
            };
            let asked = Instant::now();
            let ours = round.head.checkpoint.size;
            let outcome = ask(&endpoint, store.as_ref(), net.as_ref(), &round, known).await;
            let outcome = match outcome {
                Ok(Answer::Knows(theirs)) if theirs <= ours => {
                    ask(&endpoint, store.as_ref(), net.as_ref(), &round, theirs).await
                }
                other => other,
            };
            match outcome {
                Ok(Answer::Cosigned(lines)) => {
                    (known, agreed, backoff) = (ours, true, BACKOFF_MIN);
                    let took = asked.elapsed();
                    report(Report::Cosigned {
                        round: round.number,
                        witness: witness(),
                        lines,
                        took,
                    });
                    break;
                }
                Ok(Answer::Knows(theirs)) if theirs > ours => {
                    let witness = witness();
                    report(Report::Ahead {
                        witness,
                        theirs,
                        ours,
                        agreed_before: agreed,
                    });
                }
                Ok(Answer::Knows(theirs)) => {
                    let why = format!("it answered 409 with size {theirs} to that very size");
                    report(Report::Failed {
                        witness: witness(),
                        why,
                    });
                }
                Err(why) => report(Report::Failed {
                    witness: witness(),
                    why,
                }),
            }
            // Wait a little, but turn to a newer round at once.
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                newer = rounds.changed() => if newer.is_err() { return },
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }
}

async fn ask(
    endpoint: &Endpoint,
    store: &dyn LogStore,
    net: &dyn Net,
    round: &Round,
    old: u64,
) -> Result<Answer, String> {
    let size = round.head.checkpoint.size;
    let proof = consistency_proof(store, old, size).map_err(|error| error.to_string())?;
    let mut body = format!("old {old}\n");
    for hash in proof.unwrap_or_default() {
        body.push_str(&hash.to_base64());
        body.push('\n');
    }
    body.push('\n');
    body.push_str(&round.note.encode());
    let url = format!("{}/add-checkpoint", endpoint.url.trim_end_matches('/'));
    let mut request = Request::post(url, body.into_bytes(), ANSWER_LEN_MAX);
    request.deadline = endpoint.deadline;
    let answer = net.send(request).await.map_err(|error| error.to_string())?;
    read_answer(&answer, endpoint, round)
}

fn read_answer(answer: &Response, endpoint: &Endpoint, round: &Round) -> Result<Answer, String> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    match answer.status {
        200 => cosignatures(text, endpoint, round).map(Answer::Cosigned),
        409 => text
            .strip_suffix('\n')
            .and_then(|size| size.parse().ok())
            .map(Answer::Knows)
            .ok_or_else(|| "409 without a size".to_owned()),
        status => {
            let said: String = text.chars().take(200).filter(|c| !c.is_control()).collect();
            Err(format!("{status}: {said}"))
        }
    }
}

/// The lines by the witness's own key, verified over the very head that was sent.
fn cosignatures(
    text: &str,
    endpoint: &Endpoint,
    round: &Round,
) -> Result<Vec<SignatureLine>, String> {
    let lines: Vec<SignatureLine> = text
        .lines()
        .take(SIGNATURES_MAX)
        .filter_map(SignatureLine::parse)
        .collect();
    let note = Note::new(round.head.checkpoint.to_text(), lines);
    let verified = note
        .verify(std::slice::from_ref(&endpoint.key))
        .map_err(|error| error.to_string())?;
    if verified.iter().all(|v| v.time.is_none()) {
        return Err("its cosignature states no time".to_owned());
    }
    Ok(note.retain(&verified).signatures().to_vec())
}
