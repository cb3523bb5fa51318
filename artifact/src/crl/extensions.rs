//! The contents of crlExtensions: number, scope, and the base of a delta (RFC 5280 5.2).
//!
//! A critical extension that cannot be read is not understood, and the list must not be used. A
//! non-critical one may be ignored, with the consequence: an unreadable expiredCertsOnCRL permits
//! nothing, an unreadable scope covers nothing, an unreadable base fits no list.

use super::CrlError;
use crate::asn1::{self, Asn1Error, INTEGER, Reader, SEQUENCE, context, context_constructed};
use crate::distribution::{PointName, read_reasons};
use crate::oid;
use crate::oid::dotted;
use crate::record::Scope;
use crate::status_extension::{self, Extension};
use crate::status_time;
use crate::time::Time;

/// Extensions that may be critical and restrict nothing: they say where else to look, or which key
/// signed, which the signature itself proves.
const HARMLESS: [const_oid::ObjectIdentifier; 4] = [
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::ISSUER_ALT_NAME,
    oid::FRESHEST_CRL,
    oid::AUTHORITY_INFO_ACCESS,
];

/// Values of crlExtensions.
#[expect(
    clippy::struct_excessive_bools,
    reason = "fields of IssuingDistributionPoint, each a BOOLEAN"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// cRLNumber: contents octets of the INTEGER; empty if absent.
    pub(super) number: Vec<u8>,
    pub(crate) is_delta: bool,
    /// BaseCRLNumber of a delta: contents octets; empty for a complete list, and where it cannot be
    /// read.
    pub(super) base_number: Vec<u8>,
    pub(crate) point: Option<PointName>,
    pub(crate) only_user: bool,
    pub(crate) only_ca: bool,
    pub(crate) only_attribute: bool,
    pub(crate) indirect: bool,
    /// Reasons that it covers; none: all.
    pub(crate) reasons: Option<u16>,
    /// Its scope is stated, and cannot be read.
    pub(crate) is_scope_unread: bool,
    pub(super) expired_certs_on: Option<Time>,
}

impl Extensions {
    /// Reads the contents of Extensions.
    pub(super) fn read(list: Reader<'_>) -> Result<Self, CrlError> {
        let mut all = Self::default();
        for extension in status_extension::read_all(list)? {
            let is_understood = all.take(&extension).unwrap_or(false);
            if !is_understood && extension.critical {
                return Err(CrlError::CriticalExtension(dotted(extension.name)));
            }
        }
        Ok(all)
    }

    /// Whether the extension is known. An error: it is, and cannot be read.
    fn take(&mut self, extension: &Extension<'_>) -> Result<bool, CrlError> {
        let name = extension.name;
        let number = || -> Result<Vec<u8>, Asn1Error> {
            let number = asn1::only(Reader::ber(extension.value), INTEGER)?;
            number.integer_octets().map(<[u8]>::to_vec)
        };
        if name == oid::CRL_NUMBER.as_bytes() {
            self.number = number()?;
        } else if name == oid::DELTA_CRL_INDICATOR.as_bytes() {
            self.is_delta = true;
            self.base_number = number()?;
        } else if name == oid::ISSUING_DISTRIBUTION_POINT.as_bytes() {
            self.is_scope_unread = true;
            self.read_scope(asn1::only(Reader::ber(extension.value), SEQUENCE)?.reader())?;
            self.is_scope_unread = false;
        } else if name == oid::EXPIRED_CERTS_ON_CRL.as_bytes() {
            let time = asn1::only(Reader::ber(extension.value), asn1::GENERALIZED_TIME)?;
            self.expired_certs_on = Some(status_time::of(&time)?);
        } else {
            return Ok(HARMLESS.iter().any(|known| known.as_bytes() == name));
        }
        Ok(true)
    }

    /// IssuingDistributionPoint (5.2.5).
    fn read_scope(&mut self, mut fields: Reader<'_>) -> Result<(), Asn1Error> {
        let point = fields.optional(context_constructed(0))?;
        self.point = point.map(|point| PointName::read(&point)).transpose()?;
        // A FALSE that is written out, and a TRUE other than 0xff, are in use.
        let flag = |fields: &mut Reader<'_>, number: u8| -> Result<bool, Asn1Error> {
            let flag = fields.optional(context(number))?;
            Ok(flag.is_some_and(|flag| flag.content != [0]))
        };
        self.only_user = flag(&mut fields, 1)?;
        self.only_ca = flag(&mut fields, 2)?;
        let reasons = fields.optional(context(3))?;
        self.reasons = reasons.map(|bits| read_reasons(&bits)).transpose()?;
        self.indirect = flag(&mut fields, 4)?;
        self.only_attribute = flag(&mut fields, 5)?;
        fields.finish()
    }

    /// The scope as records have it, if they can.
    pub(super) fn scope(&self) -> Result<Scope, CrlError> {
        if self.is_scope_unread {
            return Err(CrlError::Incomplete("its scope cannot be read".to_owned()));
        }
        if self.only_attribute {
            return Err(CrlError::Scope("it covers attribute certificates only"));
        }
        if self.only_user && self.only_ca {
            return Err(CrlError::Scope(
                "it covers user certificates only and CA certificates only, which is nothing",
            ));
        }
        if self.is_delta && self.base_number.is_empty() {
            let what = "it is a delta list, and what it builds on cannot be read";
            return Err(CrlError::Incomplete(what.to_owned()));
        }
        Ok(Scope {
            user_certificates: self.only_user,
            ca_certificates: self.only_ca,
            indirect: self.indirect,
            some_reasons: self.reasons.is_some(),
            one_point: self.point.is_some(),
        })
    }

    /// Whether two lists are equal in what RFC 5280 5.2.4 wants equal in a delta and its base.
    pub(crate) fn same_point(&self, other: &Self) -> bool {
        (
            &self.point,
            self.only_user,
            self.only_ca,
            self.only_attribute,
            self.indirect,
            self.reasons,
            self.is_scope_unread,
        ) == (
            &other.point,
            other.only_user,
            other.only_ca,
            other.only_attribute,
            other.indirect,
            other.reasons,
            other.is_scope_unread,
        )
    }
}
