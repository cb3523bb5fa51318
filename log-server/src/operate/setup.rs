//! Faults of keys, policy and addresses that are found before a log starts.

use std::net::SocketAddr;

/// Why a log does not start, for a reason that its operator set up. Nothing was opened or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The second key is not there.
    #[error(
        "{path}: there is no ML-DSA-44 key. If this log had one, bring the file back. A log that was opened \
         without one gets it with `ishibumi-log add-key`; to sign with Ed25519 alone, set key_file_ml_dsa_44 = \
         \"none\""
    )]
    SecondKey {
        /// The file.
        path: String,
    },
    /// The keys of a new log are there.
    #[error(
        "{path} exists already: nothing is overwritten; `ishibumi-log init --keep-key` makes the log of the keys \
         that are there"
    )]
    KeysExist {
        /// The file.
        path: String,
    },
    /// The key is another log's.
    #[error("{path}: this is the key of {found:?}, the configuration is for the origin {origin:?}")]
    KeyName {
        /// The file.
        path: String,
        /// Whose key it is.
        found: String,
        /// Whose it should be.
        origin: String,
    },
    /// The key is of another type.
    #[error("{path}: {found}; {wanted}")]
    KeyType {
        /// The file.
        path: String,
        /// The value that was found.
        found: &'static str,
        /// The value that is expected.
        wanted: &'static str,
    },
    /// Others than its owner may do something with the key file.
    #[error(
        "{path} has the mode {mode:04o}: others on this machine may read or change the private key. Find out who \
         could have. If nobody did, `chmod 600` it; if somebody may have, docs/recovery.md, KEY EXPOSED"
    )]
    KeyExposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The keys are gone, and the configuration does not name them.
    #[error("{path} is not there, and the policy names no key of this log")]
    NoKey {
        /// The file.
        path: String,
    },
    /// The policy does not name a key of this log.
    #[error("{policy}: no log line has this log's key; add: log {key}")]
    NoLogLine {
        /// The file.
        policy: String,
        /// The key.
        key: String,
    },
    /// The configuration names a mirror that the policy does not know.
    #[error(
        "mirrors names {name:?}, but {policy} has no witness of that name: in `witness NAME KEY URL` it is NAME that \
         mirrors lists, and not the name in the key"
    )]
    UnknownMirror {
        /// The name.
        name: String,
        /// The file.
        policy: String,
    },
    /// A witness cannot be reached.
    #[error("{policy}: witness {name} has no http or https URL; the log has to reach it")]
    NoUrl {
        /// The file.
        policy: String,
        /// The witness.
        name: String,
    },
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error text of the system.
        cause: String,
    },
}
