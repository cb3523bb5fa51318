//! Missing parts of a log.

/// Why a log is not served, or not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LostError {
    /// The head file knows of records, and there are none.
    #[error(
        "LOST DATA: the key {key} of {origin} has signed {size} records, and {data} is not there. Remove \
         nothing and make nothing anew: a second tree under this key is a fork. `ishibumi-log recover` rebuilds \
         the data from a mirror or an archive: docs/recovery.md, LOST DATA"
    )]
    Data {
        /// The key's id.
        key: String,
        /// The log.
        origin: String,
        /// The size in the head file.
        size: u64,
        /// The data directory.
        data: String,
    },
    /// A witness or mirror knows of records, and nothing here does.
    #[error(
        "LOST DATA: {witness} holds a checkpoint of {size} records that the key {key} of {origin} signed, and \
         {data} does not have them. Remove nothing and make nothing anew: a second tree under this key is a \
         fork. `ishibumi-log recover` rebuilds the data from a mirror or an archive: docs/recovery.md, LOST DATA"
    )]
    Witnessed {
        /// Who holds it.
        witness: String,
        /// The size of its tree.
        size: u64,
        /// The key's id.
        key: String,
        /// The log.
        origin: String,
        /// The data directory.
        data: String,
    },
    /// There are records, and no head file.
    #[error(
        "LOST HEAD FILE: {data} has the records of a log, and {path} is not there, which says how far the key \
         has signed. Bring it back from where it was, not from a backup. If it is lost, `ishibumi-log recover` \
         asks the witnesses and mirrors and makes it anew: docs/recovery.md, LOST HEAD FILE"
    )]
    HeadFile {
        /// The head file.
        path: String,
        /// The data directory.
        data: String,
    },
    /// Neither data nor head file.
    #[error(
        "NO LOG: there is neither {data} nor {path}. Correct data_dir and head_dir, if the log is somewhere \
         else. A log that was lost is rebuilt with `ishibumi-log recover`: docs/recovery.md, NO LOG. Only one \
         that never was is made with `ishibumi-log init`"
    )]
    Everything {
        /// The head file.
        path: String,
        /// The data directory.
        data: String,
    },
    /// `init` was interrupted before record 0 was there.
    #[error(
        "UNFINISHED INIT: the log has no record 0, which says which log it is, and its key has signed nothing. \
         `ishibumi-log init --keep-key` finishes what was begun: docs/recovery.md, UNFINISHED INIT"
    )]
    Unfinished,
    /// Stored data was found changed while the log ran.
    #[error(
        "DAMAGED DATA: what {data} stores was found changed while the log ran: {found}. Nothing is signed over it. \
         Keep everything and run `ishibumi-log fsck`, which names all that is wrong; the log starts again once it \
         finds nothing: docs/recovery.md, DAMAGED DATA"
    )]
    Damaged {
        /// The data directory.
        data: String,
        /// A description of what was found.
        found: String,
    },
    /// `recover` was interrupted.
    #[error(
        "UNFINISHED RECOVERY: {path} holds what `ishibumi-log recover` has brought so far. Run it again, to its \
         end: docs/recovery.md, UNFINISHED RECOVERY"
    )]
    Recovering {
        /// The directory.
        path: String,
    },
    /// A witness or mirror knows a log of this name with another key.
    #[error(
        "NAME TAKEN: {witness} watches a log {origin} with other keys than these. If that is this log, its key \
         was lost or changed: bring it back. If not, choose another origin: docs/recovery.md, NAME TAKEN"
    )]
    Taken {
        /// Who watches it.
        witness: String,
        /// The origin.
        origin: String,
    },
}
