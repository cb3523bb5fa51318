//! From an artifact's octets to what the sequencer takes; the checks themselves are the `artifact` room's.

use http::StatusCode;
use ishibumi_artifact::record::Opaque;
use ishibumi_artifact::{Body, Record, Refusal};
use ishibumi_store::NewRecord;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::ENTRY_LEN_MAX;

use crate::core::Item;
use crate::http::problem::Problem;
use crate::kind::Kind;
use crate::registry::Provider;

/// Verifies an artifact under the provider's anchors and makes its records.
pub fn admit(provider: &Provider, kind: Kind, octets: &[u8]) -> Result<Item, Problem> {
    provider.check_kind(kind)?;
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
    let records = records.iter().map(new_record).collect::<Result<_, _>>()?;
    Ok(Item { records, blobs })
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
