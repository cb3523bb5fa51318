//! Health, for everybody: whether the log takes something, and whether it is whole.

use http::StatusCode;
use ishibumi_wire::{Reply, reply};

use super::app::App;
use super::problem::Problem;
use super::read::no_store;

impl App {
    /// `GET /healthz`: 200 while the process lives and accepts. A log that only reads is meant to.
    pub(super) fn healthz(&self) -> Reply {
        match Problem::of_standing(&self.handle.standing().borrow()) {
            None => no_store(reply(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")),
            Some(problem) => problem.into_reply(),
        }
    }

    /// `GET /readyz`: 200 once a checkpoint has its quorum, and as long as newer ones get theirs
    /// and there is disk space for records.
    pub(super) fn readyz(&self) -> Result<Reply, Problem> {
        // Before everything that time may mend: that the log takes nothing does not look like a
        // start.
        if let Some(problem) = Problem::of_standing(&self.handle.standing().borrow()) {
            return Err(problem);
        }
        self.checkpoint()?;
        let now = self.clock.monotonic();
        let since = self.handle.without_quorum();
        let since = since.map(|since| now.saturating_sub(since));
        if let Some(since) = since.filter(|&since| since >= self.quorum_alarm) {
            let detail = format!(
                "for {} s no quorum has come for the newest head; what is taken meanwhile is safe and unproven",
                since.as_secs()
            );
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Err(Problem::new(status, "quorum-lost", detail));
        }
        if let Some(lack) = self.handle.lack() {
            return Err(Problem::no_room(lack));
        }
        Ok(self.healthz())
    }
}
