//! Parts that the servers of this crate share: work that blocks on a disk, on threads of its own, a
//! bounded number at once; and two listeners that end together.
//!
//! A failed read or write stops the server: what the database says after one is not believed (rule
//! R4 of docs/design.md), and the next start reads and verifies everything.

use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use ishibumi_store::StoreError;
use ishibumi_tlog::shown;
use ishibumi_wire::{Limits, Reply, Service, reply};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::follow::StateError;

/// Requests that may be at work at once; more are answered with 503.
const REQUESTS_MAX: usize = 128;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// Why serving ended other than by request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The store failed; nothing was signed after that.
    #[error("stopped, since {0}; start again once the disk is well")]
    Store(String),
    /// The sockets failed.
    #[error("the network: {0}")]
    Io(#[from] std::io::Error),
}

/// Where a server listens, and what connections and requests may cost there.
pub struct Listening {
    /// The address for everybody.
    pub public: TcpListener,
    /// The operator's own, for metrics.
    pub admin: Option<TcpListener>,
    /// The limits of both.
    pub limits: Limits,
}

/// The served value, and whether serving may go on.
pub(crate) struct Host<T> {
    subject: Arc<T>,
    /// Name of the server's kind, for clients that are told that it cannot serve.
    noun: &'static str,
    slots: Semaphore,
    failed: watch::Sender<Option<String>>,
}

impl<T: Send + Sync + 'static> Host<T> {
    pub(crate) fn new(subject: Arc<T>, noun: &'static str) -> Self {
        Self {
            subject,
            noun,
            slots: Semaphore::new(REQUESTS_MAX),
            failed: watch::channel(None).0,
        }
    }

    /// Runs `work` on a thread that may block; 503 if too many are at it.
    pub(crate) async fn blocking<V: Send + 'static>(
        &self,
        work: impl FnOnce(&T) -> V + Send + 'static,
    ) -> Result<V, Reply> {
        let Ok(slot) = self.slots.try_acquire() else {
            let mut busy = text(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests at once; try again",
            );
            busy.headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            return Err(busy);
        };
        self.run(slot, work).await
    }

    /// Runs `work` on a thread that may block, and waits while too many are at it: for clients
    /// whose sending can be held up.
    pub(crate) async fn patiently<V: Send + 'static>(
        &self,
        work: impl FnOnce(&T) -> V + Send + 'static,
    ) -> Result<V, Reply> {
        // The semaphore is never closed: it lives as long as this.
        let slot = self.slots.acquire().await;
        let slot = slot.map_err(|_| text(StatusCode::SERVICE_UNAVAILABLE, "stopping"))?;
        self.run(slot, work).await
    }

    async fn run<V: Send + 'static>(
        &self,
        _slot: SemaphorePermit<'_>,
        work: impl FnOnce(&T) -> V + Send + 'static,
    ) -> Result<V, Reply> {
        let subject = Arc::clone(&self.subject);
        let done = tokio::task::spawn_blocking(move || work(&subject)).await;
        done.map_err(|_| {
            text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request could not be finished",
            )
        })
    }

    /// Why the store failed, once it has.
    pub(crate) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failed.subscribe()
    }

    /// Tells the operator, and ends the process if the store failed.
    pub(crate) fn complain(&self, error: &StateError) {
        // Standard error may be closed; there is no other way to tell.
        let said = shown::line(&error.to_string());
        let _ = writeln!(std::io::stderr(), "{said}");
        if matches!(error, StateError::Store(StoreError::Failed { .. })) {
            self.failed.send_replace(Some(error.to_string()));
        }
    }

    /// 503, and the end of the process if the store failed. The client learns no path of ours.
    pub(crate) fn state_error(&self, error: &StateError) -> Reply {
        self.complain(error);
        let noun = self.noun;
        let detail = format!(
            "this {noun} cannot use its state; nothing was signed; its operator has to act"
        );
        text(StatusCode::SERVICE_UNAVAILABLE, &detail)
    }

    /// Serves `public` for everybody and `private` for the operator until `shutdown` completes;
    /// then lets requests in flight finish.
    ///
    /// # Errors
    /// [`ServeError::Store`] as soon as the store failed once.
    pub(crate) async fn serve(
        &self,
        public: impl Service,
        private: impl Service,
        listening: Listening,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let limits = listening.limits;
        let mut failure = self.failure();
        let (closing, close) = watch::channel(false);
        let closed = |mut close: watch::Receiver<bool>| async move {
            let _ = close.wait_for(|&closing| closing).await;
        };
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                _ = failure.wait_for(Option::is_some) => {}
            }
            // The receivers live as long as the servers below.
            let _ = closing.send(true);
        };
        let until = closed(close.clone());
        let public =
            ishibumi_wire::serve(listening.public, Arc::new(public), limits.clone(), until);
        let private = async {
            let Some(admin) = listening.admin else {
                return Ok(());
            };
            ishibumi_wire::serve(admin, Arc::new(private), limits, closed(close)).await
        };
        let (public, private, ()) = tokio::join!(public, private, stop);
        public?;
        private?;
        let failure = self.failed.borrow().clone();
        failure.map_or(Ok(()), |cause| Err(ServeError::Store(cause)))
    }
}

pub(crate) fn text(status: StatusCode, line: &str) -> Reply {
    reply(status, TEXT, format!("{line}\n"))
}

/// 405, with the one method that the path takes.
pub(crate) fn only(method: &'static str) -> Reply {
    let mut answer = text(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("this path takes {method} only"),
    );
    answer
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(method));
    answer
}

/// The answer, which no cache keeps.
pub(crate) fn no_store(mut answer: Reply) -> Reply {
    let fresh = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, fresh);
    answer
}
