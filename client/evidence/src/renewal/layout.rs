//! From a renewed file's octets to its content, and back: as for evidence files, the result is
//! encoded again and compared, so that of each content there is one file. Only the pages for people
//! may differ.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use ishibumi_artifact::{Certificate, EvidenceRecord};

use super::super::container::{self, Entry};
use super::super::decode::take_apart;
use super::super::encode::{ASIC_S, CERTIFICATES, INDEX, in_order, information, status_name};
use super::super::layout::Entries;
use super::super::names::MIMETYPE;
use super::super::proofs::Proofs;
use super::super::{Collection, EvidenceFileError, PROVEN_MAX, StatusData};
use super::{EVIDENCE, RenewalError, Renewed};

/// Ours, not registered: newer proofs alone, which no ASiC container knows.
const OWN: &str = "application/vnd.ishibumi.renewed-evidence+zip";

/// EN 319 162-1, ASiC-S: an evidence record over the one file in the root.
const RECORD: &str = "META-INF/evidencerecord.ers";

const PROOFS: &str = "META-INF/proofs/";
const REVOCATION: &str = "META-INF/revocation/";

/// For people; the first is in ASCII. Other versions of this program may say it better.
const PAGES: [(&str, &str); 2] = [
    ("META-INF/README.txt", include_str!("readme.txt")),
    (
        "META-INF/formats/renewal.md",
        include_str!("../../formats/renewal.md"),
    ),
];

fn is_page(name: &str) -> bool {
    PAGES.iter().any(|(page, _)| *page == name)
}

impl Renewed {
    /// Reads a renewed evidence file, or one that was not renewed yet. Takes memory like
    /// [`Collection::decode`].
    ///
    /// # Errors
    /// [`RenewalError`]: the first deviation from the format of such a file.
    pub fn open(octets: &[u8]) -> Result<Self, RenewalError> {
        Self::open_shared(&Bytes::copy_from_slice(octets))
    }

    /// Reads a renewed evidence file without copying it: the result holds parts of `octets`.
    ///
    /// # Errors
    /// [`RenewalError`]: the first deviation from the format of such a file.
    pub fn open_shared(octets: &Bytes) -> Result<Self, RenewalError> {
        let entries = container::decode(octets)?;
        let is_plain = |entry: &Entry<'_>| entry.name == INDEX;
        if entries.iter().any(is_plain) || !entries.iter().any(|entry| entry.name == EVIDENCE) {
            let read = Collection::decode_with_pages(octets);
            let (collection, foreign_pages) = read.map_err(RenewalError::NotEvidence)?;
            return Ok(Self {
                evidence: octets.clone(),
                collection,
                record: None,
                additions: Collection::default(),
                foreign_pages,
            });
        }
        let read = Self::read(octets, &entries)?;
        read.check(&entries)?;
        Ok(read)
    }

    /// The file's octets.
    ///
    /// # Errors
    /// [`RenewalError::Container`] if it is too much for one file.
    pub fn encode(&self) -> Result<Vec<u8>, RenewalError> {
        if !self.is_renewed() {
            return Ok(self.evidence.to_vec());
        }
        let mut entries = self.layout()?;
        for (name, text) in PAGES {
            entries.insert(name.to_owned(), Cow::Borrowed(text.as_bytes()));
        }
        let in_order: Vec<Entry<'_>> = in_order(&entries)
            .map(|(name, octets)| Entry { name, octets })
            .collect();
        Ok(container::encode(&in_order)?)
    }

    fn read(whole: &Bytes, entries: &[Entry<'_>]) -> Result<Self, RenewalError> {
        let by_name: HashMap<&str, &[u8]> = entries.iter().map(|it| (it.name, it.octets)).collect();
        let evidence = by_name.get(EVIDENCE).copied();
        let evidence = evidence.map_or_else(Bytes::new, |octets| whole.slice_ref(octets));
        let read = Collection::decode_with_pages(&evidence).map_err(RenewalError::Evidence)?;
        let (collection, inside) = read;
        let own = |name: &str| PAGES.iter().find(|(page, _)| *page == name);
        let differs = |entry: &&Entry<'_>| {
            own(entry.name).is_some_and(|(_, text)| text.as_bytes() != entry.octets)
        };
        let around = entries.iter().filter(differs).map(|it| it.name.to_owned());
        let inside = inside.iter().map(|name| format!("{EVIDENCE}!{name}"));
        let foreign_pages = around.chain(inside).collect();
        let record = by_name.get(RECORD).copied();
        let record = record.map(EvidenceRecord::parse).transpose()?;
        let mut additions = Collection::default();
        let mut left = PROVEN_MAX;
        for entry in entries {
            if entry.name.starts_with(PROOFS) {
                let proofs = take_apart(entry.name, entry.octets, left);
                let proofs = proofs.map_err(RenewalError::Additions)?;
                left = left.saturating_sub(proofs.len());
                additions.statements.extend(proofs.into_values());
            } else if entry.name.starts_with(REVOCATION) {
                additions.revocation.push(StatusData {
                    octets: whole.slice_ref(entry.octets),
                    proof: None,
                });
            } else if entry.name.starts_with(CERTIFICATES) {
                let read = Certificate::parse(entry.octets);
                let read = read.map_err(|source| {
                    RenewalError::Additions(EvidenceFileError::Certificate {
                        name: entry.name.to_owned(),
                        source,
                    })
                })?;
                additions.certificates.push(read.der().to_vec());
            }
        }
        Ok(Self {
            evidence,
            collection,
            record,
            additions,
            foreign_pages,
        })
    }

    /// Checks that the file has the one spelling, and that newer proofs are about records that the
    /// evidence file proves, and are new.
    fn check(&self, entries: &[Entry<'_>]) -> Result<(), RenewalError> {
        let records = self.records();
        let mut newer = self.newer_proofs().iter();
        if newer.any(|logged| !records.contains(&logged.entry[..])) {
            return Err(RenewalError::Foreign);
        }
        let expected = self.layout()?;
        let own = entries.iter().filter(|entry| !is_page(entry.name));
        let mut found = 0;
        for entry in own {
            let known = expected.get(entry.name);
            if known.is_none_or(|known| **known != *entry.octets) {
                return Err(RenewalError::Spelling(entry.name.to_owned()));
            }
            found += 1;
        }
        let complete = found == expected.len() && entries.len() == found + PAGES.len();
        if complete && self.is_renewed() {
            return Ok(());
        }
        let there = |name: &str| entries.iter().any(|entry| entry.name == name);
        let pages = PAGES.iter().map(|(name, _)| *name);
        let mut all = expected.keys().map(String::as_str).chain(pages);
        // A wrapper around nothing but the evidence file has a media type too many.
        let wrong = all.find(|name| !there(name)).unwrap_or(MIMETYPE);
        Err(RenewalError::Spelling(wrong.to_owned()))
    }

    /// All entries but the pages.
    fn layout(&self) -> Result<Entries<'_>, RenewalError> {
        let proofs = Proofs::of(&self.additions).map_err(RenewalError::Additions)?;
        let mut entries = information(&self.additions);
        let files = proofs.files.into_iter();
        entries.extend(files.map(|(name, text)| (name, Cow::Owned(text.into_bytes()))));
        for data in &self.additions.revocation {
            entries.insert(status_name(&data.octets), Cow::Borrowed(&*data.octets));
        }
        let mimetype = if let Some(record) = &self.record {
            entries.insert(RECORD.to_owned(), Cow::Borrowed(record.as_octets()));
            ASIC_S
        } else {
            OWN
        };
        entries.insert(MIMETYPE.to_owned(), Cow::Borrowed(mimetype.as_bytes()));
        entries.insert(EVIDENCE.to_owned(), Cow::Borrowed(&*self.evidence));
        Ok(entries)
    }
}
