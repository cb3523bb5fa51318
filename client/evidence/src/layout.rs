//! The names of the parts of an evidence file, and how its token is told from others.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The format that is read and written.
pub(super) const FORMAT: &str = "ishibumi/evidence/v1";

/// The path of the token in an ASiC-S container.
pub(super) const ASIC_S_TOKEN: &str = "META-INF/timestamp.tst";

/// Entries by name.
pub(super) type Entries<'a> = BTreeMap<String, Cow<'a, [u8]>>;

/// A ContentInfo of signed data, and not a reply or PEM around one.
pub(super) fn is_bare_token(octets: &[u8]) -> bool {
    const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    let header = octets.get(..20).unwrap_or(octets);
    octets.first() == Some(&0x30)
        && (2..=6).any(|at| {
            header
                .get(at..)
                .is_some_and(|rest| rest.starts_with(SIGNED_DATA))
        })
}
