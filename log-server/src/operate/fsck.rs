//! `fsck`: reads everything and believes nothing.
//!
//! Every record is hashed anew; every tile of every level, the root of every head and of every kept
//! checkpoint are computed from those hashes and compared with what is stored; every leaf has to be
//! found by its hash, every list and every response by the digest in its record. It repairs nothing.

use std::collections::BTreeMap;

use ishibumi_artifact::{Body, Record};
use ishibumi_store::{HeadFile, LogStore, RocksLog, StoreError};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::Edge;
use ishibumi_tlog::{Checkpoint, Hash};

use super::OperateError;
use super::keys::public_keys;
use crate::config::Config;
use crate::erasure;

/// Records that are read at once.
const CHUNK: u64 = 1024;

/// The most findings that are listed; the rest is counted.
const LISTED_MAX: usize = 100;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Records that were read.
    pub records: u64,
    /// Full tiles that were compared.
    pub tiles: u64,
    /// Checkpoints whose root was compared.
    pub checkpoints: u64,
    /// One sentence for each thing that is wrong, the first hundred.
    pub findings: Vec<String>,
    /// How many things are wrong.
    pub wrong: u64,
}

impl Report {
    fn wrong(&mut self, finding: String) {
        self.wrong += 1;
        if self.findings.len() < LISTED_MAX {
            self.findings.push(finding);
        }
    }
}

/// Checks the whole log. `progress` is told how many of how many records are done.
pub fn fsck(config: &Config, progress: impl FnMut(u64, u64)) -> Result<Report, OperateError> {
    let keys = public_keys(config)?;
    let head_file = HeadFile::open(&config.head_dir, &keys[0])?;
    let store = RocksLog::open(&config.data_dir, &config.origin)?;
    let outside = head_file.read()?.map(|head| (head.size, head.root));
    let mut report = check(&store, &keys, outside, progress)?;
    // It is written first: where it says nothing, nothing outside of the database was compared.
    if outside.is_none() && store.signed_head()?.is_some() {
        report.wrong("the head file says that nothing was signed, the database has a head".into());
    }
    Ok(report)
}

/// Checks `store`. `keys` are the log's, Ed25519 first; `outside` is what the head file says.
fn check(
    store: &dyn LogStore,
    keys: &[VerifierKey],
    outside: Option<(u64, Hash)>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let staged = store.staged()?;
    let mut roots = claimed_roots(store, keys, outside, &mut report)?;
    let mut edge = Edge::new();
    let mut at = 0;
    while at < staged.size() {
        let records = store.records(at, staged.size().min(at + CHUNK))?;
        if records.is_empty() {
            report.wrong(format!("record {at} is staged, but not there"));
            break;
        }
        for octets in records {
            check_record(store, at, &octets, &mut report)?;
            let mut filled = Vec::new();
            edge.append(leaf_hash(&octets), |level, index, tile| {
                filled.push((level, index, tile));
            });
            for (level, index, tile) in filled {
                report.tiles += 1;
                match store.tile(level, index, 256) {
                    Ok(stored) if stored == tile => {}
                    Ok(_) => report.wrong(format!(
                        "tile {index} of level {level} is not what its records hash to"
                    )),
                    Err(error) => {
                        report.wrong(format!("tile {index} of level {level}: {error}"));
                    }
                }
            }
            at += 1;
            if let Some(claims) = roots.remove(&at) {
                let root = edge.root();
                for (what, claimed) in claims {
                    report.checkpoints += 1;
                    if claimed != root {
                        report.wrong(format!(
                            "{what} of size {at} has root {claimed}, the records have {root}"
                        ));
                    }
                }
            }
        }
        report.records = at;
        progress(at, staged.size());
    }
    if edge != staged {
        report.wrong(format!(
            "the stored edge (size {}, root {}) is not the records' (size {}, root {})",
            staged.size(),
            staged.root(),
            edge.size(),
            edge.root()
        ));
    }
    for (size, claims) in roots {
        for (what, _) in claims {
            report.wrong(format!(
                "{what} is of size {size}, the log has {at} records"
            ));
        }
    }
    Ok(report)
}

type Roots = BTreeMap<u64, Vec<(&'static str, Hash)>>;

/// Every root that somebody was or could be told, by size.
fn claimed_roots(
    store: &dyn LogStore,
    keys: &[VerifierKey],
    outside: Option<(u64, Hash)>,
    report: &mut Report,
) -> Result<Roots, StoreError> {
    let mut roots = Roots::new();
    if let Some((size, root)) = outside.filter(|(size, _)| *size > 0) {
        roots.entry(size).or_default().push(("the head file", root));
    }
    let mut claim = |what: &'static str, note: &Note, report: &mut Report| {
        // One from before the ML-DSA-44 key lacks its signature; the Ed25519 key signed them all.
        match note.verify(keys) {
            Ok(verified) if verified.iter().any(|signature| signature.key == 0) => {}
            Ok(_) => report.wrong(format!("{what} is not signed by the log's Ed25519 key")),
            Err(error) => report.wrong(format!("{what}: {error}")),
        }
        match Checkpoint::parse(note.text()) {
            Ok(head) => roots.entry(head.size).or_default().push((what, head.root)),
            Err(error) => report.wrong(format!("{what}: {error}")),
        }
    };
    for (what, note) in [
        ("the signed head", store.signed_head()?),
        ("the published checkpoint", store.published()?),
    ] {
        if let Some(note) = note {
            claim(what, &note, report);
        }
    }
    let mut from = 0;
    loop {
        let sizes = store.kept_sizes(from, 1000)?;
        let Some(&last) = sizes.last() else { break };
        for size in sizes {
            match store.kept(size)? {
                Some(kept) => claim("a kept checkpoint", &kept.note, report),
                None => report.wrong(format!("the kept checkpoint of size {size} is not there")),
            }
        }
        from = last + 1;
    }
    Ok(roots)
}

fn check_record(
    store: &dyn LogStore,
    index: u64,
    octets: &[u8],
    report: &mut Report,
) -> Result<(), StoreError> {
    match store.index_of(leaf_hash(octets))? {
        Some(found) if found == index => {}
        Some(found) => report.wrong(format!("record {index} stands at {found} already")),
        None => report.wrong(format!("record {index} is not in the index of leaf hashes")),
    }
    let record = match Record::decode(octets) {
        Ok(record) => record,
        Err(error) => {
            report.wrong(format!("record {index}: {error}"));
            return Ok(());
        }
    };
    for key in record.lookup_keys() {
        if store.lookup(&key.to_bytes(), index, 1)?.first() != Some(&index) {
            report.wrong(format!("record {index} is not found under its {key:?}"));
        }
    }
    if let Some(digest) = record.body().blob().map(Hash) {
        let what = match record.body() {
            Body::Crl(_) => "list",
            _ => "response",
        };
        match store.blob(digest)? {
            Some(blob) if Hash::of(&blob) == digest => {}
            Some(_) => report.wrong(format!("the {what} of record {index} is damaged")),
            None if erasure::stated(store, digest)?.is_some() => {}
            None => report.wrong(format!("the {what} of record {index} is not kept")),
        }
    }
    Ok(())
}
