//! Keys of notes: verifier keys (C2SP signed-note, "Verifier keys") and the signing keys beside
//! them.
//!
//! A key is a name, a signature type and key material; the first four octets of
//! `SHA-256(name || "\n" || type || key)` are its id. Name and id together say which line of a note
//! a key has to verify. Signatures are checked strictly: for one message and one key, no second
//! acceptable signature can be derived by others (Ed25519 with `verify_strict`; ML-DSA is strongly
//! unforgeable according to FIPS 204).

mod kind;
mod line;
mod material;
mod signer;
mod verifier;

pub use kind::{KeyError, NAME_LEN_MAX, SignatureType};
pub use line::SignatureLine;
pub use signer::NoteSigner;
pub use verifier::VerifierKey;
