//! Asking a time-stamping authority (RFC 3161 section 3.4, time-stamp protocol via HTTP).
//!
//! This only transports: the query is sent unchanged, and the result is the body of an answer that
//! says it is a reply. The caller that made the query judges the reply, since a TSA that refuses
//! answers with HTTP 200 as well.

use std::time::Duration;

use crate::{Net, NetError, Request};

/// The longest reply that is read, in octets; real ones have 1 to 12 thousand.
pub const REPLY_LEN_MAX: usize = 65_536;

const QUERY: &str = "application/timestamp-query";

/// The type that section 3.4 demands, and the one that its last sentence names by mistake.
const REPLIES: [&str; 2] = [
    "application/timestamp-reply",
    "application/timestamp-response",
];

/// Why no reply came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TsaError {
    /// No answer came in time, or it was too long.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An answer that is none.
    #[error("{url}: answered with status {status}: {said}")]
    Status {
        /// URL of the TSA.
        url: String,
        /// HTTP status of the answer.
        status: u16,
        /// The beginning of the body that came with it.
        said: String,
    },
    /// An answer of another type, as of a login page in between.
    #[error(
        "{url}: answered with {}, expected was application/timestamp-reply",
        .found.as_deref().unwrap_or("no Content-Type")
    )]
    ContentType {
        /// URL of the TSA.
        url: String,
        /// The type, if there was one.
        found: Option<String>,
    },
}

/// Sends `query`, DER of a TimeStampReq, to the TSA at `url` and gives the octets of its reply,
/// unread. `authorization` is the value of the header of that name, for a TSA that wants one.
///
/// # Errors
/// [`TsaError`]; for a text that is no URL, [`TsaError::Net`].
pub async fn ask_tsa(
    net: &dyn Net,
    url: &str,
    query: Vec<u8>,
    authorization: Option<&str>,
    deadline: Duration,
) -> Result<Vec<u8>, TsaError> {
    let mut request = Request::post(url, query, REPLY_LEN_MAX);
    request.deadline = deadline;
    request.headers.push(("content-type", QUERY.to_owned()));
    request.headers.push(("accept", REPLIES.join(", ")));
    if let Some(value) = authorization {
        request.headers.push(("authorization", value.to_owned()));
    }
    let answer = net.send(request).await?;
    let url = url.to_owned();
    if answer.status != 200 {
        let text = String::from_utf8_lossy(&answer.body);
        return Err(TsaError::Status {
            url,
            status: answer.status,
            said: text.chars().filter(|c| !c.is_control()).take(200).collect(),
        });
    }
    let found = answer.content_type;
    let essence = found.as_deref().and_then(|found| found.split(';').next());
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    if REPLIES.contains(&essence.as_str()) {
        return Ok(answer.body);
    }
    let found = found.map(|found| found.chars().take(100).collect());
    Err(TsaError::ContentType { url, found })
}
