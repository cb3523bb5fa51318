//! Errors as RFC 9457 problem details. Every name is on one page: `docs/errors.md`.

use http::{HeaderValue, StatusCode, header};
use ishibumi_artifact::record::LogEnding;
use ishibumi_tlog::shown;
use ishibumi_wire::{Reply, reply};
use serde_json::{Value, json};

use super::batch::BatchError;
use crate::core::Standing;

/// An error answer to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The name: `type` is `urn:ishibumi:error:NAME`.
    pub name: &'static str,
    /// What, where, and what to do.
    pub detail: String,
    /// When it makes sense to try again.
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem without a time to try again.
    pub fn new(status: StatusCode, name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            name,
            detail: detail.into(),
            retry_after_seconds: None,
        }
    }

    /// There is nothing at this path.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// The log has ended, and what its last record says about that.
    pub fn log_closed(ending: &LogEnding) -> Self {
        let listed = |what: &str, lines: &mut dyn Iterator<Item = &[u8]>| {
            let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
            if lines.is_empty() {
                return String::new();
            }
            format!("; {what}: {}", lines.join(", "))
        };
        let detail = format!(
            "this log was closed on {} and takes nothing any more, what it holds is served as before; reason: \
             {}{}{}",
            ending.date().time(),
            String::from_utf8_lossy(ending.reason()),
            listed("the log that continues", &mut ending.successor()),
            listed("custodians", &mut ending.custodians()),
        );
        Self::new(StatusCode::GONE, "log-closed", detail)
    }

    /// The log's key signs somewhere else, or enough witnesses say so.
    pub fn forked() -> Self {
        let detail = "this log takes nothing, since it may not be the copy that its witnesses follow; its operator \
                      has to act. What came with a proof is safe and is read as before; send everything else again \
                      later";
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "forked", detail);
        problem.retry_after_seconds = Some(60);
        problem
    }

    /// The disk is nearly full; the operator has to free space.
    pub fn no_room(detail: impl Into<String>) -> Self {
        Self {
            retry_after_seconds: Some(60),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-room", detail)
        }
    }

    /// The log was started to be read only.
    pub fn read_only() -> Self {
        let detail = "this log was started to be read only; its operator can say why";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "read-only", detail)
    }

    /// Why a log that stands so takes nothing; `None` if it does.
    pub fn of_standing(standing: &Standing) -> Option<Self> {
        match standing {
            Standing::Running => None,
            Standing::Held(_) | Standing::Forked(_) => Some(Self::forked()),
            Standing::Failed(_) => {
                let detail = "the log stopped accepting; its operator can see why";
                Some(Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "stopped",
                    detail,
                ))
            }
        }
    }

    /// The store failed while reading; the operator's log has the details.
    pub fn store(error: &ishibumi_store::StoreError) -> Self {
        eprintln!("{}", shown::line(&error.to_string()));
        let detail = "the log could not read its own data; its operator can see why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store-failed", detail)
    }

    /// The members of the problem object (RFC 9457 section 3.1).
    pub fn to_json(&self) -> Value {
        json!({
            "type": format!("urn:ishibumi:error:{}", self.name),
            "title": self.name.replace('-', " "),
            "status": self.status.as_u16(),
            "detail": self.detail,
        })
    }

    /// The answer.
    pub fn into_reply(self) -> Reply {
        let body = format!("{}\n", self.to_json());
        let mut answer = reply(self.status, "application/problem+json", body);
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-batch",
            error.to_string(),
        )
    }
}
