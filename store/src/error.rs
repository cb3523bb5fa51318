//! The errors of a store, told apart by who has to act.

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk or the database failed. Whether a write took place is unknown: the caller has to
    /// drop its state, stop, and let the next start read what is there (rule R4).
    #[error("the store failed while it {doing}: {cause}")]
    Failed {
        /// The interrupted operation, in a form that fits "while it ...".
        doing: &'static str,
        /// The error of the layer below.
        cause: String,
    },
    /// The disk lacks the space for the writes of opening. Nothing was opened; the present data can
    /// be read.
    #[error(
        "the store failed while it opened the database: {path}: {why}: {needed} octets are needed; make room, \
         what is stored is whole"
    )]
    NoRoom {
        /// The directory.
        path: String,
        /// Octets that have to be free.
        needed: u64,
        /// The error of the system.
        why: String,
    },
    /// A stored value is not the one that was written.
    #[error(
        "{what} is damaged: {detail}. Keep everything, stop, run fsck, and see docs/recovery.md"
    )]
    Damaged {
        /// Name of the damaged value, with its index or path.
        what: String,
        /// What was found, in English.
        detail: String,
    },
    /// The value to be replaced is not the present one: another writer changed it.
    #[error("{what} changed meanwhile: expected {expected}, found {found}")]
    Conflict {
        /// Name of the value.
        what: String,
        /// The value that the caller had read.
        expected: String,
        /// The present value.
        found: String,
    },
    /// Another process has the store open.
    #[error("{path} is in use by another process: one store has one owner; stop the other first")]
    InUse {
        /// The directory.
        path: String,
    },
    /// There is nothing at the path. Serving never creates.
    #[error(
        "there is no store at {path}: correct the path. One that was lost is not made anew with `init`: see \
         docs/recovery.md"
    )]
    Absent {
        /// The directory or file.
        path: String,
    },
    /// There is something at the path already.
    #[error("{path} exists already: nothing is overwritten, and nothing was changed")]
    Exists {
        /// The directory or file.
        path: String,
    },
    /// The head file is a copy: its holder runs, with the original.
    #[error(
        "COPIED: {path} is a copy of the head file that process {process} of this machine holds. Data and head \
         file were copied while the log ran. Started beside it, this copy would fork the log: leave it off, \
         and see docs/recovery.md"
    )]
    Copied {
        /// The copy.
        path: String,
        /// Id of the process that holds the original.
        process: u32,
    },
    /// The head file is held by a process of another machine, as far as it says.
    #[error(
        "HELD ELSEWHERE: process {process} of another machine holds {path} and has not given it up. If that \
         machine may still run, start nothing here: two machines with one key fork the log. If it will never \
         run again, say so with `ishibumi-log take-over`; see docs/recovery.md"
    )]
    HeldElsewhere {
        /// The head file.
        path: String,
        /// Id of the process that holds it.
        process: u32,
    },
    /// Another process wrote to the head file that this process holds.
    #[error(
        "TAKEN OVER: {path} is not as this process left it: it says write {found}, by process {process}, the \
         last one was {written}. Another process signs with this key, or the file was put back. This one \
         signs nothing any more; see docs/recovery.md"
    )]
    TakenOver {
        /// The head file.
        path: String,
        /// Number of the write in the file.
        found: u64,
        /// Id of the process that wrote.
        process: u32,
        /// Number of the last write of this process.
        written: u64,
    },
    /// The store was written by another version, or for another log.
    #[error("{path} belongs to {found}, not to {expected}")]
    Foreign {
        /// The directory or file.
        path: String,
        /// The purpose for which it was opened.
        expected: String,
        /// The purpose that it states.
        found: String,
    },
    /// The caller asked for what no store does: a record that no bundle can hold, a tile beyond the
    /// staged tree, a key that is too long. Nothing was read or written.
    #[error("{what} is refused: {detail}")]
    Refused {
        /// The operation that was asked for.
        what: String,
        /// The limit that it breaks, with both values.
        detail: String,
    },
}
