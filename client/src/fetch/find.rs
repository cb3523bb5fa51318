//! Finding records in a log, and proving what was found.
//!
//! A log answers a lookup with indices, and an index is a hint: nothing signs it. So each record is read
//! from its entry bundle, has to be what was asked for, and is proven under a checkpoint with the policy's
//! quorum, from tiles that are trusted no further than the proof they make. What a log leaves out cannot be
//! noticed this way: only an audit reads everything.

use std::collections::HashMap;
use std::fmt::Write as _;

use ishibumi_artifact::record::RecordError;
use ishibumi_artifact::{LookupKey, Record};
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::note::{Note, NoteError};
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::tile::{
    BundleError, TILE_WIDTH, Tile, TileKind, TileNodes, TilePath, TileSource, decode_bundle,
    tile_width,
};
use ishibumi_tlog::tree::{ProofError, check_inclusion, prove_inclusion};
use ishibumi_tlog::{Hash, Policy, TrustedCheckpoint};
use serde::Deserialize;

use super::source::{Source, SourceError};

/// The longest answer to a lookup, in octets.
const ANSWER_LEN_MAX: usize = 1 << 20;

/// Tiles that are remembered, 8 KiB each.
const TILES_MAX: usize = 512;

/// What is looked for.
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
    /// From the words of docs/formats/submission-api.md, "Lookup"; `value` is not percent-encoded.
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

    fn fits(&self, leaf: Hash, record: &Record) -> bool {
        match &self.what {
            Wanted::Leaf(wanted) => *wanted == leaf,
            Wanted::Key(key) => record.lookup_keys().contains(key),
        }
    }
}

/// A record that is in the log and was asked for. Only [`find`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    index: u64,
    leaf: Hash,
    record: Record,
}

impl Found {
    /// Its index in the log.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Its RFC 6962 leaf hash.
    pub const fn leaf(&self) -> Hash {
        self.leaf
    }

    /// What it says.
    pub const fn record(&self) -> &Record {
        &self.record
    }
}

/// What a log holds under a key.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The checkpoint under which every record is proven.
    pub head: TrustedCheckpoint,
    /// The records, by index.
    pub found: Vec<Found>,
    /// Whether the log named more than were asked for.
    pub more: bool,
}

/// Why a search did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Something could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// `checkpoint` is no signed note.
    #[error("checkpoint: {0}")]
    Note(#[from] NoteError),
    /// The checkpoint is not to be trusted under the policy.
    #[error("checkpoint: {0}")]
    Trust(#[from] TrustError),
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
        /// Which file.
        path: TilePath,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry is no record.
    #[error("record {index}: {source}")]
    Record {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A record is not what was looked for.
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
        /// Why.
        source: ProofError,
    },
}

#[derive(Deserialize)]
struct Answer {
    indices: Vec<u64>,
    next: Option<u64>,
}

/// Asks the log at `source` for at most `most` records and proves each of them.
pub async fn find(
    source: &Source,
    policy: &Policy,
    query: &Query,
    most: usize,
) -> Result<Findings, FindError> {
    let (indices, more) = ask(source, query, most).await?;
    // After the lookup, so that what is published covers what it named.
    let head = policy.check_checkpoint(&Note::parse(&source.checkpoint().await?)?)?;
    let mut reader = Reader {
        source,
        size: head.checkpoint().size,
        root: head.checkpoint().root,
        tiles: Tiles::default(),
        bundle: None,
    };
    let mut found = Vec::new();
    for index in indices {
        found.push(reader.prove(query, index).await?);
    }
    Ok(Findings { head, found, more })
}

/// The indices that the log names, and whether there are more.
async fn ask(source: &Source, query: &Query, most: usize) -> Result<(Vec<u64>, bool), FindError> {
    let mut indices: Vec<u64> = Vec::new();
    let mut from = 0;
    loop {
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
}

struct Reader<'a> {
    source: &'a Source,
    size: u64,
    root: Hash,
    tiles: Tiles,
    /// The entries of the bundle that was read last: indices ascend.
    bundle: Option<(u64, Vec<Vec<u8>>)>,
}

impl Reader<'_> {
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
        let proof = self.proof(index).await?;
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

    /// Makes the proof out of tiles, fetching one after the other what it needs.
    async fn proof(&mut self, index: u64) -> Result<Vec<Hash>, FindError> {
        let size = self.size;
        loop {
            let made = prove_inclusion(&TileNodes::new(&self.tiles, size), index, size);
            let Missing(path) = match made {
                Ok(Some(proof)) => return Ok(proof),
                Ok(None) => return Err(FindError::Beyond { index, size }),
                Err(missing) => missing,
            };
            let octets = self.source.tile(path).await?;
            let tile = Tile::decode(path.width, &octets)
                .ok_or_else(|| file(path, &format!("{} octets are no tile", octets.len())))?;
            if self.tiles.0.len() >= TILES_MAX {
                self.tiles.0.clear();
            }
            self.tiles.0.insert(path.to_string(), tile);
        }
    }
}

fn file(path: TilePath, reason: &dyn std::fmt::Display) -> FindError {
    FindError::File {
        path,
        reason: reason.to_string(),
    }
}

/// Tiles that were fetched, by path.
#[derive(Default)]
struct Tiles(HashMap<String, Tile>);

/// A tile that has to be fetched first.
struct Missing(TilePath);

impl TileSource for Tiles {
    type Error = Missing;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Tile, Missing> {
        let kind = TileKind::Hashes(level);
        let path = TilePath { kind, index, width };
        let tile = self.0.get(&path.to_string()).cloned();
        tile.ok_or(Missing(path))
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
