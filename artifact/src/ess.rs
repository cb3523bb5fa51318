//! Finds the certificate that signed: the signer identifier, and the ESS attributes that bind it.
//!
//! The identifier of a SignerInfo is not signed and names an issuer and a serial only; a
//! certificate reissued under the same key and serial would fit it. So ESS (RFC 2634, RFC 5035; RFC
//! 5816 for tokens) puts the certificate's hash under the signature, as signingCertificate (SHA-1)
//! or signingCertificateV2. One of them must be there; if both are, both must fit.

use std::sync::Arc;

use crate::asn1::{self, Asn1Error, INTEGER, OCTET_STRING, Reader, SEQUENCE};
use crate::certificate::Certificate;
use crate::cms::{SignedData, SignerIdentifier};
use crate::general_name::{GeneralName, has_directory_name};
use crate::hash::{HashAlgorithm, HashError};
use crate::name::Name;
use crate::oid;
use crate::path::Anchors;
use crate::signature::Algorithm;

/// Why it is not known which certificate signed. `TokenError` gives it a text.
pub(crate) enum EssError {
    /// An attribute cannot be read.
    Attribute {
        attribute: &'static str,
        source: Asn1Error,
    },
    /// Its hash is not accepted.
    Hash(HashError),
    /// There is no attribute.
    Missing,
    /// The certificate that fits the identifier is not the one that the attribute names.
    Mismatch {
        attribute: &'static str,
        subject: String,
    },
    /// No certificate fits the identifier.
    SignerUnknown,
}

impl From<HashError> for EssError {
    fn from(error: HashError) -> Self {
        Self::Hash(error)
    }
}

/// The first ESSCertID or ESSCertIDv2 of an attribute: which certificate signed.
pub(crate) struct EssBinding {
    attribute: &'static str,
    pub(crate) algorithm: HashAlgorithm,
    pub(crate) hash: Vec<u8>,
    issuer_serial: Option<(Vec<GeneralName>, Vec<u8>)>,
}

impl EssBinding {
    /// Version 1 first, version 2 last: the last one goes into the record.
    pub(crate) fn read_all(signed: &SignedData) -> Result<Vec<Self>, EssError> {
        let mut bindings = Vec::new();
        for (attribute, oid) in [
            ("signingCertificate", oid::SIGNING_CERTIFICATE),
            ("signingCertificateV2", oid::SIGNING_CERTIFICATE_V2),
        ] {
            if let Some(value) = signed.attribute(&oid) {
                bindings.push(Self::read(attribute, value)?);
            }
        }
        if bindings.is_empty() {
            Err(EssError::Missing)
        } else {
            Ok(bindings)
        }
    }

    fn read(attribute: &'static str, value: &[u8]) -> Result<Self, EssError> {
        let at = |source| EssError::Attribute { attribute, source };
        let mut outer = asn1::only(Reader::der(value), SEQUENCE)
            .map_err(at)?
            .reader();
        let mut certificates = outer.expect(SEQUENCE).map_err(at)?.reader();
        let mut first = certificates.expect(SEQUENCE).map_err(at)?.reader();
        let algorithm = if attribute == "signingCertificate" {
            HashAlgorithm::Sha1
        } else {
            match first.optional(SEQUENCE).map_err(at)? {
                Some(named) => {
                    let named = Algorithm::read(named.reader()).map_err(at)?;
                    HashAlgorithm::from_oid_octets(named.oid)?
                }
                None => HashAlgorithm::Sha256,
            }
        };
        let hash = first.expect(OCTET_STRING).map_err(at)?.content.to_vec();
        let issuer_serial = match first.optional(SEQUENCE).map_err(at)? {
            Some(pair) => {
                let mut pair = pair.reader();
                let names = pair.expect(SEQUENCE).map_err(at)?;
                let serial = pair.expect(INTEGER).map_err(at)?.content.to_vec();
                let names = GeneralName::read_all(names.reader()).map_err(at)?;
                Some((names, serial))
            }
            None => None,
        };
        first.finish().map_err(at)?;
        Ok(Self {
            attribute,
            algorithm,
            hash,
            issuer_serial,
        })
    }

    fn names(&self, certificate: &Certificate) -> bool {
        let issuer_fits = |(names, serial): &(Vec<GeneralName>, Vec<u8>)| {
            serial == certificate.serial() && has_directory_name(names, certificate.issuer_name())
        };
        self.algorithm.digest(certificate.der()) == self.hash
            && self.issuer_serial.as_ref().is_none_or(issuer_fits)
    }
}

/// The certificate that fits the signer identifier and every ESS attribute.
pub(crate) fn find_signer(
    signed: &SignedData,
    ess: &[EssBinding],
    anchors: &Anchors,
) -> Result<Arc<Certificate>, EssError> {
    let mut mismatch = EssError::SignerUnknown;
    let fitting = signed.certificates.iter().chain(anchors.known());
    for certificate in fitting.filter(|certificate| is_identified(&signed.signer, certificate)) {
        match ess.iter().find(|binding| !binding.names(certificate)) {
            None => return Ok(certificate.clone()),
            Some(binding) => {
                let (attribute, subject) = (binding.attribute, certificate.subject());
                mismatch = EssError::Mismatch { attribute, subject };
            }
        }
    }
    Err(mismatch)
}

fn is_identified(signer: &SignerIdentifier, certificate: &Certificate) -> bool {
    match signer {
        SignerIdentifier::IssuerAndSerial { issuer, serial } => {
            serial == certificate.serial()
                && (issuer == certificate.issuer_name().der()
                    || Name::from_der(issuer).is_ok_and(|name| name == *certificate.issuer_name()))
        }
        SignerIdentifier::SubjectKeyIdentifier(identifier) => {
            certificate.facts().subject_key_identifier.as_ref() == Some(identifier)
        }
    }
}
