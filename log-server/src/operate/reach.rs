//! How commands that are no server reach others: one runtime, one client, many requests at once.

use std::sync::Arc;

use ishibumi_wire::{HttpNet, Net as _, NetError, Request, Response};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::OperateError;

/// A network, for code that blocks. Not to be used within a runtime.
pub(super) struct Reach {
    runtime: Runtime,
    net: Arc<HttpNet>,
}

impl Reach {
    pub(super) fn new() -> Result<Self, OperateError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.map_err(OperateError::system)?;
        // The client's pool lives in the runtime.
        let net = runtime.block_on(async { Arc::new(HttpNet::new()) });
        Ok(Self { runtime, net })
    }

    /// Sends one request.
    pub(super) fn send(&self, request: Request) -> Result<Response, NetError> {
        self.runtime.block_on(self.net.send(request))
    }

    /// Sends all of them at once; the answers in their order.
    pub(super) fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response, NetError>> {
        let count = requests.len();
        let mut tasks = JoinSet::new();
        for (place, request) in requests.into_iter().enumerate() {
            let net = Arc::clone(&self.net);
            let task = async move { (place, net.send(request).await) };
            tasks.spawn_on(task, self.runtime.handle());
        }
        let gone = || {
            Err(NetError(
                "a fault of this program while it asked".to_owned(),
            ))
        };
        let mut answers: Vec<_> = (0..count).map(|_| gone()).collect();
        while let Some(done) = self.runtime.block_on(tasks.join_next()) {
            if let Ok((place, answer)) = done
                && let Some(slot) = answers.get_mut(place)
            {
                *slot = answer;
            }
        }
        answers
    }
}
