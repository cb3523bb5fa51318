//! The digests of the octets that a CMS signature was made over (RFC 5652 5.4 and 11.2). Nothing is
//! verified: a caller that has the octets can tell whether they are meant.

use crate::asn1::{Element, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, context_constructed};
use crate::hash::HashAlgorithm;
use crate::oid;
use crate::unsigned::{SIGNATURE_INPUT_MAX, Signed, Signer, UnsignedError, at, signers};

/// A digest that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDigest {
    /// The hash function.
    pub algorithm: HashAlgorithm,
    /// The digest.
    pub digest: Vec<u8>,
}

/// The digests that the signers of a ContentInfo signed: the messageDigest of each. If the content
/// is in the signature, it is taken for the SHA-1 digest that adbe.pkcs7.sha1 has there (ISO
/// 32000-1 12.8.3.3.1). Signers with an unknown digest or algorithm are left out.
///
/// # Errors
/// [`UnsignedError`], if the octets are no readable CMS signature.
pub fn signed_digests(content_info: &[u8]) -> Result<Vec<SignedDigest>, UnsignedError> {
    if content_info.len() > SIGNATURE_INPUT_MAX {
        return Err(UnsignedError::SignatureSize(content_info.len()));
    }
    let part = "encapContentInfo";
    let mut content = Signed::read(content_info)?.content.reader();
    at(part, content.expect(OBJECT_IDENTIFIER))?;
    if let Some(wrapper) = at(part, content.optional(context_constructed(0)))? {
        let digest = at(part, wrapper.reader().octet_string())?;
        let algorithm = HashAlgorithm::Sha1;
        let is_digest = digest.len() == algorithm.digest_length();
        return Ok(is_digest
            .then_some(SignedDigest { algorithm, digest })
            .into_iter()
            .collect());
    }
    let signers = signers(content_info)?;
    Ok(signers.iter().filter_map(of_signer).collect())
}

/// version, sid, digestAlgorithm, and signedAttrs as they stand before the signature.
fn of_signer(signer: &Signer<'_>) -> Option<SignedDigest> {
    let [_, _, algorithm, attributes, ..] = signer.fields.as_slice() else {
        return None;
    };
    let algorithm = algorithm.reader().expect(OBJECT_IDENTIFIER).ok()?;
    let algorithm = HashAlgorithm::from_oid_octets(algorithm.content).ok()?;
    let attributes = Some(attributes).filter(|it| it.tag == context_constructed(0))?;
    let digest = message_digest(attributes)?;
    Some(SignedDigest { algorithm, digest })
}

fn message_digest(attributes: &Element<'_>) -> Option<Vec<u8>> {
    let mut all = attributes.reader();
    while let Ok(attribute) = all.expect(SEQUENCE) {
        let mut fields = attribute.reader();
        let kind = fields.expect(OBJECT_IDENTIFIER).ok()?;
        if kind.content == oid::MESSAGE_DIGEST.as_bytes() {
            let values = fields.expect(SET).ok()?;
            let value = values.reader().expect(OCTET_STRING).ok()?;
            return Some(value.content.to_vec());
        }
    }
    None
}
