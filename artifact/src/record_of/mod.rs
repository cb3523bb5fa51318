//! From artifacts to records, and from records to what they are found by: what knows parsers and
//! layout both.
//!
//! Tokens, lists and responses make their records where they are verified; a certificate has none
//! of its own to be verified first, but a rule of what may be published of it.

mod certificate;
mod lookup;

pub use certificate::{Disclosure, certificate_record, disclosure};
pub use lookup::LookupKey;
