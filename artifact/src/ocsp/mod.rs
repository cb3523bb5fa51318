//! OCSP responses: RFC 6960, as statements of a CA about certificates at a time.
//!
//! A response counts if it is signed by the CA that issued the certificates, by a responder whose
//! certificate that CA issued with extendedKeyUsage OCSPSigning, or by one that the caller trusts
//! directly (4.2.2.2); see `responder`. The CA must have a path to an anchor, valid at
//! producedAt: the last response of a CA that has closed is what a log is for.
//!
//! A response may answer about certificates of several CAs; each CA's answers are verified by
//! themselves. A log takes a response only if it is about one CA and all of its answers can be
//! read: others have no record. Nonces, critical or not, are not checked, since this program sent
//! no request (4.4.1). A response with a critical nonce is addressed to its requester and has no
//! record either, since a record addresses every reader.

mod error;
mod responder;
mod single;
mod verified;
mod verify;

use std::sync::Arc;

pub use error::{OCSP_INPUT_MAX, OcspError};
pub(crate) use single::Answered;
pub use verified::VerifiedOcsp;

use crate::asn1::{
    self, Asn1Error, BIT_STRING, ENUMERATED, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING,
    Reader, SEQUENCE, context_constructed,
};
use crate::certificate::Certificate;
use crate::name::Name;
use crate::oid;
use crate::oid::dotted;
use crate::pem;
use crate::status_extension;
use crate::status_time;
use crate::time::Time;
use single::Single;

/// Certificates read from one response; more are ignored.
const CERTIFICATES_MAX: usize = 16;

/// Extensions of a response that may be critical: what the question was, and what "revoked" is used
/// for (RFC 6960 4.4.1 and 4.4.8). They say nothing about the answers that the answers do not say.
const HARMLESS: [const_oid::ObjectIdentifier; 2] = [oid::OCSP_NONCE, oid::OCSP_EXTENDED_REVOKE];

#[derive(Clone, Debug)]
enum ResponderId {
    Name(Name),
    /// SHA-1 of the value of its subjectPublicKey.
    KeyHash(Vec<u8>),
}

/// A response that could be read. Nothing about it is verified.
#[derive(Clone, Debug)]
pub struct OcspResponse {
    der: Vec<u8>,
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    responder: ResponderId,
    produced_at: Time,
    singles: Vec<Single>,
    certificates: Vec<Arc<Certificate>>,
    /// Why the response must not be used.
    unusable: Option<OcspError>,
    /// The first thing for which it has no record.
    unrecorded: Option<OcspError>,
}

impl OcspResponse {
    /// Reads an OCSPResponse, DER, BER or PEM.
    ///
    /// # Errors
    /// [`OcspError`], if its outline cannot be read, or it is a refusal of the responder.
    pub fn parse(bytes: &[u8]) -> Result<Self, OcspError> {
        if bytes.len() > OCSP_INPUT_MAX * 3 / 2 {
            return Err(OcspError::Size(bytes.len()));
        }
        let der = pem::unwrap_one(bytes)?;
        if der.len() > OCSP_INPUT_MAX {
            return Err(OcspError::Size(der.len()));
        }
        let mut outer = asn1::only(Reader::ber(&der), SEQUENCE)?.reader();
        let status = outer.expect(ENUMERATED)?.unsigned()?;
        if status != 0 {
            return Err(OcspError::NotSuccessful(status_name(status)));
        }
        let wrapper = outer.expect(context_constructed(0))?;
        outer.finish()?;
        let mut fields = asn1::only(wrapper.reader(), SEQUENCE)?.reader();
        let kind = fields.expect(OBJECT_IDENTIFIER)?.content;
        if kind != oid::OCSP_BASIC.as_bytes() {
            return Err(OcspError::Type(dotted(kind)));
        }
        let basic = fields.octet_string()?;
        fields.finish()?;

        let mut fields = asn1::only(Reader::ber(&basic), SEQUENCE)?.reader();
        let signed = fields.expect(SEQUENCE)?;
        let algorithm = fields.expect(SEQUENCE)?.raw.to_vec();
        let signature = fields.expect(BIT_STRING)?.bit_octets()?.to_vec();
        let certificates = match fields.optional(context_constructed(0))? {
            Some(wrapper) => read_certificates(asn1::only(wrapper.reader(), SEQUENCE)?.reader())?,
            None => Vec::new(),
        };
        fields.finish()?;
        let data = Data::read(signed.reader())?;
        let lengths = asn1::check_lengths(&der).and_then(|()| asn1::check_lengths(&basic));
        let lengths = lengths.err().map(OcspError::Malformed);
        let unread = data.singles.iter().find_map(|single| single.unread.clone());
        let unread = unread.map(OcspError::Incomplete).or(data.unrecorded);
        Ok(Self {
            signed: signed.raw.to_vec(),
            algorithm,
            signature,
            responder: data.responder,
            produced_at: data.produced_at,
            singles: data.singles,
            certificates,
            unusable: data.unusable,
            unrecorded: unread.or(lengths),
            der,
        })
    }
}

const fn status_name(status: u32) -> &'static str {
    match status {
        1 => "malformedRequest",
        2 => "internalError",
        3 => "tryLater",
        5 => "sigRequired",
        6 => "unauthorized",
        _ => "unknown",
    }
}

fn read_certificates(mut elements: Reader<'_>) -> Result<Vec<Arc<Certificate>>, OcspError> {
    let mut certificates = Vec::new();
    while let Some(element) = elements.next()? {
        if certificates.len() < CERTIFICATES_MAX {
            certificates.extend(Certificate::from_der(element.raw).ok().map(Arc::new));
        }
    }
    Ok(certificates)
}

/// ResponseData.
struct Data {
    responder: ResponderId,
    produced_at: Time,
    singles: Vec<Single>,
    unusable: Option<OcspError>,
    unrecorded: Option<OcspError>,
}

impl Data {
    fn read(mut fields: Reader<'_>) -> Result<Self, OcspError> {
        if let Some(version) = fields.optional(context_constructed(0))? {
            let version = asn1::only(version.reader(), INTEGER)?.unsigned()?;
            if version != 0 {
                return Err(OcspError::Version(version.saturating_add(1)));
            }
        }
        let responder = match fields.next()? {
            Some(field) if field.tag == context_constructed(1) => {
                let name = asn1::only(field.reader(), SEQUENCE)?;
                ResponderId::Name(Name::from_der(name.raw)?)
            }
            Some(field) if field.tag == context_constructed(2) => {
                ResponderId::KeyHash(asn1::only(field.reader(), OCTET_STRING)?.content.to_vec())
            }
            _ => {
                return Err(
                    Asn1Error::Value("responderID is neither a name nor a key hash").into(),
                );
            }
        };
        let produced_at = status_time::read(&mut fields)?;
        let mut elements = fields.expect(SEQUENCE)?.reader();
        let mut singles = Vec::new();
        while let Some(element) = elements.next()? {
            singles.push(Single::read(&element));
        }
        let extensions = fields.optional(context_constructed(1))?;
        fields.finish()?;
        let (unusable, unrecorded) = match extensions.map(|wrapper| look_at_extensions(&wrapper)) {
            Some(Err(error)) => (Some(error), None),
            Some(Ok(unrecorded)) => (None, unrecorded),
            None => (None, None),
        };
        Ok(Self {
            responder,
            produced_at,
            singles,
            unusable,
            unrecorded,
        })
    }
}

/// Whether the extensions allow the response to be used; and if so, why it has no record, if it has
/// none.
fn look_at_extensions(wrapper: &Element<'_>) -> Result<Option<OcspError>, OcspError> {
    let all = status_extension::read_all(asn1::only(wrapper.reader(), SEQUENCE)?.reader())?;
    let known = |name: &[u8]| HARMLESS.iter().any(|known| known.as_bytes() == name);
    let mut critical = all.iter().filter(|it| it.critical);
    let error = |name| OcspError::CriticalExtension(dotted(name));
    if let Some(unknown) = critical.clone().find(|it| !known(it.name)) {
        return Err(error(unknown.name));
    }
    let nonce = critical.find(|it| it.name == oid::OCSP_NONCE.as_bytes());
    Ok(nonce.map(|nonce| error(nonce.name)))
}
