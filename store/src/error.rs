//! What can go wrong with a store, told apart by who has to act.

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk or the database failed. Whether a write took place is unknown: the caller has to
    /// drop its state, stop, and let the next start read what is there (rule R4).
    #[error("the store failed while it {doing}: {cause}")]
    Failed {
        /// What was being done, in the words of "while it ...".
        doing: &'static str,
        /// What the layer below said.
        cause: String,
    },
    /// The disk has no room for what opening writes. Nothing was opened; what is there can be read.
    #[error(
        "the store failed while it opened the database: {path}: {why}: {needed} octets are needed; make room, \
         what is stored is whole"
    )]
    NoRoom {
        /// The directory.
        path: String,
        /// Octets that have to be free.
        needed: u64,
        /// What the system said.
        why: String,
    },
    /// Something that is stored is not what was written.
    #[error(
        "{what} is damaged: {detail}. Keep everything, stop, run fsck, and see docs/recovery.md"
    )]
    Damaged {
        /// What is damaged, with its index or path.
        what: String,
        /// What was found.
        detail: String,
    },
    /// The value that was to be replaced is not the one that is there: somebody else wrote.
    #[error("{what} changed meanwhile: expected {expected}, found {found}")]
    Conflict {
        /// What was to be changed.
        what: String,
        /// What the caller had read.
        expected: String,
        /// What is there now.
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
        /// The process that holds the original.
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
        /// The process that holds it.
        process: u32,
    },
    /// Somebody else wrote to the head file that this process holds.
    #[error(
        "TAKEN OVER: {path} is not as this process left it: it says write {found}, by process {process}, the \
         last one was {written}. Another process signs with this key, or the file was put back. This one \
         signs nothing any more; see docs/recovery.md"
    )]
    TakenOver {
        /// The head file.
        path: String,
        /// The write that it says.
        found: u64,
        /// By whom.
        process: u32,
        /// The last write of this process.
        written: u64,
    },
    /// The store was written by another version, or for another log.
    #[error("{path} belongs to {found}, not to {expected}")]
    Foreign {
        /// The directory or file.
        path: String,
        /// What it was opened for.
        expected: String,
        /// What it says that it is.
        found: String,
    },
    /// The caller asked for what no store does: a record that no bundle can hold, a tile beyond the
    /// staged tree, a key that is too long. Nothing was read or written.
    #[error("{what} is refused: {detail}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Which limit it breaks, with both values.
        detail: String,
    },
}
