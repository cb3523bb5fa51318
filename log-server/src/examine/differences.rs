//! Which rows of an index are wrong, once sums have said in which parts some are.

use ishibumi_artifact::Record;
use ishibumi_store::{IndexKind, LogStore};
use ishibumi_tlog::hash::leaf_hash;

use super::sums::{PARTS, part};
use super::{CHUNK, Ended, Pace, Report, Sums, distinct_keys, each_row};

/// Rows that are held in memory at once, of the records and of the index each.
const ROWS_MAX: u64 = 1 << 20;

/// Passes over records and index; parts that are left after the last are named as such. An index
/// that is wrong from end to end is rebuilt, not read about.
const PASSES_MAX: usize = 4;

/// A row: key and index.
type Row = (Vec<u8>, u64);

/// Names the rows by which `wanted`, what the records below `end` ask for, and `found`, what there
/// is, differ.
///
/// # Errors
/// [`Ended`] if something cannot be read at all, or `pace` says so.
pub fn differences(
    store: &dyn LogStore,
    end: u64,
    wanted: &Sums,
    found: &Sums,
    report: &mut Report,
    pace: &mut dyn Pace,
) -> Result<(), Ended> {
    let mut parts = wanted.differing(found);
    let rows_a_part = wanted.rows().max(found.rows()) / PARTS as u64 + 1;
    let at_once = usize::try_from((ROWS_MAX / rows_a_part).max(1)).unwrap_or(usize::MAX);
    for _ in 0..PASSES_MAX {
        let chosen: Vec<_> = parts.drain(..parts.len().min(at_once)).collect();
        for kind in super::KINDS {
            let of_kind = chosen.iter().filter(|(of, _)| *of == kind);
            let mut in_parts = vec![false; PARTS];
            for (_, part) in of_kind.clone() {
                in_parts[*part] = true;
            }
            if of_kind.count() > 0 {
                compare(store, end, kind, &in_parts, report, pace)?;
            }
        }
    }
    if !parts.is_empty() {
        report.wrong(format!(
            "so it is in {} more of the {} parts of the index, which are not listed; run reindex, then \
             fsck again",
            parts.len(),
            2 * PARTS
        ));
    }
    Ok(())
}

fn compare(
    store: &dyn LogStore,
    end: u64,
    kind: IndexKind,
    in_parts: &[bool],
    report: &mut Report,
    pace: &mut dyn Pace,
) -> Result<(), Ended> {
    let chosen = |key: &[u8]| in_parts.get(part(key)) == Some(&true);
    let mut wanted: Vec<Row> = Vec::new();
    let mut at = 0;
    while at < end {
        let records = store.records(at, end.min(at + CHUNK))?;
        if records.is_empty() {
            break;
        }
        pace.read(records.len() as u64)?;
        for octets in records {
            let keys = keys_of(kind, &octets).into_iter();
            wanted.extend(keys.filter(|key| chosen(key)).map(|key| (key, at)));
            at += 1;
        }
    }
    let mut found: Vec<Row> = Vec::new();
    each_row(store, kind, pace, |row| {
        if row.index < end && chosen(&row.key) {
            found.push((row.key, row.index));
        }
    })?;
    wanted.sort_unstable();
    found.sort_unstable();
    for row in missing(&wanted, &found) {
        let elsewhere = found.partition_point(|(key, _)| *key < row.0);
        let elsewhere = found.get(elsewhere).filter(|(key, _)| *key == row.0);
        report.wrong(match (kind, elsewhere) {
            (IndexKind::Leaves, Some((_, place))) => {
                format!(
                    "record {} stands at {place} in the index of leaf hashes",
                    row.1
                )
            }
            (IndexKind::Leaves, None) => {
                format!("record {} is not in the index of leaf hashes", row.1)
            }
            (IndexKind::Keys, _) => {
                format!(
                    "record {} is not found under its key {}",
                    row.1,
                    hex::encode(&row.0)
                )
            }
        });
    }
    for (key, index) in missing(&found, &wanted) {
        let key = hex::encode(key);
        report.wrong(match kind {
            IndexKind::Leaves => {
                format!("the index says that leaf {key} is record {index}, which it is not")
            }
            IndexKind::Keys => {
                format!("the index has record {index} under {key}, which is none of its keys")
            }
        });
    }
    Ok(())
}

fn keys_of(kind: IndexKind, octets: &[u8]) -> Vec<Vec<u8>> {
    match kind {
        IndexKind::Leaves => vec![leaf_hash(octets).0.to_vec()],
        // An entry that is no record was named already.
        IndexKind::Keys => Record::decode(octets).map_or(Vec::new(), |record| {
            distinct_keys(&record).into_iter().collect()
        }),
    }
}

/// Rows of `rows` that are not in `others`; both sorted.
fn missing<'a>(rows: &'a [Row], others: &'a [Row]) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(|row| others.binary_search(row).is_err())
}
