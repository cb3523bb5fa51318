//! What to watch for in the records of a log, and the operator's own records.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::record::Body;
use ishibumi_artifact::{Certificate, LookupKey, Record};
use ishibumi_tlog::Hash;

/// Time-stamping units and organisations whose records are reported, and the leaves that are
/// expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchList {
    tsus: BTreeSet<Vec<u8>>,
    organizations: BTreeSet<String>,
    expected: HashSet<Hash>,
}

/// An own artifact that has to be in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnArtifacts {
    /// The caller's name for it, such as a path.
    pub name: String,
    /// Leaf hash of its record.
    pub leaf: Hash,
    /// When it has to be there, in seconds since the Epoch.
    pub due: u64,
}

impl WatchList {
    /// Watches the time-stamping unit whose certificate has this hash, by any of the ESS
    /// algorithms.
    pub fn tsu(&mut self, ess_hash: Vec<u8>) {
        self.tsus.insert(ess_hash);
    }

    /// Watches the time-stamping unit with this certificate: under all hashes that tokens name it
    /// by.
    pub fn tsu_certificate(&mut self, certificate: &Certificate) {
        let hashes = HashAlgorithm::ALL.map(|algorithm| algorithm.digest(certificate.der()));
        self.tsus.extend(hashes);
    }

    /// Watches certificates with this organizationIdentifier (2.5.4.97).
    pub fn organization(&mut self, identifier: impl Into<String>) {
        self.organizations.insert(identifier.into());
    }

    /// Marks a leaf as expected: records with it are not reported.
    pub fn expect(&mut self, leaf: Hash) {
        self.expected.insert(leaf);
    }

    /// Whether records have to be read at all.
    pub fn watches_records(&self) -> bool {
        !self.tsus.is_empty() || !self.organizations.is_empty()
    }

    /// Whether a leaf is expected.
    pub fn expects(&self, leaf: Hash) -> bool {
        self.expected.contains(&leaf)
    }

    /// The watched party that a record names; `None` if it names none.
    pub fn names(&self, record: &Record) -> Option<String> {
        if let Body::Token(token) = record.body()
            && self.tsus.contains(token.ess_hash.as_bytes())
        {
            let hash = hex::encode(token.ess_hash.as_bytes());
            return Some(format!("the time-stamping unit {hash}"));
        }
        if self.organizations.is_empty() {
            return None;
        }
        let keys = record.lookup_keys().into_iter();
        let mut named = keys.filter_map(|key| match key {
            LookupKey::Organization(identifier) => Some(identifier),
            _ => None,
        });
        let named = named.find(|identifier| self.organizations.contains(identifier))?;
        Some(format!("the organisation {named}"))
    }

    /// Another value whenever others are watched: records that were read must then be read again.
    pub(super) fn digest(&self) -> Hash {
        let mut text = String::new();
        // Writing to a String does not fail.
        for tsu in &self.tsus {
            let _ = writeln!(text, "tsu {}", hex::encode(tsu));
        }
        for organization in &self.organizations {
            let _ = writeln!(text, "organization {organization}");
        }
        Hash::of(text.as_bytes())
    }
}
