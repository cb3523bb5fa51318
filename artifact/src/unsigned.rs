//! Evidence inside a token: proofs in an unsigned attribute of its SignerInfo (RFC 5652 5.3;
//! `docs/formats/embedded-evidence.md`), and tokens in an unsigned attribute of a signature.
//!
//! [`with_proofs`] and [`embedded_proofs`] are a pair. The octets under the signature and the
//! record (eContent, signedAttrs, the signature's value) and the certificates are copied as
//! received; the lengths around them are written anew, definite. So a token in DER stays a token in
//! DER, and taking the proofs out again restores it.
//!
//! Nothing is verified here, and a proof is octets. Any holder of a token can write such an
//! attribute: it carries a proof, and is no reason to believe it.

use pem_rfc7468::LineEnding;
use thiserror::Error;

use crate::asn1::{
    self, Asn1Error, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET,
    context_constructed,
};
use crate::cms::CmsError;
use crate::oid;
use crate::oid::dotted;
use crate::pem::{self, PemError};
use crate::reply;
use crate::token::{TOKEN_INPUT_MAX, TimestampToken, TokenError};

/// The attribute's type, under the arc 2.25 for UUIDs (X.667):
/// 72fc897c-3159-4b7e-baba-f3479d908e3d, made for this attribute.
pub const EMBEDDED_PROOFS: &str = "2.25.152843238857511754515472545520290926141";

/// [`EMBEDDED_PROOFS`] as contents octets: its last arc has 127 bits, more than an OID type of
/// 32-bit arcs holds.
const EMBEDDED_PROOFS_OCTETS: [u8; 20] = [
    0x69, 0x81, 0xe5, 0xfc, 0xc4, 0xdf, 0x86, 0x95, 0xca, 0xad, 0xfd, 0xba, 0xdd, 0xbc, 0xe8, 0xf9,
    0xec, 0xc2, 0x9c, 0x3d,
];

/// The most proofs in one token.
pub const PROOFS_MAX: usize = 8;

/// The largest CMS signature that is searched for tokens, in octets.
pub const SIGNATURE_INPUT_MAX: usize = 4 << 20;

/// The most tokens that are taken out of one CMS signature.
pub const STAMPS_MAX: usize = 32;

/// Attributes that are computed over the unsigned attributes beside them: another one would break
/// them (RFC 5126 6.4.1, EN 319 122-1 A.2.4 and A.2.5).
const ARCHIVE_TIMESTAMPS: [const_oid::ObjectIdentifier; 3] = [
    oid::ARCHIVE_TIMESTAMP,
    oid::ARCHIVE_TIMESTAMP_V2,
    oid::LONG_TERM_VALIDATION,
];

/// Why proofs cannot be put in, or taken out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsignedError {
    /// The octets that should carry the proofs are not a token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// ASN.1 of a part.
    #[error("{part}: {source}")]
    Malformed {
        /// Name of the field.
        part: &'static str,
        /// Why its octets cannot be read.
        source: Asn1Error,
    },
    /// More than [`PROOFS_MAX`].
    #[error("{0} proofs; a token carries at most {PROOFS_MAX}")]
    TooMany(usize),
    /// The token would be larger than is read.
    #[error(
        "with the proofs the token has {0} octets, and at most {TOKEN_INPUT_MAX} are read: leave proofs out"
    )]
    TooLarge(usize),
    /// An attribute that covers the others.
    #[error(
        "the token carries an archive time-stamp (unsigned attribute {0}) over its unsigned attributes: \
         another attribute would break it; keep the proof beside the token"
    )]
    ArchiveTimestamp(String),
    /// A signature of more than [`SIGNATURE_INPUT_MAX`].
    #[error("a signature of {0} octets; at most {SIGNATURE_INPUT_MAX} are read")]
    SignatureSize(usize),
    /// More than [`STAMPS_MAX`].
    #[error("a signature with more than {STAMPS_MAX} time-stamps")]
    TooManyStamps,
}

pub(crate) fn at<T>(part: &'static str, read: Result<T, Asn1Error>) -> Result<T, UnsignedError> {
    read.map_err(|source| UnsignedError::Malformed { part, source })
}

/// The proofs that `token` (a TimeStampResp or a ContentInfo, DER, BER or PEM) carries, in their
/// order. That there are none is no error.
///
/// # Errors
/// [`UnsignedError`], if the token cannot be read, or carries too many or too long proofs.
pub fn embedded_proofs(token: &[u8]) -> Result<Vec<Vec<u8>>, UnsignedError> {
    TimestampToken::parse(token)?;
    let octets = pem::unwrap_one(token).map_err(TokenError::from)?;
    let content_info = reply::unwrap(&octets).map_err(TokenError::from)?;
    let mut proofs = Vec::new();
    for signer in signers(content_info)? {
        for attribute in unsigned_attributes(&signer)? {
            if attribute.kind == EMBEDDED_PROOFS_OCTETS {
                let mut values = attribute.values.reader();
                while let Some(value) = at("embedded proofs", values.next())? {
                    proofs.push(at("embedded proofs", read_octets(&value))?);
                }
            }
        }
    }
    if proofs.len() > PROOFS_MAX {
        return Err(UnsignedError::TooMany(proofs.len()));
    }
    Ok(proofs)
}

/// `token` with exactly these proofs in it, instead of any that it carried, in the form in which it
/// came: a reply stays a reply, PEM stays PEM. Without proofs there is no attribute. The order of
/// `proofs` and duplicates among them do not matter.
///
/// # Errors
/// [`UnsignedError`], if the token cannot be read, or the proofs are too many or too long.
pub fn with_proofs(token: &[u8], proofs: &[Vec<u8>]) -> Result<Vec<u8>, UnsignedError> {
    TimestampToken::parse(token)?;
    let octets = pem::unwrap_one(token).map_err(TokenError::from)?;
    let content_info = reply::unwrap(&octets).map_err(TokenError::from)?;
    let mut written = write_content_info(content_info, &attribute_of(proofs)?)?;
    if content_info.len() < octets.len() {
        let reply = at("TimeStampResp", asn1::only(Reader::ber(&octets), SEQUENCE))?;
        let status = at("PKIStatusInfo", reply.reader().expect(SEQUENCE))?;
        written = element(SEQUENCE, &[status.raw, &written]);
    }
    if written.len() > TOKEN_INPUT_MAX {
        return Err(UnsignedError::TooLarge(written.len()));
    }
    let Some(label) = pem::label(token) else {
        return Ok(written);
    };
    let text = pem_rfc7468::encode_string(label, LineEnding::LF, &written);
    let text = text.map_err(|error| PemError {
        block: 1,
        reason: error.to_string(),
    });
    Ok(text.map_err(TokenError::from)?.into_bytes())
}

/// A time-stamp token over the value of a signature (RFC 3161 appendix A).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureTimestamp {
    /// The ContentInfo, as received.
    pub token: Vec<u8>,
    /// The octets that it should stamp: SignerInfo.signature.
    pub signature: Vec<u8>,
}

/// The tokens in the signature-time-stamp attributes of a CMS signature (ContentInfo, DER or BER)
/// over any content.
///
/// # Errors
/// [`UnsignedError`], if the signature cannot be read, or carries too many tokens.
pub fn signature_timestamps(content_info: &[u8]) -> Result<Vec<SignatureTimestamp>, UnsignedError> {
    if content_info.len() > SIGNATURE_INPUT_MAX {
        return Err(UnsignedError::SignatureSize(content_info.len()));
    }
    let mut found = Vec::new();
    for signer in signers(content_info)? {
        let signature = signer.fields.iter().find(|field| is_octet_string(field));
        let signature = signature.ok_or(Asn1Error::Missing {
            expected: OCTET_STRING,
        });
        let signature = at("signature", at("signature", signature)?.octets())?;
        for attribute in unsigned_attributes(&signer)? {
            if attribute.kind != oid::SIGNATURE_TIME_STAMP.as_bytes() {
                continue;
            }
            let mut values = attribute.values.reader();
            while let Some(value) = at("signature-time-stamp", values.next())? {
                if found.len() == STAMPS_MAX {
                    return Err(UnsignedError::TooManyStamps);
                }
                found.push(SignatureTimestamp {
                    token: value.raw.to_vec(),
                    signature: signature.clone(),
                });
            }
        }
    }
    Ok(found)
}

/// The element at the start of `padded`; the rest has to be the zeros that fill the space that a
/// PDF reserves for a signature.
///
/// # Errors
/// [`UnsignedError::Malformed`] if there is no element, or other octets than zeros follow it.
pub fn unpadded(padded: &[u8]) -> Result<&[u8], UnsignedError> {
    let part = "signature";
    let first = at(part, Reader::ber(padded).expect(SEQUENCE))?;
    let rest = padded.get(first.raw.len()..).unwrap_or_default();
    if rest.iter().all(|octet| *octet == 0) {
        return Ok(first.raw);
    }
    let octets = rest.len();
    at(part, Err(Asn1Error::Trailing { octets }))
}

/// The fields of SignedData around its signers.
pub(crate) struct Signed<'a> {
    version: &'a [u8],
    digest_algorithms: &'a [u8],
    pub(crate) content: Element<'a>,
    certificates: Option<Element<'a>>,
    crls: Option<Element<'a>>,
    signers: Element<'a>,
}

impl<'a> Signed<'a> {
    pub(crate) fn read(content_info: &'a [u8]) -> Result<Self, UnsignedError> {
        let part = "ContentInfo";
        let mut outer = at(part, asn1::only(Reader::ber(content_info), SEQUENCE))?.reader();
        let kind = at(part, outer.expect(OBJECT_IDENTIFIER))?.content;
        if kind != oid::SIGNED_DATA.as_bytes() {
            return Err(TokenError::from(CmsError::NotSignedData(dotted(kind))).into());
        }
        let wrapper = at(part, outer.expect(context_constructed(0)))?;
        at(part, outer.finish())?;
        let part = "SignedData";
        let mut fields = at(part, asn1::only(wrapper.reader(), SEQUENCE))?.reader();
        let read = Self {
            version: at(part, fields.expect(INTEGER))?.raw,
            digest_algorithms: at(part, fields.expect(SET))?.raw,
            content: at("encapContentInfo", fields.expect(SEQUENCE))?,
            certificates: at("certificates", fields.optional(context_constructed(0)))?,
            crls: at("crls", fields.optional(context_constructed(1)))?,
            signers: at("signerInfos", fields.expect(SET))?,
        };
        at(part, fields.finish())?;
        Ok(read)
    }
}

/// A SignerInfo: the fields up to the signature, and the unsigned attributes behind it.
pub(crate) struct Signer<'a> {
    pub(crate) fields: Vec<Element<'a>>,
    unsigned: Option<Element<'a>>,
}

pub(crate) fn signers(content_info: &[u8]) -> Result<Vec<Signer<'_>>, UnsignedError> {
    let mut infos = Signed::read(content_info)?.signers.reader();
    let mut signers = Vec::new();
    while let Some(info) = at("signerInfos", infos.next())? {
        signers.push(read_signer(&info)?);
    }
    Ok(signers)
}

fn read_signer<'a>(info: &Element<'a>) -> Result<Signer<'a>, UnsignedError> {
    let mut rest = info.reader();
    let mut fields = Vec::new();
    let mut unsigned = None;
    while let Some(field) = at("SignerInfo", rest.next())? {
        let signed = fields.last().is_some_and(is_octet_string);
        if signed && field.tag == context_constructed(1) {
            unsigned = Some(field);
            at("SignerInfo", rest.finish())?;
        } else {
            fields.push(field);
        }
    }
    Ok(Signer { fields, unsigned })
}

/// One attribute: its type, its values, and all of it as received.
struct Attribute<'a> {
    kind: &'a [u8],
    values: Element<'a>,
    raw: &'a [u8],
}

fn unsigned_attributes<'a>(signer: &Signer<'a>) -> Result<Vec<Attribute<'a>>, UnsignedError> {
    let part = "unsignedAttrs";
    let mut attributes = Vec::new();
    let Some(set) = signer.unsigned else {
        return Ok(attributes);
    };
    let mut elements = set.reader();
    while elements.peek_tag().is_some() {
        let element = at(part, elements.expect(SEQUENCE))?;
        let mut fields = element.reader();
        let kind = at(part, fields.expect(OBJECT_IDENTIFIER))?.content;
        let values = at(part, fields.expect(SET))?;
        at(part, fields.finish())?;
        attributes.push(Attribute {
            kind,
            values,
            raw: element.raw,
        });
    }
    Ok(attributes)
}

fn is_octet_string(field: &Element<'_>) -> bool {
    matches!(field.tag, OCTET_STRING | SEGMENTED_OCTET_STRING)
}

/// An OCTET STRING in segments (X.690 8.7.3).
const SEGMENTED_OCTET_STRING: u8 = OCTET_STRING | 0x20;

fn read_octets(value: &Element<'_>) -> Result<Vec<u8>, Asn1Error> {
    if is_octet_string(value) {
        value.octets()
    } else {
        Err(Asn1Error::Unexpected {
            expected: OCTET_STRING,
            found: value.tag,
        })
    }
}

/// The attribute with these proofs, DER: a SET OF OCTET STRING, sorted. Empty if there are none.
fn attribute_of(proofs: &[Vec<u8>]) -> Result<Vec<u8>, UnsignedError> {
    let values = proofs.iter().map(|proof| element(OCTET_STRING, &[proof]));
    let mut values: Vec<Vec<u8>> = values.collect();
    values.sort();
    values.dedup();
    if values.len() > PROOFS_MAX {
        return Err(UnsignedError::TooMany(values.len()));
    }
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let kind = element(OBJECT_IDENTIFIER, &[&EMBEDDED_PROOFS_OCTETS]);
    let values = element(SET, &[&values.concat()]);
    Ok(element(SEQUENCE, &[&kind, &values]))
}

fn write_content_info(content_info: &[u8], proofs: &[u8]) -> Result<Vec<u8>, UnsignedError> {
    let signed = Signed::read(content_info)?;
    let signer = at("signerInfos", signed.signers.reader().expect(SEQUENCE))?;
    let signer = write_signer(&read_signer(&signer)?, proofs)?;
    let certificates = signed.certificates.map(|set| definite(&set));
    let crls = signed.crls.map(|set| definite(&set));
    let data = element(
        SEQUENCE,
        &[
            signed.version,
            signed.digest_algorithms,
            &write_content(&signed.content)?,
            &certificates.unwrap_or_default(),
            &crls.unwrap_or_default(),
            &element(SET, &[&signer]),
        ],
    );
    let kind = element(OBJECT_IDENTIFIER, &[oid::SIGNED_DATA.as_bytes()]);
    let wrapper = element(context_constructed(0), &[&data]);
    Ok(element(SEQUENCE, &[&kind, &wrapper]))
}

/// encapContentInfo with the content in one piece: its value octets are the signed ones.
fn write_content(content: &Element<'_>) -> Result<Vec<u8>, UnsignedError> {
    let mut fields = content.reader();
    let kind = at("eContentType", fields.expect(OBJECT_IDENTIFIER))?;
    let wrapper = at("eContent", fields.expect(context_constructed(0)))?;
    let octets = at("eContent", wrapper.reader().octet_string())?;
    let octets = element(OCTET_STRING, &[&octets]);
    let wrapper = element(context_constructed(0), &[&octets]);
    Ok(element(SEQUENCE, &[kind.raw, &wrapper]))
}

fn write_signer(signer: &Signer<'_>, proofs: &[u8]) -> Result<Vec<u8>, UnsignedError> {
    let mut octets = Vec::new();
    for field in &signer.fields {
        if is_octet_string(field) {
            let signature = at("signature", field.octets())?;
            asn1::write_element(&mut octets, OCTET_STRING, &signature);
        } else {
            octets.extend_from_slice(field.raw);
        }
    }
    let attributes = write_attributes(&unsigned_attributes(signer)?, proofs)?;
    if !attributes.is_empty() {
        asn1::write_element(&mut octets, context_constructed(1), &attributes);
    }
    Ok(element(SEQUENCE, &[&octets]))
}

/// The others as they are and where they are, and ours before the first that sorts behind it: if
/// they were sorted, as DER demands, they still are.
fn write_attributes(known: &[Attribute<'_>], proofs: &[u8]) -> Result<Vec<u8>, UnsignedError> {
    let covers = |one: &&Attribute<'_>| {
        let mut kinds = ARCHIVE_TIMESTAMPS.iter();
        kinds.any(|archive| one.kind == archive.as_bytes())
    };
    if let Some(archive) = known.iter().find(covers) {
        return Err(UnsignedError::ArchiveTimestamp(dotted(archive.kind)));
    }
    let others = known
        .iter()
        .filter(|one| one.kind != EMBEDDED_PROOFS_OCTETS);
    let mut all: Vec<&[u8]> = others.map(|one| one.raw).collect();
    let place = all.iter().position(|raw| *raw > proofs);
    all.insert(place.unwrap_or(all.len()), proofs);
    Ok(all.concat())
}

/// A constructed element with the same elements in it, its length written anew.
fn definite(element: &Element<'_>) -> Vec<u8> {
    self::element(element.tag, &[element.content])
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut octets = Vec::new();
    asn1::write_element(&mut octets, tag, &parts.concat());
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_type_is_the_uuid_that_its_text_names() {
        let arc: u128 = EMBEDDED_PROOFS
            .strip_prefix("2.25.")
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(arc, 0x72fc_897c_3159_4b7e_baba_f347_9d90_8e3d);
        let (first, digits) = EMBEDDED_PROOFS_OCTETS.split_first().unwrap();
        assert_eq!(*first, 2 * 40 + 25);
        let value = digits
            .iter()
            .fold(0_u128, |value, digit| value << 7 | u128::from(digit & 0x7f));
        assert_eq!(value, arc);
    }

    #[test]
    fn padding_is_zeros_and_nothing_else() {
        assert_eq!(unpadded(&[0x30, 1, 7, 0, 0]).unwrap(), [0x30, 1, 7]);
        assert_eq!(
            unpadded(&[0x30, 0x80, 0, 0, 0]).unwrap(),
            [0x30, 0x80, 0, 0]
        );
        assert!(unpadded(&[0x30, 1, 7, 0, 1]).is_err());
        assert!(unpadded(&[0, 0]).is_err());
        assert!(unpadded(&[]).is_err());
    }
}
