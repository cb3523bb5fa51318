//! Parts that all answers of a mirror share.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::protocol::{SIZE_TYPE, encode_size};
use ishibumi_wire::{Reply, reply};

use super::core::Mirror;
use super::metrics::MirrorMetrics;
use crate::follow::StateError;
use crate::host::{Host, text};
use crate::refusal::Refusal;

pub(super) struct Api<R, C> {
    pub(super) host: Host<Mirror<R, C>>,
    pub(super) metrics: Arc<MirrorMetrics>,
}

impl<R: Registers, C: Clock> Api<R, C> {
    pub(super) fn refusal(&self, refusal: &Refusal) -> Reply {
        match refusal {
            Refusal::Conflict { known, .. } => {
                reply(StatusCode::CONFLICT, SIZE_TYPE, encode_size(*known))
            }
            Refusal::State(error) => self.host.state_error(error),
            other => {
                let status = StatusCode::from_u16(other.status());
                text(
                    status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
                    &other.to_string(),
                )
            }
        }
    }

    pub(super) async fn read(
        &self,
        read: impl FnOnce(&Mirror<R, C>) -> Result<Reply, StateError> + Send + 'static,
    ) -> Reply {
        match self.host.blocking(read).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => self.host.state_error(&error),
            Err(busy) => busy,
        }
    }

    pub(super) fn counted(&self, call: &str, started: Instant, answer: Reply) -> Reply {
        let status = answer.status().as_u16();
        self.metrics.answered(call, status, started.elapsed());
        answer
    }
}
