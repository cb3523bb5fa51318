//! How a log ended: with a closing record as its very last one, or without any statement.

use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::{Checkpoint, Policy, TrustedCheckpoint};

use crate::record::{Body, LogEnding, LogStatement, RECORD_VERSION, Record, kind};

/// The last tree of a log, cosigned by its own quorum, and what the log says about its end.
///
/// Only [`End::closed`] and [`End::abandoned`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    head: TrustedCheckpoint,
    closing: Option<LogEnding>,
}

/// Why the end of a log is not proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndError {
    /// The log's own policy does not accept it.
    #[error("under the policy of the log that ended: {0}")]
    Untrusted(#[from] TrustError),
    /// The record is another one.
    #[error("record {0} is no closing record (log-statement `closed`)")]
    NotClosing(u64),
    /// Its own quorum cosigned a tree that has records after the closing record.
    #[error("the closing record is number {index}, but the log's tree has {size} records")]
    NotLast {
        /// Index of the closing record.
        index: u64,
        /// Size of the tree that its proof is under.
        size: u64,
    },
}

impl End {
    /// The end of a log that closed: `closing`, a record, is proven under `policy`, the log's own,
    /// to be the last one of its tree.
    ///
    /// # Errors
    /// [`EndError`], if the proof is not trusted, the record is no closing one, or others follow it
    /// in the tree.
    pub fn closed(policy: &Policy, proof: &TlogProof, closing: &[u8]) -> Result<Self, EndError> {
        let leaf = policy.check_proof(proof, closing)?;
        let (index, head) = (leaf.index(), leaf.head().clone());
        let ending = closing_record(leaf.record()).ok_or(EndError::NotClosing(index))?;
        let size = head.checkpoint().size;
        if index.checked_add(1) != Some(size) {
            return Err(EndError::NotLast { index, size });
        }
        Ok(Self {
            head,
            closing: Some(ending),
        })
    }

    /// The end of a log without a known closing record: the last checkpoint that its own `policy`
    /// accepts. No signature says that it is the last.
    ///
    /// # Errors
    /// [`EndError::Untrusted`] if the checkpoint is not trusted under `policy`.
    pub fn abandoned(policy: &Policy, note: &Note) -> Result<Self, EndError> {
        Ok(Self {
            head: policy.check_checkpoint(note)?,
            closing: None,
        })
    }

    /// The last tree.
    pub fn checkpoint(&self) -> &Checkpoint {
        self.head.checkpoint()
    }

    /// The last tree with its verified signatures.
    pub const fn head(&self) -> &TrustedCheckpoint {
        &self.head
    }

    /// The content of the closing record; `None` if the log never closed.
    pub const fn closing(&self) -> Option<&LogEnding> {
        self.closing.as_ref()
    }

    /// Whether the closing record names `vkey` as a key of the log that continues.
    pub fn names(&self, vkey: &str) -> bool {
        let named = self.closing.iter().flat_map(LogEnding::successor);
        named.into_iter().any(|key| key == vkey.as_bytes())
    }
}

/// The content of `octets`, if they are the record that closes a log.
pub fn closing_record(octets: &[u8]) -> Option<LogEnding> {
    let [high, low] = kind::LOG_STATEMENT.to_be_bytes();
    // Every record of a log may be asked: few are log statements at all.
    if !octets.starts_with(&[RECORD_VERSION, high, low]) {
        return None;
    }
    match Record::decode(octets).ok()?.body() {
        Body::Log(LogStatement::Closed(ending)) => Some(ending.clone()),
        _ => None,
    }
}
