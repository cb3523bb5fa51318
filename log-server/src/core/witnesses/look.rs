//! Looking at what a witness or mirror shows of this log (C2SP tlog-witness, "Monitor Retrieval
//! Mechanism"): when it does not cosign, and now and then while there is nothing to ask it for.
//!
//! A copy of this log may have gone on elsewhere, and only the witnesses know. A log that asks them
//! only when it has something to be cosigned has taken records that may be lost by then.

use std::sync::Arc;
use std::time::Duration;

use ishibumi_tlog::note::NOTE_LEN_MAX;
use ishibumi_tlog::protocol::checkpoint_path;
use ishibumi_tlog::shown;
use ishibumi_wire::Request;

use super::asked::{Asked, Outcome};
use crate::core::contradiction::Claim;
use crate::core::elsewhere::Foreign;

/// How long a witness has to show its checkpoint. A proof that stops the log has to stop it within
/// five seconds.
const DEADLINE: Duration = Duration::from_millis(1_500);

impl Asked {
    /// A checkpoint that this witness shows, that this log's own key signed, and that is not part
    /// of this log. `None` is the rule, also for a witness that shows nothing.
    pub(super) async fn look(&mut self) -> Option<Arc<Foreign>> {
        let origin = self.origin()?;
        let url = format!("{}{}", self.endpoint.url, checkpoint_path(&origin));
        let mut request = Request::get(url, NOTE_LEN_MAX);
        request.deadline = self.endpoint.deadline.min(DEADLINE);
        let answer = self.around.net.send(request).await.ok()?;
        self.shows = answer.status != 404;
        if answer.status != 200 {
            return None;
        }
        // Read after the answer: the witness may show a head that it was sent a moment ago.
        let signed = self.newest_size();
        let store = self.around.store.as_ref();
        let foreign = Foreign::read(&answer.body, &self.around.keys, &origin, store, signed);
        match foreign {
            Ok(foreign) => foreign.map(Arc::new),
            Err(error) => {
                eprintln!("{}", shown::line(&error.to_string()));
                None
            }
        }
    }

    /// Waits for the next time to look, and looks. Never comes back for a witness that shows
    /// nothing to anybody.
    pub(super) async fn look_while_idle(&mut self) -> Option<Arc<Foreign>> {
        let interval = self.around.look_interval;
        if interval.is_zero() || !self.shows || !self.agreed {
            return std::future::pending().await;
        }
        tokio::time::sleep(interval).await;
        self.look().await
    }

    /// The report on a witness that says `claim` and shows `shown`.
    pub(super) fn contradicts(&self, claim: Claim, shown: Option<Arc<Foreign>>) -> Outcome {
        Outcome::Contradicts {
            claim,
            ours: self.newest_size(),
            shown,
        }
    }

    fn origin(&self) -> Option<String> {
        let rounds = self.around.rounds.borrow();
        let newest = rounds.as_ref().map(|rounds| &rounds.newest.head);
        newest.map(|head| head.checkpoint.origin.clone())
    }
}
