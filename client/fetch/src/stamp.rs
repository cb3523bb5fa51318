//! A token from a TSA, over HTTP (RFC 3161 section 3.4), verified before it is handed out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ishibumi_artifact::query::QueryError;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, TimestampQuery, VerifiedToken};
use ishibumi_wire::{Net, TsaError, ask_tsa};

/// A TSA to ask for a token.
#[derive(Clone, Copy, Debug)]
pub struct Tsa<'a> {
    /// URL for queries, `http` or `https`.
    pub url: &'a str,
    /// The value of the `Authorization` header, for a TSA that wants one.
    pub authorization: Option<&'a str>,
    /// How long it has for its answer.
    pub deadline: Duration,
    /// The trust anchors that its token has to chain to.
    pub anchors: &'a Anchors,
}

/// A token that a TSA made, verified.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// The whole TimeStampResp.
    pub reply: Vec<u8>,
    /// The token alone, a ContentInfo.
    pub token: Vec<u8>,
    /// The verified token.
    pub verified: VerifiedToken,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// No reply came.
    #[error(transparent)]
    Tsa(#[from] TsaError),
    /// The reply does not answer the query.
    #[error("the TSA's reply: {0}")]
    Reply(#[from] QueryError),
}

/// Asks `tsa` what `query` says, and verifies the answer against it.
///
/// # Errors
/// [`StampError`]; a reply is refused for the first thing that is wrong with it.
pub async fn stamp(
    net: &dyn Net,
    tsa: Tsa<'_>,
    query: &TimestampQuery,
) -> Result<Stamped, StampError> {
    let asked = now();
    let sent = query.to_der();
    let reply = ask_tsa(net, tsa.url, sent, tsa.authorization, tsa.deadline).await?;
    let granted = query.check(&reply, tsa.anchors, (asked, now()))?;
    Ok(Stamped {
        reply,
        token: granted.token,
        verified: granted.verified,
    })
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
