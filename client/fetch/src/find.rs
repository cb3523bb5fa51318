//! Finds records in a log, and proves them.
//!
//! A log answers a lookup with indices, and an index is a hint, since it is not signed. So each
//! record is read from its entry bundle, has to match the query, and is proven under a checkpoint
//! with the policy's quorum, from tiles that are trusted no further than the proof they make.
//! Records that a log leaves out cannot be noticed this way.
//!
//! Sources without lookups (a mirror, a directory) are read whole instead: every record is hashed
//! to the root of the checkpoint, which is slow, and complete.

use std::collections::HashMap;
use std::fmt::Write as _;

use ishibumi_artifact::record::RecordError;
use ishibumi_artifact::{LookupKey, Record};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::tile::{BundleError, TILE_WIDTH, TileKind, TilePath, decode_bundle, tile_width};
use ishibumi_tlog::tree::{Frontier, ProofError, check_inclusion};
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};
use serde::Deserialize;

use super::evidence::of_trust;
use super::fallback::Attribution;
use super::prefetch::Ahead;
use super::prover::Prover;
use super::source::{HeadError, Source, SourceError};

/// Answers to one lookup that are read: a log gives a thousand indices in each.
const PAGES_MAX: usize = 1_000;

/// Indices that are read under one key, where all are asked for: daily lists of 270 years.
const INDICES_MAX: usize = 100_000;

/// The longest answer to a lookup, in octets.
const ANSWER_LEN_MAX: usize = 1 << 20;

/// A query for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    path: String,
    what: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Leaf(Hash),
    Key(LookupKey),
}

impl Query {
    /// The log's tokens over its checkpoints.
    pub(super) fn checkpoint_anchors() -> Self {
        Self {
            path: "checkpoint-anchors".to_owned(),
            what: Wanted::Key(LookupKey::CheckpointAnchors),
        }
    }

    /// Parses the terms of docs/formats/submission-api.md, "Lookup"; `value` is not
    /// percent-encoded. `None` for others.
    pub fn from_words(kind: &str, value: &str) -> Option<Self> {
        let what = match kind {
            "leaf" => Wanted::Leaf(Hash::from_hex(value)?),
            _ => Wanted::Key(LookupKey::from_words(kind, value)?),
        };
        let path = match kind {
            "organization" | "provider" => format!("{kind}/{}", percent_encode(value)),
            _ if value.is_empty() => kind.to_owned(),
            _ => format!("{kind}/{value}"),
        };
        Some(Self { path, what })
    }

    /// The query for lists of a key, or for statements about a serial; `None` for other keys.
    fn of(key: &LookupKey) -> Option<Self> {
        let path = match key {
            LookupKey::Lists(key_hash) => format!("lists/{}", hex::encode(key_hash)),
            LookupKey::IssuerSerial {
                issuer_key_hash,
                serial,
            } => {
                let issuer = hex::encode(issuer_key_hash);
                format!("serial/{issuer}/{}", hex::encode(serial))
            }
            _ => return None,
        };
        let what = Wanted::Key(key.clone());
        Some(Self { path, what })
    }

    fn fits(&self, leaf: Hash, record: &Record) -> bool {
        match &self.what {
            Wanted::Leaf(wanted) => *wanted == leaf,
            Wanted::Key(key) => record.lookup_keys().contains(key),
        }
    }
}

/// A record that is in the log and was asked for, proven under a checkpoint with the quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    index: u64,
    leaf: Hash,
    record: Record,
}

impl Found {
    pub(super) const fn new(index: u64, leaf: Hash, record: Record) -> Self {
        Self {
            index,
            leaf,
            record,
        }
    }

    /// Its index in the log.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Its RFC 6962 leaf hash.
    pub const fn leaf(&self) -> Hash {
        self.leaf
    }

    /// The decoded record.
    pub const fn record(&self) -> &Record {
        &self.record
    }
}

/// The records that a log holds under a key.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The checkpoint under which every record is proven.
    pub head: TrustedCheckpoint,
    /// The records, by index.
    pub found: Vec<Found>,
    /// Whether there are more than were asked for.
    pub more: bool,
    /// Whether every record of the tree was read, so that none was left out.
    pub complete: bool,
}

/// Why a search did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Something could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no trusted checkpoint.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The answer to the lookup is none.
    #[error("the log's answer to the lookup is not understood: {0}")]
    NotUnderstood(String),
    /// An index that the log named is not in its tree.
    #[error("the log names record {index}, its checkpoint has {size} records")]
    Beyond {
        /// The index.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// A bundle or tile is not one.
    #[error("{path}: {reason}")]
    File {
        /// Path of the file.
        path: TilePath,
        /// What is wrong with it, in English.
        reason: String,
    },
    /// An entry is no record.
    #[error("record {index}: {source}")]
    Record {
        /// Its index.
        index: u64,
        /// Why the record cannot be read.
        source: RecordError,
    },
    /// A record does not match the query.
    #[error("record {index} is not what was looked for: the log's answer is false")]
    Other {
        /// Its index.
        index: u64,
    },
    /// The log's tiles do not prove the record.
    #[error("record {index} is not proven by the log's tiles: {source}")]
    Unproven {
        /// Its index.
        index: u64,
        /// Why the path does not hold.
        source: ProofError,
    },
    /// All records were read and do not make the checkpoint's root.
    #[error(
        "the records of the tree of size {size} hash to the root {computed}, the log signed {signed}"
    )]
    Root {
        /// Size of the tree.
        size: u64,
        /// Root of the records.
        computed: Hash,
        /// Root in the checkpoint.
        signed: Hash,
    },
}

impl FindError {
    /// The consequence for the other sources.
    pub fn blame(&self) -> Attribution {
        match self {
            Self::Source(SourceError::Malformed(_)) => Attribution::False,
            Self::Source(_) | Self::Head(HeadError::Source(_)) => Attribution::Silent,
            Self::Head(HeadError::Trust(error)) => of_trust(error),
            _ => Attribution::False,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    indices: Vec<u64>,
    next: Option<u64>,
}

/// Asks `source` for at most `most` records and proves each of them; where it answers no lookups,
/// reads every record. `progress` is told (records read, records in all) then.
///
/// # Errors
/// [`FindError`], if the source cannot be asked, its checkpoint is not trusted, or a record does
/// not match or is not proven.
pub async fn find(
    source: &Source,
    policy: &Policy,
    query: &Query,
    most: usize,
    progress: impl FnMut(u64, u64),
) -> Result<Findings, FindError> {
    find_from(source, policy, query, (0, most), progress).await
}

/// Finds records from an index on: (the first index, at most how many).
pub(super) async fn find_from(
    source: &Source,
    policy: &Policy,
    query: &Query,
    (from, most): (u64, usize),
    progress: impl FnMut(u64, u64),
) -> Result<Findings, FindError> {
    let (indices, more) = match ask(source, query, (from, most)).await {
        Err(FindError::Source(SourceError::Missing(_))) => {
            return read_all(source, policy, query, (from, most), progress).await;
        }
        answer => answer?,
    };
    // After the lookup, so that the published tree covers the indices that it named.
    let head = source.head(policy).await?;
    let mut reader = Reader::new(source, &head);
    let mut found = Vec::new();
    for index in indices {
        found.push(reader.prove(query, index).await?);
    }
    let complete = false;
    Ok(Findings {
        head,
        found,
        more,
        complete,
    })
}

/// Reads every record and keeps what fits the query.
async fn read_all(
    source: &Source,
    policy: &Policy,
    query: &Query,
    (from, most): (u64, usize),
    progress: impl FnMut(u64, u64),
) -> Result<Findings, FindError> {
    let (mut found, mut more) = (Vec::new(), false);
    let visit = |index, leaf, record: Record| {
        if index < from || !query.fits(leaf, &record) {
            return;
        }
        more |= found.len() >= most;
        if !more {
            found.push(Found {
                index,
                leaf,
                record,
            });
        }
    };
    let head = every_record(source, policy, visit, progress).await?;
    let complete = true;
    Ok(Findings {
        head,
        found,
        more,
        complete,
    })
}

/// Shows `visit` every record of the newest trusted checkpoint (index, leaf hash, record) and
/// hashes them to its root. Only with the checkpoint that this returns are they proven, and is it
/// that there are no others.
///
/// # Errors
/// [`FindError`], if a file cannot be had or read, or the records hash to another root.
pub async fn every_record(
    source: &Source,
    policy: &Policy,
    mut visit: impl FnMut(u64, Hash, Record),
    mut progress: impl FnMut(u64, u64),
) -> Result<TrustedCheckpoint, FindError> {
    let head = source.head(policy).await?;
    let Checkpoint { size, root, .. } = *head.checkpoint();
    let plan = (0..size.div_ceil(u64::from(TILE_WIDTH))).map(move |index| TilePath {
        kind: TileKind::Entries,
        index,
        width: tile_width(0, index, size),
    });
    let mut bundles = Ahead::new(source, plan);
    let mut tree = Frontier::new();
    while let Some((path, octets)) = bundles.next().await {
        let octets = octets?;
        let entries =
            decode_bundle(path.width, &octets).map_err(|error: BundleError| file(path, &error))?;
        for entry in entries {
            let (index, leaf) = (tree.size(), leaf_hash(entry));
            tree.append(leaf, |_, _, _| {});
            let record =
                Record::decode(entry).map_err(|source| FindError::Record { index, source })?;
            visit(index, leaf, record);
        }
        progress(tree.size(), size);
    }
    let computed = tree.root();
    if tree.size() != size || computed != root {
        let signed = root;
        return Err(FindError::Root {
            size,
            computed,
            signed,
        });
    }
    Ok(head)
}

/// The earliest time for which `source` has a trusted checkpoint that covers record `index`, in
/// seconds since the Epoch; `head` is one that covers it.
pub async fn proven_not_after(
    source: &Source,
    policy: &Policy,
    index: u64,
    head: &TrustedCheckpoint,
) -> Option<u64> {
    let sizes = source.kept_sizes(index + 1).await.unwrap_or_default();
    if let Some(&size) = sizes.first()
        && let Ok(kept) = source.kept(size, policy).await
        && kept.checkpoint().size > index
    {
        return kept.not_after().or_else(|| head.not_after());
    }
    head.not_after()
}

/// The indices that the log names, and whether there are more.
async fn ask(
    source: &Source,
    query: &Query,
    (mut from, most): (u64, usize),
) -> Result<(Vec<u64>, bool), FindError> {
    let mut indices: Vec<u64> = Vec::new();
    for _ in 0..PAGES_MAX {
        let path = format!("v1/lookup/{}?from={from}", query.path);
        let octets = source.read(&path, ANSWER_LEN_MAX).await?;
        let answer: Answer = serde_json::from_slice(&octets)
            .map_err(|error| FindError::NotUnderstood(error.to_string()))?;
        let mut last = indices.last().copied();
        for index in answer.indices {
            if index < from || last.is_some_and(|last| index <= last) {
                let reason = format!("the indices are not ascending: {index}");
                return Err(FindError::NotUnderstood(reason));
            }
            if indices.len() == most {
                return Ok((indices, true));
            }
            last = Some(index);
            indices.push(index);
        }
        match answer.next {
            Some(next) if last.is_some_and(|last| next > last) => from = next,
            Some(next) => {
                let reason = format!("it goes on at {next}, where it has been");
                return Err(FindError::NotUnderstood(reason));
            }
            None => return Ok((indices, false)),
        }
    }
    Err(FindError::NotUnderstood(format!(
        "the indices do not end within {PAGES_MAX} answers"
    )))
}

/// The indices under a key, whose records are read and proven on demand.
pub(super) struct Lookup<'a> {
    query: Query,
    indices: Vec<u64>,
    reader: Reader<'a>,
    read: HashMap<u64, Found>,
}

impl<'a> Lookup<'a> {
    /// Asks `source` for all indices.
    ///
    /// # Errors
    /// [`SourceError::Missing`] if the source has no lookups.
    pub(super) async fn ask(
        source: &'a Source,
        policy: &Policy,
        key: &LookupKey,
    ) -> Result<Self, FindError> {
        let query = Query::of(key).ok_or_else(|| {
            FindError::NotUnderstood("such a key is not asked for here".to_owned())
        })?;
        let (indices, _) = ask(source, &query, (0, INDICES_MAX)).await?;
        let head = source.head(policy).await?;
        Ok(Self {
            query,
            indices,
            reader: Reader::new(source, &head),
            read: HashMap::new(),
        })
    }

    /// Number of indices.
    pub(super) const fn len(&self) -> usize {
        self.indices.len()
    }

    /// The record at this index of the answer, oldest first.
    pub(super) async fn record(&mut self, place: usize) -> Result<Found, FindError> {
        let index = self.indices.get(place).copied();
        let index = index.ok_or_else(|| FindError::NotUnderstood("no such place".to_owned()))?;
        if let Some(found) = self.read.get(&index) {
            return Ok(found.clone());
        }
        let found = self.reader.prove(&self.query, index).await?;
        self.read.insert(index, found.clone());
        Ok(found)
    }
}

struct Reader<'a> {
    source: &'a Source,
    size: u64,
    root: Hash,
    prover: Prover<'a>,
    /// The entries of the bundle that was read last: indices ascend.
    bundle: Option<(u64, Vec<Vec<u8>>)>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source, head: &TrustedCheckpoint) -> Self {
        let Checkpoint { size, root, .. } = *head.checkpoint();
        Self {
            source,
            size,
            root,
            prover: Prover::new(source, size),
            bundle: None,
        }
    }

    async fn prove(&mut self, query: &Query, index: u64) -> Result<Found, FindError> {
        let size = self.size;
        if index >= size {
            return Err(FindError::Beyond { index, size });
        }
        let octets = self.entry(index).await?;
        let leaf = leaf_hash(&octets);
        let record =
            Record::decode(&octets).map_err(|source| FindError::Record { index, source })?;
        if !query.fits(leaf, &record) {
            return Err(FindError::Other { index });
        }
        let proof = self.prover.inclusion(index, size).await?;
        let proof = proof.ok_or(FindError::Beyond { index, size })?;
        check_inclusion(leaf, index, size, self.root, &proof)
            .map_err(|source| FindError::Unproven { index, source })?;
        Ok(Found {
            index,
            leaf,
            record,
        })
    }

    async fn entry(&mut self, index: u64) -> Result<Vec<u8>, FindError> {
        let number = index / u64::from(TILE_WIDTH);
        let path = TilePath {
            kind: TileKind::Entries,
            index: number,
            width: tile_width(0, number, self.size),
        };
        if self.bundle.as_ref().is_none_or(|(held, _)| *held != number) {
            let octets = self.source.tile(path).await?;
            let entries = decode_bundle(path.width, &octets)
                .map_err(|error: BundleError| file(path, &error))?;
            let entries = entries.into_iter().map(<[u8]>::to_vec).collect();
            self.bundle = Some((number, entries));
        }
        let place = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
        let entries = self.bundle.as_ref().map(|(_, entries)| entries);
        let entry = entries.and_then(|entries| entries.get(place));
        entry.cloned().ok_or_else(|| file(path, &"it is too short"))
    }
}

fn file(path: TilePath, reason: &dyn std::fmt::Display) -> FindError {
    FindError::File {
        path,
        reason: reason.to_string(),
    }
}

/// RFC 3986 section 2.1: everything but unreserved characters.
fn percent_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
