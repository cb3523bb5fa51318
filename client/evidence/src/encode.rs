//! From a collection to the entries of its file: sorted, each thing once, in one spelling.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ishibumi_artifact::ArtifactType;
use ishibumi_tlog::Hash;
use pem_rfc7468::LineEnding;

use super::container::{self, Entry};
use super::index::{Index, ItemRow, StampRow, StatusRow};
use super::layout::{ASIC_S_TOKEN, Entries, is_bare_token};
use super::names::{self, MIMETYPE};
use super::proofs::Proofs;
use super::{Collection, EvidenceFileError, File, Item, pages};

/// EN 319 162-1: a document in the root, and the token that stamps it.
pub(super) const ASIC_S: &str = "application/vnd.etsi.asic-s+zip";

/// Ours, not registered: everything else.
const OWN: &str = "application/vnd.ishibumi.evidence+zip";

pub(super) const CERTIFICATES: &str = "META-INF/certificates";
const ANCHORS: &str = "META-INF/information/anchors";
const POLICIES: &str = "META-INF/information/policies";

pub(super) const INDEX: &str = "META-INF/evidence.json";
pub(super) const SUMS: &str = "META-INF/sha256sums.txt";

impl Collection {
    /// The file's octets. Collections that are equal but for order and repetitions have equal
    /// files.
    ///
    /// # Errors
    /// [`EvidenceFileError::Proof`] if a proof does not lead from its entry to its checkpoint's
    /// root, [`EvidenceFileError::Container`] if the collection is too large for one file.
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceFileError> {
        let (mut entries, index) = layout(self)?;
        pages::add(&mut entries, self, &index);
        let sums = sums(entries.iter().map(|(name, octets)| (&**name, &**octets)));
        entries.insert(SUMS.to_owned(), Cow::Owned(sums.into_bytes()));
        let in_order: Vec<Entry<'_>> = in_order(&entries)
            .map(|(name, octets)| Entry { name, octets })
            .collect();
        Ok(container::encode(&in_order)?)
    }
}

/// `mimetype`, then the others by their names.
pub(super) fn in_order<'a>(entries: &'a Entries<'_>) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let first = entries.get_key_value(MIMETYPE).into_iter();
    let others = entries.iter().filter(|(name, _)| *name != MIMETYPE);
    first
        .chain(others)
        .map(|(name, octets)| (&**name, &**octets))
}

/// The output of `sha256sum` for these entries.
pub(super) fn sums<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut lines: Vec<(&str, &[u8])> = entries.filter(|(name, _)| *name != SUMS).collect();
    lines.sort_unstable_by_key(|(name, _)| *name);
    let line = |(name, octets): &(&str, &[u8])| format!("{}  {name}\n", Hash::of(octets));
    lines.iter().map(line).collect()
}

/// All entries but the sums and the pages that explain.
pub(super) fn layout(collection: &Collection) -> Result<(Entries<'_>, Index), EvidenceFileError> {
    if collection.items.is_empty() && collection.statements.is_empty() {
        return Err(EvidenceFileError::Empty);
    }
    let proofs = Proofs::of(collection)?;
    let mut entries = Entries::new();
    let mut index = Index::new();
    let mimetype = put_items(collection, &proofs, &mut entries, &mut index)?;
    put_status(collection, &proofs, &mut entries, &mut index)?;
    put_stamps(collection, &mut entries, &mut index);
    for statement in &collection.statements {
        index.statements.push(proofs.row(statement, "a statement")?);
    }
    index
        .statements
        .sort_by(|a, b| (&a.proof, a.index).cmp(&(&b.proof, b.index)));
    index.statements.dedup();
    for (name, octets) in information(collection) {
        let list = match name.rsplit_once('/') {
            Some((CERTIFICATES, _)) => &mut index.certificates,
            Some((ANCHORS, _)) => &mut index.anchors_for_information,
            _ => &mut index.policies_for_information,
        };
        list.push(name.clone());
        entries.insert(name, octets);
    }
    for (name, text) in proofs.files {
        entries.insert(name, Cow::Owned(text.into_bytes()));
    }
    entries.insert(MIMETYPE.to_owned(), Cow::Borrowed(mimetype.as_bytes()));
    entries.insert(INDEX.to_owned(), Cow::Owned(index.encode()));
    Ok((entries, index))
}

/// Puts artifacts and documents where they belong; the media type that follows from them.
fn put_items<'a>(
    collection: &'a Collection,
    proofs: &Proofs,
    entries: &mut Entries<'a>,
    index: &mut Index,
) -> Result<&'static str, EvidenceFileError> {
    let asic = asic_s(&collection.items);
    let mut rows = Vec::with_capacity(collection.items.len());
    let own = |entry: &str, file: &File| (entry != file.name).then(|| file.name.clone());
    for (item, (artifact, document)) in collection.items.iter().zip(places(&collection.items, asic))
    {
        entries.insert(artifact.clone(), Cow::Borrowed(&item.artifact.octets));
        let mut row = ItemRow {
            artifact_name: own(&artifact, &item.artifact),
            artifact,
            document: None,
            document_name: None,
            proofs: proofs.rows(item)?,
        };
        if let (Some(entry), Some(file)) = (document, &item.document) {
            entries.insert(entry.clone(), Cow::Borrowed(&file.octets));
            row.document_name = own(&entry, file);
            row.document = Some(entry);
        }
        rows.push(row);
    }
    let key = |row: &ItemRow| {
        let proofs = row.proofs.iter().map(|p| (p.proof.clone(), p.index));
        (
            row.artifact.clone(),
            row.document.clone(),
            proofs.collect::<Vec<_>>(),
        )
    };
    rows.sort_by_cached_key(key);
    rows.dedup();
    index.items = rows;
    Ok(if asic { ASIC_S } else { OWN })
}

/// The entries of each item's artifact and document.
pub(super) fn places(items: &[Item], asic: bool) -> Vec<(String, Option<String>)> {
    let digested: Vec<_> = items
        .iter()
        .map(|item| {
            (
                digested(&item.artifact),
                item.document.as_ref().map(digested),
            )
        })
        .collect();
    let artifacts = digested
        .iter()
        .filter(|_| !asic)
        .map(|(artifact, _)| *artifact);
    let documents = digested.iter().filter_map(|(_, document)| *document);
    let placed = names::place(artifacts.chain(documents));
    // The token of an ASiC-S container, which was not among the items.
    let entry = |file| {
        placed
            .get(&file)
            .map_or(ASIC_S_TOKEN, String::as_str)
            .to_owned()
    };
    let both = |(artifact, document): &(_, Option<_>)| (entry(*artifact), document.map(entry));
    digested.iter().map(both).collect()
}

fn digested(file: &File) -> (&str, Hash) {
    (file.name.as_str(), Hash::of(&file.octets))
}

/// Whether it is what ASiC-S is for: one document, and one bare token that stamps it.
fn asic_s(items: &[Item]) -> bool {
    let [first, rest @ ..] = items else {
        return false;
    };
    let same = |item: &Item| item.artifact == first.artifact && item.document == first.document;
    first.document.is_some() && rest.iter().all(same) && is_bare_token(&first.artifact.octets)
}

fn put_status<'a>(
    collection: &'a Collection,
    proofs: &Proofs,
    entries: &mut Entries<'a>,
    index: &mut Index,
) -> Result<(), EvidenceFileError> {
    let mut rows = Vec::new();
    for data in &collection.revocation {
        let file = status_name(&data.octets);
        entries.insert(file.clone(), Cow::Borrowed(&data.octets));
        let proof = data.proof.as_ref().map(|proof| proofs.row(proof, &file));
        let proof = proof.transpose()?;
        rows.push(StatusRow { file, proof });
    }
    let key = |row: &StatusRow| {
        let proof = row.proof.as_ref().map(|p| (p.proof.clone(), p.index));
        (row.file.clone(), proof)
    };
    rows.sort_by_cached_key(key);
    rows.dedup();
    index.revocation = rows;
    Ok(())
}

/// The entry of a list or response.
pub(super) fn status_name(octets: &[u8]) -> String {
    let extension = match ArtifactType::detect(octets) {
        Some(ArtifactType::Crl) => "crl",
        Some(ArtifactType::OcspResponse) => "ors",
        _ => "bin",
    };
    by_digest("META-INF/revocation", octets, extension)
}

/// The entry of a token over a checkpoint.
pub(super) fn stamp_name(token: &[u8]) -> String {
    by_digest("META-INF/checkpoint-tokens", token, "tst")
}

fn put_stamps<'a>(collection: &'a Collection, entries: &mut Entries<'a>, index: &mut Index) {
    let stamps: BTreeSet<_> = collection.checkpoint_tokens.iter().collect();
    for stamp in stamps {
        let token = stamp_name(&stamp.token);
        entries.insert(token.clone(), Cow::Borrowed(&stamp.token));
        index.checkpoint_tokens.push(StampRow {
            token,
            log: stamp.log.clone(),
            size: stamp.size,
        });
    }
}

/// Certificates, anchors and policies, by entry name.
pub(super) fn information(collection: &Collection) -> Entries<'_> {
    // This fails only beyond a limit far above the size of memory.
    let pem = |der: &Vec<u8>| {
        pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, der).unwrap_or_default()
    };
    let mut entries = Entries::new();
    for (folder, all) in [
        (CERTIFICATES, &collection.certificates),
        (ANCHORS, &collection.anchors),
    ] {
        for der in all {
            // PEM, as the tools take it that a reader by hand has.
            let text = pem(der).into_bytes();
            entries.insert(by_digest(folder, der, "pem"), Cow::Owned(text));
        }
    }
    for policy in &collection.policies {
        entries.insert(by_digest(POLICIES, policy, "txt"), Cow::Borrowed(policy));
    }
    entries
}

/// A name made of the digest, so that entries of several files never clash, and equal contents are
/// one entry.
fn by_digest(folder: &str, octets: &[u8], extension: &str) -> String {
    let digest = Hash::of(octets).to_hex();
    let digest = digest.get(..32).unwrap_or(&digest);
    format!("{folder}/{digest}.{extension}")
}
