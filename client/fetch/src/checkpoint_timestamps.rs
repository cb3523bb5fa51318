//! The TSAs' tokens over a log's checkpoints (records of kind 10) that cover a record: the first
//! one of each TSA.
//!
//! A token over the checkpoint of size S, which is logged after that checkpoint, says when the
//! records below S existed at the latest. So for record i the search is for records with an index
//! above i and a size above i. To be of use, the token needs the checkpoint itself with its
//! signatures, which the log keeps under `checkpoints/S`, and a proof of the record under it, made
//! out of tiles. All of it is verified: that the token's record is in the log, that the token
//! verifies under the caller's trust anchors and stamps that checkpoint, that the checkpoint has
//! the quorum, and that the proof leads to its root.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use ishibumi_artifact::{Anchors, Body, TimestampToken};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tree::check_inclusion;
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};

use super::find::{FindError, Query, find_from};
use super::prover::Prover;
use super::source::Source;

/// Number of covering tokens that are looked at for the first of each TSA.
const LOOKED_AT: usize = 16;

/// Number of records that are remembered of a source without lookups, since it has to be read whole
/// each time.
const REMEMBERED_MAX: usize = 4_096;

/// A token that covers a record.
#[derive(Clone, Debug)]
pub struct Covering {
    /// The token, as the log holds it.
    pub token: Vec<u8>,
    /// The record's proof under the checkpoint that the token stamps.
    pub proof: TlogProof,
}

/// The tokens that cover a record.
#[derive(Clone, Debug, Default)]
pub struct Covered {
    /// The first token of each TSA, in the order of the log.
    pub by: Vec<Covering>,
    /// Why covering tokens were left out, each reason once.
    pub left_out: BTreeSet<String>,
}

/// Reads the checkpoint timestamps of one source. Results are kept for further records.
pub struct AnchorReader<'a> {
    source: &'a Source,
    policy: &'a Policy,
    anchors: &'a Anchors,
    /// The tokens read so far, by index, from `from` on.
    read: Vec<Read>,
    from: u64,
    /// The index to go on at; `None` if there are no more.
    next: Option<u64>,
    most: usize,
    /// Over the tree that the source showed last.
    prover: Prover<'a>,
    /// Checkpoints that were stamped, by size, or why they are not to be had.
    kept: BTreeMap<u64, Result<TrustedCheckpoint, String>>,
}

struct Read {
    checkpoint: Checkpoint,
    token: Vec<u8>,
    /// The key of the trusted certificate that its path ends in, or why it has none.
    authority: Result<[u8; 32], String>,
}

impl<'a> AnchorReader<'a> {
    /// A reader of the log at `source`, which trusts the logs and witnesses of `policy`, and the
    /// TSAs under `anchors`.
    pub fn new(source: &'a Source, policy: &'a Policy, anchors: &'a Anchors) -> Self {
        Self {
            source,
            policy,
            anchors,
            read: Vec::new(),
            from: 0,
            next: Some(0),
            most: LOOKED_AT,
            prover: Prover::new(source, 0),
            kept: BTreeMap::new(),
        }
    }

    /// The tokens that cover record `index`, which has the leaf hash `leaf`: the first of each TSA
    /// among the first sixteen covering tokens. Asking about records in ascending order reads the
    /// least.
    ///
    /// # Errors
    /// [`FindError`], if the records cannot be read. A faulty token is no error: see
    /// [`Covered::left_out`].
    pub async fn covering(&mut self, leaf: Hash, index: u64) -> Result<Covered, FindError> {
        if index < self.from {
            (self.from, self.next) = (index, Some(index));
            self.read.clear();
        }
        let covers = |read: &&Read| read.checkpoint.size > index;
        while let Some(next) = self.next
            && self.read.iter().filter(covers).count() < LOOKED_AT
        {
            self.read_on(next.max(index + 1)).await?;
        }
        let mut covered = Covered::default();
        let mut first: BTreeSet<[u8; 32]> = BTreeSet::new();
        let mut taken = Vec::new();
        for read in self.read.iter().filter(covers).take(LOOKED_AT) {
            match &read.authority {
                Ok(authority) if first.insert(*authority) => {
                    taken.push((read.checkpoint.clone(), read.token.clone()));
                }
                Ok(_) => {}
                Err(why) => {
                    covered.left_out.insert(why.clone());
                }
            }
        }
        for (stamped, token) in taken {
            match self.prove(leaf, index, &stamped).await {
                Ok(proof) => covered.by.push(Covering { token, proof }),
                Err(why) => {
                    covered.left_out.insert(why);
                }
            }
        }
        Ok(covered)
    }

    async fn read_on(&mut self, from: u64) -> Result<(), FindError> {
        let query = Query::checkpoint_anchors();
        let range = (from, self.most);
        let findings = find_from(self.source, self.policy, &query, range, |_, _| {}).await?;
        self.prover = Prover::new(self.source, findings.head.checkpoint().size);
        if findings.complete {
            self.most = REMEMBERED_MAX;
        }
        let last = findings.found.last().map(super::Found::index);
        self.next = last.map(|last| last + 1).filter(|_| findings.more);
        let origin = &findings.head.checkpoint().origin;
        for found in &findings.found {
            let Body::Anchor(anchor) = found.record().body() else {
                continue;
            };
            let checkpoint = anchor.checkpoint().clone();
            let authority = if checkpoint.origin == *origin {
                self.authority(&checkpoint, anchor.token())
            } else {
                let other = &checkpoint.origin;
                Err(format!("it is about a checkpoint of {other:?}"))
            };
            self.read.push(Read {
                authority: authority.map_err(|why| format!("record {}: {why}", found.index())),
                checkpoint,
                token: anchor.token().to_vec(),
            });
        }
        Ok(())
    }

    /// The TSA of the token, if it verifies and stamps the checkpoint.
    fn authority(&self, checkpoint: &Checkpoint, token: &[u8]) -> Result<[u8; 32], String> {
        let verified = TimestampToken::parse(token).and_then(|read| read.verify(self.anchors));
        let verified = verified.map_err(|error| format!("{error} ({})", error.code()))?;
        if !verified.matches(checkpoint.to_text().as_bytes()) {
            return Err("its token does not stamp its checkpoint".to_owned());
        }
        let path = verified.path().certificates();
        let anchor = path.last().map(|certificate| certificate.key_hash());
        anchor.ok_or_else(|| "its token has no path".to_owned())
    }

    async fn prove(
        &mut self,
        leaf: Hash,
        index: u64,
        stamped: &Checkpoint,
    ) -> Result<TlogProof, String> {
        let size = stamped.size;
        let kept = match self.kept.entry(size) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let kept = self.source.kept(size, self.policy).await;
                unknown.insert(kept.map_err(|error| error.to_string()))
            }
        };
        let kept = kept.as_ref().map_err(|why| {
            format!("the stamped checkpoint of size {size} is not to be had: {why}")
        })?;
        if kept.checkpoint() != stamped {
            return Err(format!(
                "the checkpoint of size {size} that is kept is not the one that was stamped"
            ));
        }
        let hashes = self.prover.inclusion(index, size).await;
        let hashes = hashes.map_err(|error| error.to_string())?;
        let hashes = hashes.unwrap_or_default();
        check_inclusion(leaf, index, size, stamped.root, &hashes)
            .map_err(|error| format!("no proof under the checkpoint of size {size}: {error}"))?;
        Ok(TlogProof {
            index,
            hashes,
            checkpoint: kept.note().clone(),
        })
    }
}
