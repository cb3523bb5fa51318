//! The subject of an examination, and its findings.

use ishibumi_store::LogStore;
use ishibumi_tlog::Hash;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::tile::Edge;

/// The most findings that are listed; the rest is counted.
const LISTED_MAX: usize = 100;

/// The findings.
#[derive(Debug, Default)]
pub struct Report {
    /// Records that were read.
    pub records: u64,
    /// Full tiles that were compared.
    pub tiles: u64,
    /// Checkpoints whose root was compared.
    pub checkpoints: u64,
    /// Rows of both indices that were compared.
    pub index_rows: u64,
    /// One sentence for each thing that is wrong, the first hundred.
    pub findings: Vec<String>,
    /// How many things are wrong.
    pub wrong: u64,
}

impl Report {
    pub(crate) fn wrong(&mut self, finding: String) {
        self.wrong += 1;
        if self.findings.len() < LISTED_MAX {
            self.findings.push(finding);
        }
    }
}

/// The subject of the examination.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The store.
    pub store: &'a dyn LogStore,
    /// Its staged tree when the examination began.
    pub staged: &'a Edge,
    /// The log's keys, Ed25519 first.
    pub keys: &'a [VerifierKey],
    /// Size and root that the head file has.
    pub outside: Option<(u64, Hash)>,
    /// Whether the log runs: records beyond `staged` then came later.
    pub runs: bool,
}
