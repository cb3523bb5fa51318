//! The authorised signers of a response (RFC 6960 4.2.2.2): the CA itself, a responder that it
//! authorised, or one that the caller trusts.
//!
//! A responder's certificate is validated as any other, at producedAt: a path to an anchor through
//! the key of the CA itself, every rule of paths, extendedKeyUsage OCSPSigning (anyExtendedKeyUsage
//! is not enough), and a keyUsage, if it has one, for signatures. Callers that have lists and
//! responses ask whether it was revoked ([`crate::history`]); id-pkix-ocsp-nocheck does not spare a
//! responder that the CA has revoked, it only says that there is no need to ask. A CA that answers
//! itself needs no digitalSignature: many CAs answer without it.
//!
//! A responder that the caller trusts (4.2.2.2 (1), [`Anchors::with_responders`]) is believed about
//! certificates of every CA that is known. It needs no path and no OCSPSigning; it has to be valid
//! at producedAt, and a key that its certificate restricts to other purposes is not used.

use std::sync::Arc;

use super::{OcspError, OcspResponse, ResponderId};
use crate::asn1::{self, Reader, SEQUENCE};
use crate::certificate::Certificate;
use crate::hash::HashAlgorithm;
use crate::oid;
use crate::path::{self, Anchors, PathError, PathRules, Validity, find_path, is_name_of};
use crate::signature::{Algorithm, Scheme, SignatureError};
use crate::work::{Exhausted, SIGNATURE, Work};

/// The authority on which a responder answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authority {
    /// It is the CA.
    Ca,
    /// The CA issued its certificate for the purpose.
    Delegate,
    /// The caller trusts it.
    Caller,
}

/// A certificate with the key that signed.
#[derive(Clone, Debug)]
pub(super) struct Responder {
    pub(super) certificate: Arc<Certificate>,
    pub(super) authority: Authority,
}

impl OcspResponse {
    /// Certificates of the signer, and further known ones of the same key.
    pub(super) fn find_responders(
        &self,
        issuer: &Arc<Certificate>,
        carried: &[Arc<Certificate>],
        anchors: &Anchors,
        work: &mut Work,
    ) -> Result<(Responder, Vec<Responder>), OcspError> {
        let outer = asn1::only(Reader::ber(&self.algorithm), SEQUENCE)?;
        let scheme = Scheme::read(&Algorithm::read(outer.reader())?, None)?;
        let mut reason = OcspError::ResponderUnknown {
            issuer: issuer.subject(),
        };
        let mut found: Option<(Responder, Vec<Responder>)> = None;
        let known = anchors
            .responders()
            .iter()
            .chain(carried)
            .chain(anchors.known());
        let weak = anchors.weak_at(self.produced_at);
        let candidates = core::iter::once(issuer).chain(known);
        for certificate in candidates.filter(|candidate| self.is_responder(candidate)) {
            let paid = work.spend(SIGNATURE);
            paid.map_err(|Exhausted| PathError::Limit)?;
            let verified = certificate
                .public_key(weak)
                .and_then(|key| key.verify(scheme, &self.signed, &self.signature, weak));
            if let Err(error) = verified {
                // That a key signed which may not says more than that another did not.
                if matches!(reason, OcspError::ResponderUnknown { .. }) {
                    reason = error.into();
                }
                continue;
            }
            match self.authority_of(certificate, issuer, carried, anchors, work) {
                Ok(authority) => {
                    let responder = Responder {
                        certificate: certificate.clone(),
                        authority,
                    };
                    match &mut found {
                        Some((_, more)) => more.push(responder),
                        None => found = Some((responder, Vec::new())),
                    }
                }
                Err(error) => reason = error,
            }
        }
        found.ok_or(reason)
    }

    fn is_responder(&self, certificate: &Certificate) -> bool {
        match &self.responder {
            ResponderId::Name(name) => certificate.subject_name() == name,
            ResponderId::KeyHash(hash) => {
                certificate.key_digest(HashAlgorithm::Sha1).as_ref() == Some(hash)
            }
        }
    }

    fn authority_of(
        &self,
        responder: &Arc<Certificate>,
        issuer: &Arc<Certificate>,
        carried: &[Arc<Certificate>],
        anchors: &Anchors,
        work: &mut Work,
    ) -> Result<Authority, OcspError> {
        if responder.key_hash() == issuer.key_hash() {
            return Ok(Authority::Ca);
        }
        if anchors
            .responders()
            .iter()
            .any(|it| it.digest() == responder.digest())
        {
            self.check_dates(responder)?;
            check_usage(responder)?;
            path::check_fields(responder).map_err(OcspError::ResponderPath)?;
            return Ok(Authority::Caller);
        }
        let unknown = || OcspError::ResponderUnknown {
            issuer: issuer.subject(),
        };
        if !is_name_of(responder, issuer) {
            return Err(unknown());
        }
        let verified = anchors.verify_link_within(responder, issuer, work);
        verified
            .map_err(|Exhausted| PathError::Limit)?
            .map_err(|error| match error {
                // Another CA's certificate of the same name says nothing; a weak one says why.
                SignatureError::Invalid => unknown(),
                error => error.into(),
            })?;
        let purposes = &responder.facts().extended_key_usage;
        if !purposes.contains(&oid::KP_OCSP_SIGNING) {
            return Err(OcspError::ResponderPurpose {
                subject: responder.subject(),
                why: "lacks extendedKeyUsage OCSPSigning",
            });
        }
        self.check_dates(responder)?;
        check_usage(responder)?;
        let carried = [core::slice::from_ref(issuer), carried].concat();
        let rules = PathRules::plain(Validity::At(self.produced_at));
        find_path(responder, &carried, anchors, &rules, work).map_err(OcspError::ResponderPath)?;
        Ok(Authority::Delegate)
    }

    fn check_dates(&self, responder: &Certificate) -> Result<(), OcspError> {
        let validity = responder.not_before()..=responder.not_after();
        if validity.contains(&self.produced_at) {
            return Ok(());
        }
        Err(OcspError::ResponderValidity {
            subject: responder.subject(),
            at: self.produced_at,
        })
    }
}

/// Whether the certificate restricts its key to something else (RFC 5280 4.2.1.3 and 4.2.1.12).
fn check_usage(responder: &Certificate) -> Result<(), OcspError> {
    let facts = responder.facts();
    let wrong = |why| {
        Err(OcspError::ResponderPurpose {
            subject: responder.subject(),
            why,
        })
    };
    let signs = facts
        .key_usage
        .is_none_or(|usage| usage.digital_signature() || usage.non_repudiation());
    if !signs {
        return wrong("has a keyUsage without digitalSignature and nonRepudiation");
    }
    let purposes = &facts.extended_key_usage;
    let allowed = purposes.is_empty()
        || purposes.contains(&oid::KP_OCSP_SIGNING)
        || purposes.contains(&oid::ANY_EXTENDED_KEY_USAGE);
    if !allowed {
        return wrong("has an extendedKeyUsage without OCSPSigning");
    }
    Ok(())
}
