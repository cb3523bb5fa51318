//! Why a log was not recovered.

use ishibumi_tlog::Hash;

/// Why a log was not recovered. Data that were brought over stay, and the log does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// No source has a head of this log.
    #[error(
        "NOTHING TO RECOVER FROM: no source has a checkpoint that this log's key signed. Name a mirror, an \
         archive or another copy with --from: docs/recovery.md, NOTHING TO RECOVER FROM"
    )]
    NothingFrom,
    /// The records are in no source.
    #[error(
        "RECORDS MISSING: no source has the records from {next} on as the checkpoint of {size} records says. What \
         was brought over stays: run this again with another source: docs/recovery.md, RECORDS MISSING"
    )]
    Records {
        /// The first record that is missing.
        next: u64,
        /// The checkpoint that was to be reached.
        size: u64,
    },
    /// Two sources have two histories.
    #[error(
        "FORKED: {source_name} has a checkpoint of {size} records with root {one} that this log's key signed, and \
         another source has one with root {other}. Nothing was put in place. Which of the two the witnesses \
         follow is the log; leave the other source out: docs/recovery.md, FORKED"
    )]
    TwoHistories {
        /// One of them.
        source_name: String,
        /// The size of both.
        size: u64,
        /// Its root.
        one: Hash,
        /// The root of the other tree at that size.
        other: Hash,
    },
    /// The head file contradicts what was rebuilt.
    #[error(
        "FORKED: the head file knows root {signed} for size {size}, and what was rebuilt has root {rebuilt}. \
         Nothing was put in place. Remove nothing: docs/recovery.md, FORKED"
    )]
    OtherHead {
        /// The size.
        size: u64,
        /// The root in the head file.
        signed: Hash,
        /// The root of what was rebuilt.
        rebuilt: Hash,
    },
    /// The data that are here already are no beginning of the log.
    #[error(
        "ANOTHER TREE: the records in {path} are not those to which the sources lead: it is the other side of a \
         fork, or has records that were never signed. Nothing was changed. Move it away and keep it, then run \
         recover again: docs/recovery.md, ANOTHER TREE"
    )]
    AnotherTree {
        /// The directory.
        path: String,
    },
    /// `--without` names a witness or mirror that is not in the policy.
    #[error("--without {name}: no witness or mirror of {policy} has a key of that name")]
    Without {
        /// The name.
        name: String,
        /// The policy.
        policy: String,
    },
}
