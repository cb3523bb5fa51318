//! Verified answers of a CA, and what they say about one certificate.

use std::sync::Arc;

use super::responder::{Authority, Responder};
use super::single::Single;
use super::{Answered, OcspError, OcspResponse};
use crate::asn1::{self, Reader, SEQUENCE};
use crate::certificate::Certificate;
use crate::hash::{HashAlgorithm, sha256};
use crate::path::{Path, is_name_of};
use crate::record::{OcspAnswer, OcspStatus, Record, Revocation};
use crate::rules::Primitive;
use crate::signature::{Algorithm, Scheme};
use crate::status::worst;
use crate::time::Time;
use crate::weak::WeakAlgorithms;

/// A response that the CA, or a responder for it, signed: its answers about certificates of that
/// CA.
#[derive(Clone, Debug)]
pub struct VerifiedOcsp(Parts);

#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) response: Arc<OcspResponse>,
    /// Those about certificates of the CA.
    pub(super) answered: Answered,
    pub(super) record: Result<Record, OcspError>,
    pub(super) issuer_key_hash: [u8; 32],
    pub(super) path: Path,
    pub(super) responder: Responder,
    /// Other certificates with the key that signed.
    pub(super) more_responders: Vec<Responder>,
}

/// The statement of one answer about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerAbout {
    /// The answer; `None` if it cannot be read.
    pub answer: Option<OcspAnswer>,
    /// The revocation that it states.
    pub revocation: Option<Revocation>,
    /// The part that cannot be read or does not fit, in English.
    pub unclear: Option<String>,
}

impl VerifiedOcsp {
    pub(super) const fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Every algorithm that its signature, its responder's and its issuer's certificates rest on.
    ///
    /// # Errors
    /// [`OcspError`], if one of them cannot be named.
    pub fn primitives(&self) -> Result<Vec<Primitive>, OcspError> {
        let outer = asn1::only(Reader::ber(&self.0.response.algorithm), SEQUENCE)?;
        let scheme = Scheme::read(&Algorithm::read(outer.reader())?, None)?;
        let mut all: Vec<Primitive> = scheme.hash().map(Primitive::Hash).into_iter().collect();
        let Responder {
            certificate,
            authority,
        } = &self.0.responder;
        all.push(certificate.public_key(WeakAlgorithms::ALL)?.primitive());
        if let Some(issuer) = self.0.path.certificates().first()
            && *authority == Authority::Delegate
        {
            all.extend(certificate.primitives(issuer)?);
        }
        all.extend(self.0.path.primitives()?);
        Ok(all)
    }

    /// The response's own log entry, which follows its revocations. A response without a record can
    /// still be used.
    ///
    /// # Errors
    /// [`OcspError`]: why the response has no record.
    pub const fn record(&self) -> Result<&Record, &OcspError> {
        self.0.record.as_ref()
    }

    /// SHA-256 of the response's DER.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0.response.der)
    }

    /// The response's octets.
    pub fn der(&self) -> &[u8] {
        &self.0.response.der
    }

    /// producedAt.
    pub fn produced_at(&self) -> Time {
        self.0.response.produced_at
    }

    /// The CA's certificate first, anchor last.
    pub const fn path(&self) -> &Path {
        &self.0.path
    }

    /// Certificate of the signer: the CA's, an authorised responder's, or that of a responder that
    /// the caller trusts.
    pub fn responder(&self) -> &Certificate {
        &self.0.responder.certificate
    }

    /// Whether the responder is one whom the caller trusts itself.
    pub fn is_by_trusted_responder(&self) -> bool {
        self.0.responder.authority == Authority::Caller
    }

    /// All certificates that are known with the key that signed, but for the CA's own: each with
    /// its path from the CA to the anchor; no path if the caller trusts it.
    pub(crate) fn delegates(&self) -> impl Iterator<Item = (&Certificate, &[Arc<Certificate>])> {
        let all = core::iter::once(&self.0.responder).chain(&self.0.more_responders);
        all.filter_map(|responder| match responder.authority {
            Authority::Ca => None,
            Authority::Delegate => Some((&*responder.certificate, self.0.path.certificates())),
            Authority::Caller => Some((&*responder.certificate, &[][..])),
        })
    }

    /// SHA-256 of the value of the CA's subjectPublicKey.
    pub const fn issuer_key_hash(&self) -> [u8; 32] {
        self.0.issuer_key_hash
    }

    pub(crate) const fn answered(&self) -> &Answered {
        &self.0.answered
    }

    /// The answers that can be read, in the response's order.
    pub fn answers(&self) -> impl Iterator<Item = &OcspAnswer> {
        self.0
            .answered
            .0
            .iter()
            .filter_map(|single| single.answer.as_ref())
    }

    /// The revocations that it states, as statements.
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> + '_ {
        let singles = self.0.answered.0.iter();
        singles.filter_map(|single| single.statement(self.0.issuer_key_hash))
    }

    /// Everything that it says about `certificate`, in the response's order: a certificate may be
    /// answered about several times, by this and that hash of its CA.
    pub fn about(&self, certificate: &Certificate) -> Vec<AnswerAbout> {
        let issuer = self.0.path.certificates().first();
        let is_ours = issuer.is_some_and(|issuer| is_name_of(certificate, issuer));
        let singles = self.0.answered.0.iter();
        let singles = singles.filter(|single| {
            is_ours && single.may_be_about(certificate, issuer.map(AsRef::as_ref))
        });
        singles
            .filter_map(|single| self.what_it_says(single, certificate))
            .collect()
    }

    fn what_it_says(&self, single: &Single, certificate: &Certificate) -> Option<AnswerAbout> {
        let mut about = AnswerAbout {
            answer: single.answer.clone(),
            revocation: single.statement(self.0.issuer_key_hash),
            unclear: single.unread.clone(),
        };
        if about
            .answer
            .as_ref()
            .is_some_and(|answer| is_of_another(answer, certificate))
        {
            // "Good" of another certificate with this serial is not about this one. That the CA
            // revoked a serial which it gave twice may be.
            about.revocation.as_ref()?;
            about.answer = None;
            about.revocation = None;
            about.unclear =
                Some("it revokes this serial, with the hash of another certificate".to_owned());
        }
        Some(about)
    }

    /// The worst answer about `certificate`: "revoked" before "unknown" before "good".
    pub fn answer_for(&self, certificate: &Certificate) -> Option<OcspAnswer> {
        let answers = self.about(certificate).into_iter();
        let answers = answers.filter_map(|about| about.answer);
        answers.max_by_key(|answer| match answer.status {
            OcspStatus::Revoked => 2,
            OcspStatus::Unknown => 1,
            OcspStatus::Good => 0,
        })
    }

    /// The worst revocation of `certificate` that it states; none unless an answer is "revoked".
    pub fn revocation_of(&self, certificate: &Certificate) -> Option<Revocation> {
        let about = self.about(certificate);
        worst(about.iter().filter_map(|about| about.revocation.as_ref())).cloned()
    }
}

/// Whether certHash (Common PKI) names another certificate.
fn is_of_another(answer: &OcspAnswer, certificate: &Certificate) -> bool {
    let (algorithm, hash) = &answer.cert_hash;
    let named = HashAlgorithm::from_oid_octets(algorithm.as_bytes());
    !hash.as_bytes().is_empty()
        && named.is_ok_and(|named| named.digest(certificate.der()) != hash.as_bytes())
}
