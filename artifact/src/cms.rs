//! The part of CMS SignedData (RFC 5652) that a time-stamp token uses, read leniently where nothing
//! is signed and strictly where something is.
//!
//! BER is read everywhere except in signedAttrs, which must be DER as received: the signature
//! covers their DER SET OF (5.4), and so does the record. Their order alone is repaired by sorting.
//! The certificate set may hold attribute certificates and other formats, which real tokens do;
//! those, and certificates that cannot be read, are skipped. Nothing is verified here.

use std::collections::HashSet;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use thiserror::Error;

use crate::asn1::{
    self, Asn1Error, Element, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, context,
    context_constructed,
};
use crate::certificate::Certificate;
use crate::oid;
use crate::oid::dotted;

/// Certificates read from one token; more are ignored.
pub(crate) const CERTIFICATES_MAX: usize = 32;

/// Why octets are not the SignedData of one signer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CmsError {
    /// ASN.1 of a part.
    #[error("{part}: {source}")]
    Malformed {
        /// Name of the field.
        part: &'static str,
        /// Why its octets cannot be read.
        source: Asn1Error,
    },
    /// The ContentInfo holds something else.
    #[error("the content type is {0}, not signedData (1.2.840.113549.1.7.2)")]
    NotSignedData(String),
    /// The content that is signed is of another type.
    #[error("the signed content is of type {0}, not id-ct-TSTInfo (1.2.840.113549.1.9.16.1.4)")]
    ContentType(String),
    /// There is no content.
    #[error("the signed content is missing (a detached signature)")]
    NoContent,
    /// There is not exactly one signer.
    #[error("{0} signers; a token has exactly one (RFC 3161 2.4.2)")]
    SignerCount(usize),
    /// There are no signed attributes.
    #[error("there are no signed attributes; a token must have them (RFC 5652 5.3)")]
    NoSignedAttributes,
    /// Signed attributes are not DER.
    #[error("signed attributes: {0}")]
    SignedAttributesNotDer(Asn1Error),
    /// An attribute is there twice.
    #[error("signed attribute {0} stands twice")]
    DuplicateAttribute(String),
    /// An attribute that must be there.
    #[error("signed attribute {0} is missing")]
    AttributeMissing(&'static str),
    /// An attribute with no value or several.
    #[error("signed attribute {0} does not have exactly one value")]
    AttributeValues(String),
}

impl CmsError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotSignedData(_) => "not-signed-data",
            Self::ContentType(_) | Self::NoContent => "not-tst-info",
            Self::SignerCount(_) => "signer-count",
            Self::NoSignedAttributes | Self::AttributeMissing(_) => "signed-attribute-missing",
            Self::SignedAttributesNotDer(_) => "signed-attributes-not-der",
            _ => "token-malformed",
        }
    }
}

/// How a SignerInfo names its signer.
#[derive(Clone, Debug)]
pub(crate) enum SignerIdentifier {
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    SubjectKeyIdentifier(Vec<u8>),
}

/// SignedData with one signer, content and attributes as they were signed.
#[derive(Clone, Debug)]
pub(crate) struct SignedData {
    /// Value octets of eContent, segments joined.
    pub(crate) content: Vec<u8>,
    pub(crate) certificates: Vec<Arc<Certificate>>,
    pub(crate) signer: SignerIdentifier,
    /// Contents octets of the OID in SignerInfo.digestAlgorithm.
    pub(crate) digest_algorithm: Vec<u8>,
    /// SignerInfo.signatureAlgorithm, DER.
    pub(crate) signature_algorithm: Vec<u8>,
    /// signedAttrs as DER SET OF (tag 0x31, sorted): what the signature covers.
    pub(crate) signed_attributes: Vec<u8>,
    /// The signed attributes in the order received, if that differs from DER's.
    pub(crate) attributes_as_received: Option<Vec<u8>>,
    pub(crate) signature: Vec<u8>,
    attributes: Vec<Attribute>,
}

fn at<T>(part: &'static str, read: Result<T, Asn1Error>) -> Result<T, CmsError> {
    read.map_err(|source| CmsError::Malformed { part, source })
}

impl SignedData {
    /// Reads a ContentInfo; nothing may follow it.
    pub(crate) fn read(content_info: &[u8]) -> Result<Self, CmsError> {
        let outer = at(
            "ContentInfo",
            asn1::only(Reader::ber(content_info), SEQUENCE),
        )?;
        let mut fields = outer.reader();
        let kind = at("ContentInfo", fields.expect(OBJECT_IDENTIFIER))?.content;
        if kind != oid::SIGNED_DATA.as_bytes() {
            return Err(CmsError::NotSignedData(dotted(kind)));
        }
        let wrapper = at("ContentInfo", fields.expect(context_constructed(0)))?;
        at("ContentInfo", fields.finish())?;
        let signed = at("SignedData", asn1::only(wrapper.reader(), SEQUENCE))?;
        let mut fields = signed.reader();
        at("SignedData.version", fields.expect(INTEGER))?;
        at("SignedData.digestAlgorithms", fields.expect(SET))?;
        let content = read_content(&at("encapContentInfo", fields.expect(SEQUENCE))?)?;
        let certificates = at("certificates", fields.optional(context_constructed(0)))?;
        at("crls", fields.optional(context_constructed(1)))?;
        let signers = at("signerInfos", fields.expect(SET))?;
        at("SignedData", fields.finish())?;

        let mut infos = signers.reader();
        let first = at("signerInfos", infos.next())?;
        let mut count = usize::from(first.is_some());
        while at("signerInfos", infos.next())?.is_some() {
            count += 1;
        }
        let signer = first.filter(|info| count == 1 && info.tag == SEQUENCE);
        let signer = signer.ok_or(CmsError::SignerCount(count))?;
        let certificates = certificates
            .map(|set| read_certificates(&set))
            .transpose()?;
        read_signer(&signer, content, certificates.unwrap_or_default())
    }

    /// The value of a signed attribute, DER; `None` if it is absent.
    pub(crate) fn attribute(&self, oid: &ObjectIdentifier) -> Option<&[u8]> {
        let found = self
            .attributes
            .iter()
            .find(|(name, _)| name == oid.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }
}

fn read_content(encapsulated: &Element<'_>) -> Result<Vec<u8>, CmsError> {
    let part = "encapContentInfo";
    let mut fields = encapsulated.reader();
    let kind = at(part, fields.expect(OBJECT_IDENTIFIER))?.content;
    if kind != oid::TST_INFO.as_bytes() {
        return Err(CmsError::ContentType(dotted(kind)));
    }
    let wrapper = at(part, fields.optional(context_constructed(0)))?.ok_or(CmsError::NoContent)?;
    at(part, fields.finish())?;
    let mut inner = wrapper.reader();
    let content = at("eContent", inner.octet_string())?;
    at("eContent", inner.finish())?;
    Ok(content)
}

/// CertificateChoices: plain certificates are kept, [0] to [3] and the unreadable are skipped.
fn read_certificates(set: &Element<'_>) -> Result<Vec<Arc<Certificate>>, CmsError> {
    let mut elements = set.reader();
    let mut certificates = Vec::new();
    while let Some(element) = at("certificates", elements.next())? {
        if element.tag == SEQUENCE && certificates.len() < CERTIFICATES_MAX {
            certificates.extend(Certificate::from_der(element.raw).ok().map(Arc::new));
        }
    }
    Ok(certificates)
}

fn read_signer(
    info: &Element<'_>,
    content: Vec<u8>,
    certificates: Vec<Arc<Certificate>>,
) -> Result<SignedData, CmsError> {
    let mut fields = info.reader();
    at("SignerInfo.version", fields.expect(INTEGER))?;
    let signer = read_identifier(&mut fields)?;
    let digest = at("digestAlgorithm", fields.expect(SEQUENCE))?;
    let digest_algorithm =
        at("digestAlgorithm", digest.reader().expect(OBJECT_IDENTIFIER))?.content;
    let attributes = at("signedAttrs", fields.optional(context_constructed(0)))?;
    let attributes = attributes.ok_or(CmsError::NoSignedAttributes)?;
    let signature_algorithm = at("signatureAlgorithm", fields.expect(SEQUENCE))?
        .raw
        .to_vec();
    let signature = at("signature", fields.octet_string())?;
    at("unsignedAttrs", fields.optional(context_constructed(1)))?;
    at("SignerInfo", fields.finish())?;
    let (mut encoded, attributes) = read_attributes(&attributes)?;
    let set = |encoded: &[&[u8]]| {
        let mut set = Vec::new();
        asn1::write_element(&mut set, SET, &encoded.concat());
        set
    };
    let attributes_as_received = (!encoded.is_sorted()).then(|| set(&encoded));
    encoded.sort_unstable();
    Ok(SignedData {
        content,
        certificates,
        signer,
        digest_algorithm: digest_algorithm.to_vec(),
        signature_algorithm,
        signed_attributes: set(&encoded),
        attributes_as_received,
        signature,
        attributes,
    })
}

fn read_identifier(fields: &mut Reader<'_>) -> Result<SignerIdentifier, CmsError> {
    let part = "SignerInfo.sid";
    if fields.peek_tag() == Some(SEQUENCE) {
        let mut pair = at(part, fields.expect(SEQUENCE))?.reader();
        let issuer = at(part, pair.expect(SEQUENCE))?.raw.to_vec();
        let serial = at(part, pair.expect(INTEGER))?.content.to_vec();
        at(part, pair.finish())?;
        return Ok(SignerIdentifier::IssuerAndSerial { issuer, serial });
    }
    let tag = if fields.peek_tag() == Some(context_constructed(0)) {
        context_constructed(0)
    } else {
        context(0)
    };
    let identifier = at(part, at(part, fields.expect(tag))?.octets())?;
    Ok(SignerIdentifier::SubjectKeyIdentifier(identifier))
}

/// Attributes that are read, each of which has one value (RFC 5652 11.1 and 11.2, RFC 5035 3 and 4,
/// RFC 6211). Others may have any number of them.
const READ: [ObjectIdentifier; 5] = [
    oid::CONTENT_TYPE,
    oid::MESSAGE_DIGEST,
    oid::SIGNING_CERTIFICATE,
    oid::SIGNING_CERTIFICATE_V2,
    oid::CMS_ALGORITHM_PROTECTION,
];

/// Type and value of an attribute.
type Attribute = (Vec<u8>, Vec<u8>);

/// The signed attributes as received, and the value of each that is read.
fn read_attributes<'a>(field: &Element<'a>) -> Result<(Vec<&'a [u8]>, Vec<Attribute>), CmsError> {
    let not_der = CmsError::SignedAttributesNotDer;
    asn1::check_der(field.raw).map_err(not_der)?;
    let mut elements = field.der_reader();
    let mut encoded = Vec::new();
    let mut seen = HashSet::new();
    let mut attributes = Vec::new();
    while let Some(element) = elements.next().map_err(not_der)? {
        let mut fields = element.reader();
        let name = fields.expect(OBJECT_IDENTIFIER).map_err(not_der)?.content;
        let mut values = fields.expect(SET).map_err(not_der)?.reader();
        fields.finish().map_err(not_der)?;
        if !seen.insert(name) {
            return Err(CmsError::DuplicateAttribute(dotted(name)));
        }
        encoded.push(element.raw);
        if READ.iter().any(|known| known.as_bytes() == name) {
            let value = values.next().map_err(not_der)?;
            let only = value.filter(|_| values.finish().is_ok());
            let only = only.ok_or_else(|| CmsError::AttributeValues(dotted(name)))?;
            attributes.push((name.to_vec(), only.raw.to_vec()));
        }
    }
    Ok((encoded, attributes))
}
