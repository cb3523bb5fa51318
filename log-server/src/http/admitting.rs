//! The artifacts of one request on their way through admission, a few at a time.
//!
//! To verify them takes processors, which all senders share ([`crate::turns`]). A request works at
//! several of its artifacts at once, as many as there are processors, and asks for a turn again
//! whenever it has done a little: so one that brings thousands is as fast as it can be while it is
//! alone, and holds up no other sender.

use std::iter::{Enumerate, Peekable};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::IntoIter;

use bytes::Bytes;
use http::StatusCode;
use tokio::task::JoinSet;

use super::app::App;
use super::problem::Problem;
use crate::admission::admit;
use crate::core::Item;
use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::registry::Submitter;
use crate::turns::Length;

/// How much is done in one turn: as much effort as so many honest tokens take, some milliseconds.
/// An artifact that is begun is finished, so one may take longer.
const EFFORT_A_TURN: usize = 32;

/// Artifacts with more octets than this want a long turn: lists of tens of thousands of entries.
const SHORT_LEN_MAX: usize = 1 << 20;

type Outcome = Result<Item, Refusal>;

type ToDo = Peekable<Enumerate<IntoIter<(Kind, Bytes)>>>;

/// The artifacts still to be admitted, and the outcomes of the rest, each with its index in the
/// request.
struct Work {
    to_do: Mutex<ToDo>,
    done: Mutex<Vec<(usize, Outcome)>>,
}

impl Work {
    /// The turn that the next artifact needs, if any is left.
    fn next(&self) -> Option<Length> {
        self.to_do().peek().map(length)
    }

    /// Admits artifacts until the effort that one turn of this length allows is spent.
    fn do_some(&self, turn: Length, submitter: &Submitter, app: &App) {
        let mut effort = 0;
        while effort < EFFORT_A_TURN {
            let next = self.to_do().next_if(|next| length(next) <= turn);
            let Some((place, (kind, octets))) = next else {
                return;
            };
            let _timer = app.metrics.admission_seconds.start_timer();
            let tried = admit(submitter, kind, &octets, app.clock.as_ref());
            effort += tried.effort;
            let done = self.done.lock();
            let mut done = done.unwrap_or_else(PoisonError::into_inner);
            done.push((place, tried.outcome));
        }
    }

    /// Nothing is left in here of an artifact whose admission panicked, and the answer to the
    /// request says so.
    fn to_do(&self) -> MutexGuard<'_, ToDo> {
        self.to_do.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outcomes(&self) -> Vec<Outcome> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(place, _)| *place);
        done.drain(..).map(|(_, outcome)| outcome).collect()
    }
}

impl App {
    /// Admits the artifacts of one request, in their order.
    pub(super) async fn admit_all(
        self: &Arc<Self>,
        submitter: &Submitter,
        artifacts: Vec<(Kind, Bytes)>,
    ) -> Result<Vec<Outcome>, Problem> {
        let at_once = self.cores.min(artifacts.len());
        let work = Arc::new(Work {
            to_do: Mutex::new(artifacts.into_iter().enumerate().peekable()),
            done: Mutex::default(),
        });
        // A client that hangs up ends them: artifacts in a turn are finished, the rest is never
        // begun.
        let mut workers: JoinSet<Result<(), Problem>> = JoinSet::new();
        for _ in 0..at_once {
            let (app, submitter) = (Arc::clone(self), submitter.clone());
            let work = Arc::clone(&work);
            workers.spawn(async move {
                while let Some(length) = work.next() {
                    let (work, by) = (Arc::clone(&work), submitter.clone());
                    let within = Arc::clone(&app);
                    let some = move || work.do_some(length, &by, &within);
                    app.in_turn(&submitter, length, some).await?;
                }
                Ok(())
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended.map_err(|_| failed())??;
        }
        Ok(work.outcomes())
    }

    /// Does something that takes a processor for a while, when it is the submitter's turn.
    pub(super) async fn in_turn<T: Send + 'static>(
        &self,
        submitter: &Submitter,
        length: Length,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turns.turn(&submitter.sender(), length).await;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| failed())
    }
}

fn length((_, (_, octets)): &(usize, (Kind, Bytes))) -> Length {
    if octets.len() > SHORT_LEN_MAX {
        Length::Long
    } else {
        Length::Short
    }
}

fn failed() -> Problem {
    let detail = "admission of this artifact failed within the log; its operator can see why";
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "admission-failed",
        detail,
    )
}
