//! From an artifact's octets to what the sequencer takes; the checks themselves are in the crate
//! `artifact`.

use std::sync::Arc;

use ishibumi_artifact::record::Opaque;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Body, Bounds, Fault, Record, Work, admit_within};
use ishibumi_store::{Clock, NewRecord};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::ENTRY_LEN_MAX;

use crate::clock;
use crate::core::Item;
use crate::kind::Kind;
use crate::refusal::{RecordTooLarge, Refusal};
use crate::registry::{Provider, Submitter};

/// The outcome of an admission, and its cost.
pub struct Tried {
    /// The item for the sequencer, or why the artifact was refused.
    pub outcome: Result<Item, Refusal>,
    /// The effort of an honest token is 1; see `effort`.
    pub effort: usize,
}

/// Verifies an artifact under the submitter's anchors, makes its records and takes off the quota
/// what that cost: the records of what is taken, or the effort of verifying where that is more, as
/// with what is refused.
///
/// A rescued artifact has to chain to the anchors of one provider that has ended; which one is
/// found by trying.
pub fn admit(submitter: &Submitter, kind: Kind, octets: &[u8], clock: &dyn Clock) -> Tried {
    let now = clock::now(clock);
    let providers = submitter.providers(Some(kind), now);
    let providers = match providers.and_then(|all| submitter.charge(1, clock).map(|()| all)) {
        Ok(providers) => providers,
        Err(refusal) => {
            return Tried {
                outcome: Err(refusal),
                effort: 0,
            };
        }
    };
    let mut bounds = Bounds {
        records_max: submitter.records_max(),
        work: Work::among(providers.len()),
        ..Bounds::default()
    };
    let (outcome, read) = admit_under_one_of(&providers, kind, octets, now, &mut bounds);
    let effort = effort(read, bounds.work.signatures());
    let records = outcome.as_ref().map_or(0, |item| item.records.len());
    submitter.owe(records.max(effort) - 1, clock);
    Tried { outcome, effort }
}

/// The charge for an artifact, in records: one for an artifact, one for each further 64 KiB of it
/// that were read, and one for each four signatures of certificates, since three or four are what
/// an honest artifact needs at most. Octets count as often as they were read, which is once for
/// each provider under whose anchors they were tried.
const fn effort(octets_read: usize, signatures: usize) -> usize {
    1 + octets_read / (64 << 10) + signatures / 4
}

/// Admits an artifact under the one provider of `providers` whose anchors it chains to. Returns the
/// outcome and how many octets were read to find it.
fn admit_under_one_of(
    providers: &[Arc<Provider>],
    kind: Kind,
    octets: &[u8],
    now: Time,
    bounds: &mut Bounds,
) -> (Result<Item, Refusal>, usize) {
    let mut refused: Option<Refusal> = None;
    let mut read = 0;
    for provider in providers {
        read += octets.len();
        match admit_under(provider, kind, octets, now, bounds) {
            Ok(item) => return (Ok(item), read),
            // A refusal other than "not mine" says more than the rest.
            Err(other) => {
                let before = refused.as_ref();
                if before.is_none_or(|before| is_strange(before) && !is_strange(&other)) {
                    refused = Some(other);
                }
            }
        }
    }
    (Err(refused.unwrap_or(Refusal::NoProviderLeft)), read)
}

/// Whether this is how an artifact of another provider is refused.
fn is_strange(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Artifact(refusal) => matches!(refusal.fault(), Fault::Chain | Fault::Signer),
        _ => false,
    }
}

fn admit_under(
    provider: &Provider,
    kind: Kind,
    octets: &[u8],
    now: Time,
    bounds: &mut Bounds,
) -> Result<Item, Refusal> {
    let (records, blobs) = match kind {
        Kind::Artifact(kind) => {
            bounds.marking = provider.takes_sha1();
            let admitted = admit_within(kind, octets, &provider.anchors, bounds)?;
            let (records, blobs, _) = admitted.into_parts();
            (records, blobs)
        }
        Kind::Opaque => {
            let body = Opaque::new("opaque", octets).map_err(ishibumi_artifact::Refusal::from)?;
            (vec![Record::from(Body::Opaque(body))], Vec::new())
        }
    };
    let threshold = provider.entry.backdating_seconds;
    let backdated = records.last().is_some_and(
        |record| matches!(record.body(), Body::Token(token) if token.is_backdated(now, threshold)),
    );
    let records = records.iter().map(new_record);
    let records = records.collect::<Result<_, RecordTooLarge>>()?;
    Ok(Item {
        records,
        blobs,
        backdated,
    })
}

/// A record as the store takes it: encoded, hashed once, with its keys.
///
/// # Errors
/// If its encoding is longer than a record may be.
pub fn new_record(record: &Record) -> Result<NewRecord, RecordTooLarge> {
    let octets = record.encode();
    if octets.len() > ENTRY_LEN_MAX {
        return Err(RecordTooLarge { len: octets.len() });
    }
    let leaf = leaf_hash(&octets);
    let keys = record
        .lookup_keys()
        .iter()
        .map(|key| key.to_bytes().to_vec())
        .collect();
    Ok(NewRecord { octets, leaf, keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_that_of_so_many_honest_tokens() {
        // A token of a usual length with its path of three signatures, none of them remembered.
        assert_eq!(effort(6_000, 3), 1);
        // The longest list, the longest search, and a list under the anchors of five providers.
        assert_eq!(effort(16 << 20, 1), 1 + 256);
        assert_eq!(effort(6_000, 100), 1 + 25);
        assert_eq!(effort(5 * (16 << 20), 0), 1 + 5 * 256);
    }
}
