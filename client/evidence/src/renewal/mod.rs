//! Renewed evidence files: an evidence file, untouched, with later additions
//! (`docs/formats/renewal.md`).
//!
//! A [`Renewed`] file is an ASiC-S container around the evidence file: the file itself as
//! `evidence.zip`, an RFC 4998 evidence record over its octets, and beside it newer proofs of the
//! same records, with what is needed to judge the time-stamps. Nothing of the evidence file
//! changes, so its proofs still hold, and the user of an old program can take it out and read it as
//! before.
//!
//! A file that was never renewed is read by [`Renewed::open`] too, as one without additions; and
//! encodes to itself.

mod layout;
mod order;
mod verify;

pub use verify::{RenewedVerdict, Terms};

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use ishibumi_artifact::certificate::CertificateError;
use ishibumi_artifact::evidence_record::EvidenceRecordError;
use ishibumi_artifact::{Certificate, EvidenceRecord};
use ishibumi_tlog::proof::TlogProof;

use super::{Collection, ContainerError, EvidenceFileError, LoggedEntry, PackError, StatusData};

/// The entry that is the evidence file.
pub const EVIDENCE: &str = "evidence.zip";

/// A renewed evidence file. Nothing in it is verified.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// The evidence file, as it was.
    evidence: Bytes,
    /// The content of the evidence file.
    collection: Collection,
    record: Option<EvidenceRecord>,
    /// Newer proofs as statements, lists and responses, certificates.
    additions: Collection,
    /// Pages for people that are not those of this version.
    foreign_pages: Vec<String>,
}

/// Compares contents: it does not matter which version wrote the pages.
impl PartialEq for Renewed {
    fn eq(&self, other: &Self) -> bool {
        self.evidence == other.evidence
            && self.record == other.record
            && self.additions == other.additions
    }
}

impl Eq for Renewed {}

/// Why a renewed file cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// The ZIP around it.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The evidence file in it.
    #[error("{EVIDENCE}: {0}")]
    Evidence(#[source] EvidenceFileError),
    /// A file that is no renewed one, and no evidence file either.
    #[error(transparent)]
    NotEvidence(EvidenceFileError),
    /// The evidence record.
    #[error("META-INF/evidencerecord.ers: {0}")]
    Record(#[from] EvidenceRecordError),
    /// The additions cannot be read, or not laid out.
    #[error("the additions: {0}")]
    Additions(#[source] EvidenceFileError),
    /// An entry is not as this content is written: left over, missing, or in another spelling.
    #[error(
        "the entry {0} is not as a renewed file of this content has it (left over, missing, or in another spelling)"
    )]
    Spelling(String),
    /// A proof of something that the evidence file does not have.
    #[error("a newer proof is about none of the records of the evidence file")]
    Foreign,
}

impl RenewalError {
    /// Whether it is no evidence file that is known here: nothing in it is then shown to be false.
    pub const fn is_unread(&self) -> bool {
        match self {
            Self::Container(error) => error.is_unread(),
            Self::NotEvidence(error) => error.is_unread(),
            _ => false,
        }
    }
}

impl Renewed {
    /// The evidence file's octets: the data that the evidence record is over.
    pub fn evidence(&self) -> &[u8] {
        &self.evidence
    }

    /// The content of the evidence file.
    pub const fn collection(&self) -> &Collection {
        &self.collection
    }

    /// The evidence record, once there is one.
    pub const fn record(&self) -> Option<&EvidenceRecord> {
        self.record.as_ref()
    }

    /// The pages for people (README, formats) that this version of the program would write
    /// differently, by the names of their entries: of an older or newer version, or forged. Their
    /// text is not verified.
    pub fn foreign_pages(&self) -> &[String] {
        &self.foreign_pages
    }

    /// The newer proofs.
    pub fn newer_proofs(&self) -> &[Arc<LoggedEntry>] {
        &self.additions.statements
    }

    /// Lists and responses that were added.
    pub fn added_revocation(&self) -> &[StatusData] {
        &self.additions.revocation
    }

    /// Whether anything was added to the evidence file.
    pub fn is_renewed(&self) -> bool {
        self.record.is_some() || self.additions != Collection::default()
    }

    /// Every certificate that the file brings: known, and not trusted.
    pub fn known_certificates(&self) -> Vec<Certificate> {
        let mut all = self.collection.known_certificates();
        all.extend(self.additions.known_certificates());
        all
    }

    /// The records that are proven in the evidence file, each once: what newer proofs can be about.
    pub fn records(&self) -> BTreeSet<&[u8]> {
        let proofs = self.collection.proofs();
        proofs.map(|logged| &logged.entry[..]).collect()
    }

    /// Every proof in the evidence file, and the newer ones.
    pub fn proofs(&self) -> impl Iterator<Item = &Arc<LoggedEntry>> {
        self.collection.proofs().chain(self.newer_proofs())
    }

    /// Replaces the evidence record by one that was renewed from it.
    pub fn set_record(&mut self, record: EvidenceRecord) {
        self.record = Some(record);
    }

    /// Adds a newer proof, of any record of the evidence file. Whether it is trusted is not
    /// checked. False if this proof is there already.
    ///
    /// # Errors
    /// [`PackError`], if the proof cannot be read, or is about no record of the file.
    pub fn add_proof(&mut self, proof: &[u8]) -> Result<bool, PackError> {
        TlogProof::parse(proof)?;
        let mut failed = None;
        let records = self.records();
        let about = records.into_iter().find_map(|entry| {
            let read = LoggedEntry::read(entry.to_vec(), proof);
            read.map_err(|error| failed = Some(error)).ok()
        });
        match (about, failed) {
            (Some(logged), _) => Ok(self.add_logged(Arc::new(logged))),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(PackError::NoRecord),
        }
    }

    /// Adds every proof of `other` that is about a record of this file and is not there yet; how
    /// many.
    pub fn add_proofs_of(&mut self, other: &Self) -> usize {
        let new: Vec<Arc<LoggedEntry>> = {
            let records = self.records();
            let mine = other
                .proofs()
                .filter(|logged| records.contains(&logged.entry[..]));
            mine.cloned().collect()
        };
        new.into_iter()
            .filter(|logged| self.add_logged(Arc::clone(logged)))
            .count()
    }

    fn add_logged(&mut self, logged: Arc<LoggedEntry>) -> bool {
        let known = |it: &Arc<LoggedEntry>| {
            it.entry == logged.entry
                && it.index == logged.index
                && it.checkpoint == logged.checkpoint
        };
        let is_known = self.proofs().any(known);
        if !is_known {
            self.additions.statements.push(logged);
        }
        !is_known
    }

    /// Adds a list or a response. False if it is there already.
    pub fn add_revocation(&mut self, octets: Vec<u8>) -> bool {
        let all = [&self.collection.revocation, &self.additions.revocation];
        let is_known = all.into_iter().flatten().any(|it| *it.octets == *octets);
        if !is_known {
            self.additions.revocation.push(StatusData {
                octets: octets.into(),
                proof: None,
            });
        }
        !is_known
    }

    /// Adds a certificate between a unit and an anchor, DER or PEM. False if it is there already.
    ///
    /// # Errors
    /// [`CertificateError`], if the octets are not exactly one certificate.
    pub fn add_certificate(&mut self, octets: &[u8]) -> Result<bool, CertificateError> {
        let der = Certificate::parse(octets)?.der().to_vec();
        let all = [&self.collection.certificates, &self.additions.certificates];
        let is_known = all.into_iter().any(|known| known.contains(&der));
        if !is_known {
            self.additions.certificates.push(der);
        }
        Ok(!is_known)
    }
}
