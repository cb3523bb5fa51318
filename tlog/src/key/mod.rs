//! Keys of notes: verifier keys (C2SP signed-note, "Verifier keys") and the signing keys beside them.
//!
//! A key is a name, a signature type and key material; the first four octets of
//! `SHA-256(name || "\n" || type || key)` are its id. Name and id together say which line of a note
//! a key has to verify. Signatures are checked strictly: one message and one key have no second
//! acceptable signature that somebody else could derive (Ed25519 with `verify_strict`; ML-DSA is
//! strongly unforgeable as FIPS 204 has it).

mod kind;
mod line;
mod material;
mod signer;
mod verifier;

pub use kind::{KeyError, NAME_LEN_MAX, SignatureType};
pub use line::SignatureLine;
pub use signer::NoteSigner;
pub use verifier::VerifierKey;
