//! From an artifact's octets to what the sequencer takes; the checks themselves are the `artifact` room's.

use http::StatusCode;
use ishibumi_artifact::record::Opaque;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, Fault, Record, Refusal};
use ishibumi_store::NewRecord;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::ENTRY_LEN_MAX;

use crate::core::Item;
use crate::http::problem::Problem;
use crate::kind::Kind;
use crate::registry::{Provider, Submitter};

/// Verifies an artifact under the submitter's anchors, makes its records and takes them off the quota.
///
/// What is rescued has to chain to the anchors of one provider that has ended; which one is found by
/// trying.
pub fn admit(submitter: &Submitter, kind: Kind, octets: &[u8], now: Time) -> Result<Item, Problem> {
    let mut refused: Option<Refused> = None;
    for provider in submitter.providers(Some(kind), now)? {
        match admit_under(&provider, kind, octets, now) {
            Ok(item) => return submitter.charge(item.records.len()).map(|()| item),
            // Of several refusals the one that is not "not mine" says more.
            Err(other) => {
                let before = refused.as_ref();
                if before.is_none_or(|before| before.is_strange && !other.is_strange) {
                    refused = Some(other);
                }
            }
        }
    }
    let none = || Problem::not_found("no provider is left to admit this under");
    Err(refused.map_or_else(none, |refused| refused.problem))
}

/// A refusal under the anchors of one provider.
struct Refused {
    problem: Problem,
    /// Whether this is how an artifact of another provider is refused.
    is_strange: bool,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            is_strange: matches!(refusal.fault(), Fault::Chain | Fault::Signer),
            problem: problem(&refusal),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            is_strange: false,
        }
    }
}

fn admit_under(provider: &Provider, kind: Kind, octets: &[u8], now: Time) -> Result<Item, Refused> {
    let (records, blobs) = match kind {
        Kind::Artifact(kind) => {
            let admitted = if provider.takes_sha1() {
                ishibumi_artifact::admit_marking(kind, octets, &provider.anchors)?
            } else {
                ishibumi_artifact::admit(kind, octets, &provider.anchors)?
            };
            let (records, blobs, _) = admitted.into_parts();
            (records, blobs)
        }
        Kind::Opaque => {
            let body = Opaque::new("opaque", octets).map_err(Refusal::from)?;
            (vec![Record::from(Body::Opaque(body))], Vec::new())
        }
    };
    let threshold = provider.entry.backdating_seconds;
    let backdated = records.last().is_some_and(
        |record| matches!(record.body(), Body::Token(token) if token.is_backdated(now, threshold)),
    );
    let records = records.iter().map(new_record);
    let records = records.collect::<Result<_, Problem>>()?;
    Ok(Item {
        records,
        blobs,
        backdated,
    })
}

/// A record as the store takes it: encoded, hashed once, with its keys.
pub fn new_record(record: &Record) -> Result<NewRecord, Problem> {
    let octets = record.encode();
    if octets.len() > ENTRY_LEN_MAX {
        let detail = format!(
            "its record has {} octets, at most {ENTRY_LEN_MAX} fit",
            octets.len()
        );
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "record-too-large",
            detail,
        ));
    }
    let leaf = leaf_hash(&octets);
    let keys = record
        .lookup_keys()
        .iter()
        .map(|key| key.to_bytes().to_vec())
        .collect();
    Ok(NewRecord { octets, leaf, keys })
}

fn problem(refusal: &Refusal) -> Problem {
    Problem::new(status(refusal.fault()), refusal.code(), refusal.to_string())
}

/// docs/verdicts.md, "What the artifact step says".
const fn status(fault: Fault) -> StatusCode {
    match fault {
        Fault::Limit => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Format | Fault::Unread => StatusCode::BAD_REQUEST,
        Fault::Other
        | Fault::Algorithm
        | Fault::Signer
        | Fault::Chain
        | Fault::ChainConstraints
        | Fault::Constraints
        | Fault::TimeOrder
        | Fault::Digest
        | Fault::Signature
        | Fault::NotYetValid
        | Fault::Expired => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_which_status_follows_from_each_class() {
        let page = include_str!("../../docs/verdicts.md");
        for fault in Fault::ALL {
            let row = format!("\n| `{}` | ", fault.name());
            let (_, row) = page.split_once(&row).unwrap();
            let (row, _) = row.split_once('\n').unwrap();
            let status = format!(" | {} |", status(fault).as_u16());
            assert!(row.ends_with(&status), "{status:?} does not end {row:?}");
        }
    }
}
