//! From artifacts to records, and from records to their lookup keys: the modules that know both
//! parsers and layout.
//!
//! Tokens, lists and responses make their records where they are verified. A certificate's record
//! needs no verification of its own, but a rule for what may be published of it.

mod certificate;
mod lookup;

pub use certificate::{Disclosure, certificate_record, disclosure};
pub use lookup::LookupKey;
