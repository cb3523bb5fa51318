//! Distribution points: where a certificate says that its revocation is published, and which of
//! these points a list says that it serves (RFC 5280 4.2.1.13 and 5.2.5).

use crate::asn1::{self, Asn1Error, Element, Reader, SEQUENCE, context, context_constructed};
use crate::general_name::GeneralName;
use crate::name::Name;

/// Every reason of ReasonFlags, as a mask: bit `i` is flag `i`.
pub(crate) const ALL_REASONS: u16 = 0x1fe;

/// DistributionPointName.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PointName {
    /// Any of these names.
    Full(Vec<GeneralName>),
    /// Contents of the RelativeDistinguishedName that follows the issuer's name.
    Relative(Vec<u8>),
}

impl PointName {
    /// From the `[0]` that wraps the choice.
    pub(crate) fn read(wrapper: &Element<'_>) -> Result<Self, Asn1Error> {
        let mut choice = wrapper.reader();
        let inner = choice.next()?.ok_or(Asn1Error::Missing {
            expected: context_constructed(0),
        })?;
        choice.finish()?;
        if inner.tag == context_constructed(0) {
            return Ok(Self::Full(GeneralName::read_all(inner.reader())?));
        }
        if inner.tag == context_constructed(1) {
            Name::check_relative(inner.reader())?;
            return Ok(Self::Relative(inner.content.to_vec()));
        }
        Err(Asn1Error::Unexpected {
            expected: context_constructed(0),
            found: inner.tag,
        })
    }

    /// The names, with a relative one completed by the name of the list's issuer.
    pub(crate) fn names(&self, issuer: &Name) -> Vec<GeneralName> {
        match self {
            Self::Full(names) => names.clone(),
            Self::Relative(relative) => {
                let name = issuer.with_relative(relative).ok();
                name.map(GeneralName::Directory).into_iter().collect()
            }
        }
    }
}

/// Whether two lists of names have one in common.
pub(crate) fn share_a_name(one: &[GeneralName], other: &[GeneralName]) -> bool {
    one.iter().any(|name| other.contains(name))
}

/// A ReasonFlags BIT STRING as a mask.
pub(crate) fn read_reasons(bits: &Element<'_>) -> Result<u16, Asn1Error> {
    bits.named_bits().map(|bits| bits & ALL_REASONS)
}

/// One DistributionPoint of a certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct DistributionPoint {
    pub(crate) name: Option<PointName>,
    /// Reasons that it covers; none: all.
    pub(crate) reasons: Option<u16>,
    /// The signers of the lists (cRLIssuer); empty if the certificate's issuer signs them.
    pub(crate) issuer: Vec<GeneralName>,
}

impl DistributionPoint {
    /// From the value of cRLDistributionPoints.
    pub(crate) fn read_all(extension: &[u8]) -> Result<Vec<Self>, Asn1Error> {
        let mut points = asn1::only(Reader::der(extension), SEQUENCE)?.reader();
        let mut all = Vec::new();
        while let Some(point) = points.next()? {
            let mut fields = point.sequence()?;
            let name = fields.optional(context_constructed(0))?;
            let reasons = fields.optional(context(1))?;
            let issuer = fields.optional(context_constructed(2))?;
            fields.finish()?;
            all.push(Self {
                name: name.map(|name| PointName::read(&name)).transpose()?,
                reasons: reasons.map(|bits| read_reasons(&bits)).transpose()?,
                issuer: issuer
                    .map(|names| GeneralName::read_all(names.reader()))
                    .transpose()?
                    .unwrap_or_default(),
            });
        }
        if all.is_empty() {
            return Err(Asn1Error::Value("cRLDistributionPoints is empty"));
        }
        Ok(all)
    }
}
