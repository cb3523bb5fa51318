//! Asking witnesses and mirrors to cosign (C2SP tlog-witness, tlog-mirror), each at its own pace.
//!
//! Every submission prefix has a task of its own that works on one round at a time. A slow, dead or
//! lying one delays no other: its task waits, backs off and tries again, while the others make the
//! quorum. One that answers but never in time for the newest round is asked about the rounds whose
//! checkpoints are kept for ever, so that its cosignatures are worth something too.

mod ask;
mod asked;
mod endpoint;
mod look;
mod mirror;
mod packing;
mod upload;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::asked::Asked;
pub use self::asked::{Outcome, Report};
pub(super) use self::asked::{Rounds, Surroundings};
pub use self::endpoint::Endpoint;
use self::endpoint::Trouble;
use super::contradiction::Claim;
use super::publisher::Round;

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Follows the rounds until the sender of rounds is gone; `report` gets what comes of it.
pub(super) async fn follow(
    endpoint: Endpoint,
    surroundings: Surroundings,
    report: impl Fn(Report) + Send + Sync,
) {
    let mut rounds = surroundings.rounds.clone();
    let endpoint = Arc::new(endpoint);
    let report = |what| {
        let from = Arc::clone(&endpoint);
        report(Report { from, what });
    };
    let mut asked = Asked::of(&endpoint, surroundings);
    let mut backoff = BACKOFF_MIN;
    loop {
        let pick = rounds
            .borrow_and_update()
            .as_ref()
            .and_then(|rounds| asked.pick(rounds));
        // No thread decides about rounds any more: the log stopped.
        if rounds.has_changed().is_err() {
            return;
        }
        let Some(round) = pick else {
            tokio::select! {
                changed = rounds.changed() => match changed {
                    Ok(()) => {}
                    Err(_) => return,
                },
                shown = asked.look_while_idle() => {
                    if let Some(shown) = shown {
                        report(asked.contradicts(Claim::Shown, Some(shown)));
                    }
                }
            }
            continue;
        };
        let begun = asked.next_entry;
        match asked.bring(&round, &report).await {
            Ok(()) => {
                (asked.done, asked.agreed, backoff) = (round.number, true, BACKOFF_MIN);
                let newest = rounds.borrow().as_ref().map(|rounds| rounds.newest.number);
                asked.late = newest != Some(round.number);
                continue;
            }
            Err(Trouble::Passed) => {
                asked.late = false;
                continue;
            }
            Err(Trouble::Contradicts(claim)) => {
                // A witness that says so can show it; a proof is worth more than a claim.
                let shown = asked.look().await;
                report(asked.contradicts(claim, shown));
            }
            Err(Trouble::Failed(why)) => report(Outcome::Failed { why }),
        }
        if asked.next_entry > begun {
            // An upload that got further is no failure to be punished.
            backoff = BACKOFF_MIN;
        }
        // Not even a newer round is a reason to ask sooner: there is one only if the quorum was
        // reached without this witness.
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

impl Asked {
    /// Has the head of `round` cosigned by every key of the endpoint.
    async fn bring(
        &mut self,
        round: &Arc<Round>,
        report: &(impl Fn(Outcome) + Send + Sync),
    ) -> Result<(), Trouble> {
        let begun = Instant::now();
        let cosigned = |lines| Outcome::Cosigned {
            round: round.number,
            size: round.head.checkpoint.size,
            lines,
            took: begun.elapsed(),
        };
        if let Some(lines) = self.add_checkpoint(round).await? {
            report(cosigned(lines));
        }
        if !self.endpoint.mirror_keys.is_empty() {
            report(cosigned(self.add_entries(round).await?));
        }
        Ok(())
    }

    /// The size of the newest head that this log has signed.
    fn newest_size(&self) -> u64 {
        let rounds = self.around.rounds.borrow();
        let newest = rounds.as_ref().map(|rounds| &rounds.newest.head);
        newest.map_or(0, |head| head.checkpoint.size)
    }
}
