//! QCStatements (EN 319 412-5, RFC 3739), read: the issuer's claims, in certificates and in tokens.

use const_oid::ObjectIdentifier;

use crate::asn1::{Asn1Error, OBJECT_IDENTIFIER, Reader, SEQUENCE, only};
use crate::oid;
use crate::oid::dotted;

/// QcType (EN 319 412-5 4.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QcType {
    /// 0.4.0.1862.1.6.1
    ESignature,
    /// 0.4.0.1862.1.6.2
    ESeal,
    /// 0.4.0.1862.1.6.3
    Website,
    /// Another, dotted.
    Other(String),
}

/// The claims of the qcStatements extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QcStatements {
    /// QcCompliance, 0.4.0.1862.1.1: issued as an EU qualified certificate (or, with
    /// [`Self::legislation`], under the law of those countries).
    pub compliance: bool,
    /// QcSSCD, 0.4.0.1862.1.4: the private key is in a qualified device.
    pub device: bool,
    /// QcType, 0.4.0.1862.1.6, in the order stated.
    pub types: Vec<QcType>,
    /// QcCClegislation, 0.4.0.1862.1.7: ISO 3166 country codes.
    pub legislation: Vec<String>,
    /// Every statement's identifier, dotted, known or not, in the order stated.
    pub identifiers: Vec<String>,
}

impl QcStatements {
    /// From the extension's value.
    pub(crate) fn read(value: &[u8]) -> Result<Self, Asn1Error> {
        let mut all = Self::default();
        let mut statements = only(Reader::der(value), SEQUENCE)?.reader();
        while let Some(statement) = statements.next()? {
            let mut fields = statement.reader();
            let id = fields.expect(OBJECT_IDENTIFIER)?.content;
            let is = |known: &ObjectIdentifier| id == known.as_bytes();
            all.identifiers.push(dotted(id));
            if is(&oid::QC_COMPLIANCE) {
                all.compliance = true;
            } else if is(&oid::QC_SSCD) {
                all.device = true;
            } else if is(&oid::QC_TYPE) {
                let mut listed = fields.expect(SEQUENCE)?.reader();
                while let Some(named) = listed.next()? {
                    all.types.push(qc_type(named.content));
                }
            } else if is(&oid::QC_LEGISLATION) {
                let mut listed = fields.expect(SEQUENCE)?.reader();
                while let Some(country) = listed.next()? {
                    all.legislation
                        .push(String::from_utf8_lossy(country.content).into_owned());
                }
            }
        }
        Ok(all)
    }
}

fn qc_type(octets: &[u8]) -> QcType {
    let known = [
        (oid::QC_TYPE_ESIGN, QcType::ESignature),
        (oid::QC_TYPE_ESEAL, QcType::ESeal),
        (oid::QC_TYPE_WEB, QcType::Website),
    ];
    let found = known.into_iter().find(|(id, _)| id.as_bytes() == octets);
    found.map_or_else(|| QcType::Other(dotted(octets)), |(_, kind)| kind)
}
