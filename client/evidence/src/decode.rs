//! From a file's octets to a collection: every entry listed, every list true, one spelling.
//!
//! The result is encoded again and compared, so that no rule of the layout is written down twice.
//! Only the pages that explain the file may differ: other versions of this program write others.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use ishibumi_artifact::Certificate;
use ishibumi_tlog::Hash;
use ishibumi_tlog::multiproof::Multiproof;

use super::container::{self, Entry};
use super::encode::{INDEX, SUMS, layout, sums};
use super::index::{Index, ItemRow, ProofRow, StampRow, StatusRow};
use super::{
    Collection, EvidenceFileError, File, Item, LoggedEntry, PROVEN_MAX, Stamp, StatusData, pages,
    renewal,
};

impl Collection {
    /// Reads an evidence file. Takes memory in proportion to the file, whatever its contents: once
    /// for a copy of it, and a little for each entry.
    ///
    /// # Errors
    /// [`EvidenceFileError`]: the first deviation from the format of an evidence file.
    pub fn decode(octets: &[u8]) -> Result<Self, EvidenceFileError> {
        Self::decode_shared(&Bytes::copy_from_slice(octets))
    }

    /// Reads an evidence file without copying it: the collection holds parts of `octets`.
    ///
    /// # Errors
    /// [`EvidenceFileError`]: the first deviation from the format of an evidence file.
    pub fn decode_shared(octets: &Bytes) -> Result<Self, EvidenceFileError> {
        Ok(Self::decode_with_pages(octets)?.0)
    }

    /// Reads an evidence file, and names the pages in it that differ from those of this version of
    /// the program.
    pub(super) fn decode_with_pages(
        octets: &Bytes,
    ) -> Result<(Self, Vec<String>), EvidenceFileError> {
        let entries = container::decode(octets)?;
        if entries.iter().any(|entry| entry.name == renewal::EVIDENCE)
            && !entries.iter().any(|entry| entry.name == INDEX)
        {
            return Err(EvidenceFileError::Renewed);
        }
        check_sums(&entries)?;
        let reader = Reader::new(octets, &entries)?;
        let collection = reader.collection()?;
        let (expected, index) = layout(&collection)?;
        let is_page = |entry: &&Entry<'_>| pages::is_page(entry.name);
        let own = |entry: &&Entry<'_>| entry.name != SUMS && !pages::is_page(entry.name);
        let too_long = |entry: &&Entry<'_>| entry.octets.len() > pages::PAGE_LEN_MAX;
        if let Some(page) = entries.iter().filter(is_page).find(too_long) {
            return Err(EvidenceFileError::Spelling(page.name.to_owned()));
        }
        let mut found = 0;
        for entry in entries.iter().filter(own) {
            let known = expected.get(entry.name);
            if known.is_none_or(|known| **known != *entry.octets) {
                return Err(EvidenceFileError::Spelling(entry.name.to_owned()));
            }
            found += 1;
        }
        if found == expected.len() {
            let pages = entries
                .iter()
                .filter(is_page)
                .map(|it| (it.name, it.octets));
            let foreign = pages::foreign(pages, &collection, &index);
            drop(expected);
            return Ok((collection, foreign));
        }
        let there = |name: &str| entries.iter().any(|entry| entry.name == name);
        let missing = expected.keys().find(|name| !there(name));
        let missing = missing.map_or("", String::as_str).to_owned();
        Err(EvidenceFileError::Missing(missing))
    }
}

/// The list of SHA-256 sums is exactly that of the entries.
fn check_sums(entries: &[Entry<'_>]) -> Result<(), EvidenceFileError> {
    let listed = entries.iter().find(|entry| entry.name == SUMS);
    let listed = listed.ok_or_else(|| EvidenceFileError::Missing(SUMS.to_owned()))?;
    let expected = sums(entries.iter().map(|entry| (entry.name, entry.octets)));
    // A fuzzer cannot guess a hash, and has to get behind this.
    if cfg!(fuzzing) || listed.octets == expected.as_bytes() {
        return Ok(());
    }
    let lines = listed.octets.split_inclusive(|&octet| octet == b'\n');
    let mut both = lines.zip(expected.split_inclusive('\n'));
    let differs = both.find(|(listed, expected)| *listed != expected.as_bytes());
    let name = differs.and_then(|(_, expected)| expected.get(66..));
    let name = name.map_or(SUMS, str::trim_end).to_owned();
    Err(EvidenceFileError::Sum { name })
}

struct Reader<'a> {
    /// The file, which the entries are parts of.
    whole: &'a Bytes,
    entries: HashMap<&'a str, &'a [u8]>,
    index: Index,
    /// Each multiproof, taken apart, by entry name and index.
    proofs: BTreeMap<&'a str, BTreeMap<u64, Arc<LoggedEntry>>>,
}

impl<'a> Reader<'a> {
    fn new(whole: &'a Bytes, entries: &[Entry<'a>]) -> Result<Self, EvidenceFileError> {
        let entries: HashMap<_, _> = entries.iter().map(|it| (it.name, it.octets)).collect();
        let index = entries.get(INDEX);
        let index = index.ok_or_else(|| EvidenceFileError::Missing(INDEX.to_owned()))?;
        let index = Index::parse(index)?;
        let is_proof = |(name, _): &(&&'a str, &&'a [u8])| name.starts_with("META-INF/proofs/");
        let mut proofs = BTreeMap::new();
        let mut left = PROVEN_MAX;
        for (name, octets) in entries.iter().filter(is_proof) {
            let apart = take_apart(name, octets, left)?;
            left = left.saturating_sub(apart.len());
            proofs.insert(*name, apart);
        }
        Ok(Self {
            whole,
            entries,
            index,
            proofs,
        })
    }

    fn collection(&self) -> Result<Collection, EvidenceFileError> {
        let index = &self.index;
        let items = index.items.iter().map(|row| self.item(row));
        let revocation = index.revocation.iter().map(|row| self.status(row));
        let stamps = index.checkpoint_tokens.iter().map(|row| self.stamp(row));
        let statements = index.statements.iter().map(|row| self.logged(row));
        let certificates = index.certificates.iter();
        let policies = index.policies_for_information.iter();
        let anchors = index.anchors_for_information.iter();
        Ok(Collection {
            items: items.collect::<Result<_, _>>()?,
            revocation: revocation.collect::<Result<_, _>>()?,
            checkpoint_tokens: stamps.collect::<Result<_, _>>()?,
            statements: statements.collect::<Result<_, _>>()?,
            certificates: certificates
                .map(|name| self.certificate(name))
                .collect::<Result<_, _>>()?,
            policies: policies
                .map(|name| self.octets(name).map(|it| it.to_vec()))
                .collect::<Result<_, _>>()?,
            anchors: anchors
                .map(|name| self.certificate(name))
                .collect::<Result<_, _>>()?,
        })
    }

    fn octets(&self, name: &str) -> Result<Bytes, EvidenceFileError> {
        let missing = || EvidenceFileError::Missing(ishibumi_tlog::shown::octets(name.as_bytes()));
        let octets = self.entries.get(name).ok_or_else(missing)?;
        Ok(self.whole.slice_ref(octets))
    }

    fn file(&self, entry: &str, name: Option<&String>) -> Result<File, EvidenceFileError> {
        let octets = self.octets(entry)?;
        Ok(File::new(name.map_or(entry, String::as_str), octets))
    }

    fn item(&self, row: &ItemRow) -> Result<Item, EvidenceFileError> {
        let document = row.document.as_ref();
        let document = document.map(|entry| self.file(entry, row.document_name.as_ref()));
        let proofs = row.proofs.iter().map(|row| self.logged(row));
        Ok(Item {
            artifact: self.file(&row.artifact, row.artifact_name.as_ref())?,
            document: document.transpose()?,
            proofs: proofs.collect::<Result<_, _>>()?,
        })
    }

    fn status(&self, row: &StatusRow) -> Result<StatusData, EvidenceFileError> {
        Ok(StatusData {
            octets: self.octets(&row.file)?,
            proof: row.proof.as_ref().map(|row| self.logged(row)).transpose()?,
        })
    }

    fn stamp(&self, row: &StampRow) -> Result<Stamp, EvidenceFileError> {
        Ok(Stamp {
            log: row.log.clone(),
            size: row.size,
            token: self.octets(&row.token)?,
        })
    }

    fn logged(&self, row: &ProofRow) -> Result<Arc<LoggedEntry>, EvidenceFileError> {
        let name = || ishibumi_tlog::shown::octets(row.proof.as_bytes());
        let file = self.proofs.get(row.proof.as_str());
        let file = file.ok_or_else(|| EvidenceFileError::Missing(name()))?;
        let logged = file.get(&row.index);
        logged
            .cloned()
            .ok_or_else(|| EvidenceFileError::NoSuchEntry {
                name: name(),
                index: row.index,
            })
    }

    fn certificate(&self, name: &str) -> Result<Vec<u8>, EvidenceFileError> {
        let read = Certificate::parse(&self.octets(name)?);
        let read = read.map_err(|source| EvidenceFileError::Certificate {
            name: name.to_owned(),
            source,
        })?;
        Ok(read.der().to_vec())
    }
}

/// The proofs of a multiproof, by index, if there are not more than `most`.
pub(super) fn take_apart(
    name: &str,
    octets: &[u8],
    most: usize,
) -> Result<BTreeMap<u64, Arc<LoggedEntry>>, EvidenceFileError> {
    let failed = |source| EvidenceFileError::Proof {
        name: name.to_owned(),
        source,
    };
    let multiproof = Multiproof::parse(octets).map_err(failed)?;
    if multiproof.entries.len() > most {
        return Err(EvidenceFileError::TooManyProven);
    }
    let paths = multiproof.split().map_err(failed)?;
    let checkpoint = Arc::new(multiproof.checkpoint);
    let logged = |((index, entry), path): ((u64, Vec<u8>), Vec<Hash>)| {
        let logged = LoggedEntry {
            entry,
            index,
            path,
            checkpoint: Arc::clone(&checkpoint),
        };
        (index, Arc::new(logged))
    };
    let proven = multiproof.entries.into_iter().zip(paths);
    Ok(proven.map(logged).collect())
}
