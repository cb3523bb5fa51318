//! From an artifact's octets to what the sequencer takes; the checks themselves are the `artifact` room's.

use http::StatusCode;
use ishibumi_artifact::record::Opaque;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, Record, Refusal};
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
    let mut refused = None;
    for provider in submitter.providers(Some(kind), now)? {
        match admit_under(&provider, kind, octets, now) {
            Ok(item) => return submitter.charge(item.records.len()).map(|()| item),
            // Of several refusals the one that is not "not mine" says more.
            Err(problem) => {
                let better = refused.as_ref().is_none_or(|before: &Problem| {
                    NOT_MINE.contains(&before.name) && !NOT_MINE.contains(&problem.name)
                });
                if better {
                    refused = Some(problem);
                }
            }
        }
    }
    Err(refused.unwrap_or_else(|| Problem::not_found("no provider is left to admit this under")))
}

/// How an artifact of another provider is refused.
const NOT_MINE: [&str; 4] = [
    "issuer-unregistered",
    "signer-unknown",
    "crl-issuer-unregistered",
    "ocsp-issuer-unregistered",
];

fn admit_under(provider: &Provider, kind: Kind, octets: &[u8], now: Time) -> Result<Item, Problem> {
    let (records, blobs) = match kind {
        Kind::Artifact(kind) => {
            let admitted = ishibumi_artifact::admit(kind, octets, &provider.anchors);
            let (records, blobs, _) = admitted.map_err(|refusal| problem(&refusal))?.into_parts();
            (records, blobs)
        }
        Kind::Opaque => {
            let body = Opaque::new("opaque", octets).map_err(|error| problem(&error.into()))?;
            (vec![Record::from(Body::Opaque(body))], Vec::new())
        }
    };
    let threshold = provider.entry.backdating_seconds;
    let backdated = records.last().is_some_and(
        |record| matches!(record.body(), Body::Token(token) if token.is_backdated(now, threshold)),
    );
    let records = records.iter().map(new_record).collect::<Result<_, _>>()?;
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
    let code = refusal.code();
    let status = match code {
        "too-large" | "record-bounds" => StatusCode::PAYLOAD_TOO_LARGE,
        malformed if malformed.ends_with("-malformed") => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, code, refusal.to_string())
}
