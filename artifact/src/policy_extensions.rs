//! The values of the extensions about policies (RFC 5280 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14).
//!
//! Numbers of certificates to skip have no upper bound, and a qualifier's kind is read even if its
//! value cannot be.

use std::collections::BTreeSet;

use const_oid::ObjectIdentifier;

use crate::asn1::{
    self, Asn1Error, Element, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, context,
};
use crate::oid;
use crate::oid::dotted;

fn identifier(reader: &mut Reader<'_>) -> Result<ObjectIdentifier, Asn1Error> {
    let octets = reader.expect(OBJECT_IDENTIFIER)?.content;
    ObjectIdentifier::from_bytes(octets)
        .map_err(|_| Asn1Error::Value("an OBJECT IDENTIFIER cannot be read"))
}

/// The elements of a SEQUENCE SIZE (1..MAX) OF SEQUENCE.
fn sequences(all: Element<'_>) -> Result<Vec<Reader<'_>>, Asn1Error> {
    let mut rest = all.reader();
    let mut sequences = Vec::new();
    while rest.peek_tag().is_some() {
        sequences.push(rest.expect(SEQUENCE)?.reader());
    }
    if sequences.is_empty() {
        return Err(Asn1Error::Value("a SEQUENCE has to have an element"));
    }
    Ok(sequences)
}

/// certificatePolicies: each policy once, and the first kind of qualifier that is neither a CPS
/// pointer nor a user notice.
pub(crate) fn read_policies(
    extension: &[u8],
) -> Result<(BTreeSet<ObjectIdentifier>, Option<String>), Asn1Error> {
    let mut policies = BTreeSet::new();
    let mut unknown = None;
    for mut policy in sequences(asn1::only(Reader::der(extension), SEQUENCE)?)? {
        if !policies.insert(identifier(&mut policy)?) {
            return Err(Asn1Error::Value("a policy stands twice"));
        }
        if let Some(qualifiers) = policy.optional(SEQUENCE)? {
            for mut qualifier in sequences(qualifiers)? {
                let kind = qualifier.expect(OBJECT_IDENTIFIER)?.content;
                let value = qualifier.next()?;
                value.ok_or(Asn1Error::Value("a qualifier has no value"))?;
                qualifier.finish()?;
                let is_known = [oid::QUALIFIER_CPS, oid::QUALIFIER_NOTICE]
                    .iter()
                    .any(|known| known.as_bytes() == kind);
                if !is_known && unknown.is_none() {
                    unknown = Some(dotted(kind));
                }
            }
        }
        policy.finish()?;
    }
    Ok((policies, unknown))
}

/// policyMappings: pairs of the issuer's and the subject's policy.
pub(crate) fn read_mappings(
    extension: &[u8],
) -> Result<Vec<(ObjectIdentifier, ObjectIdentifier)>, Asn1Error> {
    let all = sequences(asn1::only(Reader::der(extension), SEQUENCE)?)?;
    all.into_iter()
        .map(|mut pair| {
            let both = (identifier(&mut pair)?, identifier(&mut pair)?);
            pair.finish().map(|()| both)
        })
        .collect()
}

/// policyConstraints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Constraints {
    pub(crate) require_explicit: Option<usize>,
    pub(crate) inhibit_mapping: Option<usize>,
}

impl Constraints {
    pub(crate) fn read(extension: &[u8]) -> Result<Self, Asn1Error> {
        let mut fields = asn1::only(Reader::der(extension), SEQUENCE)?.reader();
        let mut number = |tag| fields.optional(tag)?.as_ref().map(skipped).transpose();
        let read = Self {
            require_explicit: number(context(0))?,
            inhibit_mapping: number(context(1))?,
        };
        fields.finish()?;
        // 4.2.1.11: "either ... MUST be present". The restriction of an empty one is undefined.
        if read == Self::default() {
            return Err(Asn1Error::Value("a policyConstraints has no field"));
        }
        Ok(read)
    }
}

/// inhibitAnyPolicy.
pub(crate) fn read_inhibit_any(extension: &[u8]) -> Result<usize, Asn1Error> {
    skipped(&asn1::only(Reader::der(extension), INTEGER)?)
}

/// SkipCerts ::= INTEGER (0..MAX): more than any path has is as good as any other number.
fn skipped(number: &Element<'_>) -> Result<usize, Asn1Error> {
    let octets = number.integer_octets()?;
    if octets.first().is_some_and(|first| first & 0x80 != 0) {
        return Err(Asn1Error::Value("a number of certificates is negative"));
    }
    Ok(octets.iter().fold(0, |value: usize, octet| {
        value
            .saturating_mul(256)
            .saturating_add(usize::from(*octet))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_certificates_have_no_upper_bound() {
        assert_eq!(read_inhibit_any(&[2, 1, 7]), Ok(7));
        let huge = [&[2, 20, 1][..], &[0; 19]].concat();
        assert_eq!(read_inhibit_any(&huge), Ok(usize::MAX));
        for bad in [&[2, 1, 0xff][..], &[2, 0], &[2, 2, 0, 1], &[1, 1, 0]] {
            assert!(read_inhibit_any(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn empty_lists_and_policies_that_stand_twice_say_nothing() {
        assert!(read_policies(&[0x30, 0]).is_err());
        assert!(read_mappings(&[0x30, 0]).is_err());
        assert!(Constraints::read(&[0x30, 0]).is_err());
        let policy = [0x30, 4, 6, 2, 0x2a, 3];
        let once = [&[0x30, 6][..], &policy].concat();
        assert_eq!(read_policies(&once).unwrap().0.len(), 1);
        let twice = [&[0x30, 12][..], &policy, &policy].concat();
        assert!(read_policies(&twice).is_err());
    }

    #[test]
    fn qualifiers_of_unknown_kinds_are_told() {
        let with = |kind: &[u8]| {
            let qualifier = [&[6, 8][..], kind, &[0x16, 1, b'x']].concat();
            let qualifiers = [&[0x30, 15, 0x30, 13][..], &qualifier].concat();
            let policy = [&[6, 2, 0x2a, 3][..], &qualifiers].concat();
            [&[0x30, 23, 0x30, 21][..], &policy].concat()
        };
        let cps = with(oid::QUALIFIER_CPS.as_bytes());
        assert_eq!(read_policies(&cps).unwrap().1, None);
        let other = with(&[0x2b, 6, 1, 5, 5, 7, 2, 9]);
        let found = read_policies(&other).unwrap().1;
        assert_eq!(found.as_deref(), Some("1.3.6.1.5.5.7.2.9"));
    }
}
