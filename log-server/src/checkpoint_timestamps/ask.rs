//! One token: asked for, verified, logged.

use std::sync::Arc;

use ishibumi_artifact::query::QueryError;
use ishibumi_artifact::record::{Body, CheckpointAnchor, RecordError};
use ishibumi_artifact::{Record, TimestampQuery};
use ishibumi_store::Clock;
use ishibumi_wire::{Net, TsaError, ask_tsa};

use super::coverage::Last;
use super::tsas::{Tsa, Units};
use crate::admission::new_record;
use crate::clock::now;
use crate::core::{Handle, Item, Published, SubmitError};
use crate::refusal::RecordTooLarge;

/// The state that asking a TSA needs.
pub(super) struct Around {
    pub(super) handle: Handle,
    pub(super) net: Arc<dyn Net>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) units: Arc<Units>,
}

/// A token that is in the log.
pub(super) type Timestamped = Last;

/// Why no token was logged.
#[derive(Debug, thiserror::Error)]
pub(super) enum TimestampError {
    #[error("no random octets from the system: {0}")]
    Random(getrandom::Error),
    #[error("the query: {0}")]
    Query(String),
    #[error(transparent)]
    Tsa(#[from] TsaError),
    #[error("its reply: {0} ({code})", code = .0.code())]
    Reply(#[from] QueryError),
    #[error(
        "its unit has the key of the TSA {0}: two names of one authority are one proof. \
         lab.allow_related_tsas takes it all the same"
    )]
    Related(String),
    #[error("its token does not fit a record: {0}")]
    Record(#[from] RecordError),
    #[error("its record: {0}")]
    TooLarge(#[from] RecordTooLarge),
    #[error("its token was not logged: {0}")]
    Submit(#[from] SubmitError),
}

/// Has `tsa` stamp the text of `published`, and logs the token.
pub(super) async fn timestamp(
    tsa: &Tsa,
    published: &Published,
    around: &Around,
) -> Result<Timestamped, TimestampError> {
    let text = published.note().text();
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(TimestampError::Random)?;
    let query = TimestampQuery::over(tsa.hash, text.as_bytes(), random);
    let mut query = query.map_err(|error| TimestampError::Query(error.to_string()))?;
    if !tsa.policy.is_empty() {
        let with_policy = query.with_policy(&tsa.policy);
        query = with_policy.map_err(|error| TimestampError::Query(error.to_string()))?;
    }
    let asked = now(around.clock.as_ref());
    let authorization = tsa.authorization.as_deref();
    let net = around.net.as_ref();
    let reply = ask_tsa(net, &tsa.url, query.to_der(), authorization, tsa.deadline).await?;
    let answered = now(around.clock.as_ref());
    let granted = query.check(&reply, &tsa.anchors, (asked, answered))?;
    let unit = granted.verified.signer().key_hash();
    if let Some(other) = around.units.claim(&tsa.name, unit) {
        return Err(TimestampError::Related(other));
    }
    let checkpoint = published.checkpoint().clone();
    let size = checkpoint.size;
    let timestamp = CheckpointAnchor::new(checkpoint, &granted.token)?;
    let record = new_record(&Record::from(Body::Anchor(timestamp)));
    let item = Item {
        records: vec![record?],
        ..Item::default()
    };
    around.handle.submit(vec![item]).await?;
    Ok(Timestamped {
        size,
        gen_time: granted.verified.gen_time().time(),
    })
}
