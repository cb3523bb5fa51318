//! For which CAs a response speaks, CA by CA.

use std::sync::Arc;

use super::responder::Responder;
use super::single::{Answered, Single};
use super::verified::Parts;
use super::{OcspError, OcspResponse, VerifiedOcsp};
use crate::certificate::Certificate;
use crate::crl::validity_of;
use crate::hash::sha256;
use crate::path::{Anchors, PathRules, find_path};
use crate::record::{Body, Moment, OcspBody, Record};
use crate::work::Work;

/// The answers about certificates of one CA, verified, or why they are not accepted.
pub(crate) type Part = (Answered, Result<VerifiedOcsp, OcspError>);

impl OcspResponse {
    /// Verifies that the registered CA of the certificates answered, or a responder for it.
    ///
    /// # Errors
    /// [`OcspError`]: the first rule that the response, its responder or the responder's path does
    /// not keep.
    pub fn verify(self, anchors: &Anchors) -> Result<VerifiedOcsp, OcspError> {
        self.verify_within(anchors, &mut Work::new())
    }

    /// Verifies as [`OcspResponse::verify`] does, and charges `work`.
    pub(crate) fn verify_within(
        self,
        anchors: &Anchors,
        work: &mut Work,
    ) -> Result<VerifiedOcsp, OcspError> {
        let unread = self.unrecorded.clone();
        let mut parts = self.parts(anchors, &[], work);
        match (parts.pop(), parts.is_empty(), unread) {
            (None, ..) => Err(OcspError::IssuerUnknown),
            (Some((_, verified)), true, _) => verified,
            (Some(_), false, Some(unread)) => Err(unread),
            (Some(_), false, None) => Err(OcspError::SeveralIssuers),
        }
    }

    /// Verifies the answers about certificates of each CA, with `others` known besides, such as the
    /// CAs of the path of an artifact.
    pub(crate) fn verify_among(self, anchors: &Anchors, others: &[Arc<Certificate>]) -> Vec<Part> {
        self.parts(anchors, others, &mut Work::new())
    }

    fn parts(self, anchors: &Anchors, others: &[Arc<Certificate>], work: &mut Work) -> Vec<Part> {
        let response = Arc::new(self);
        let mut rest = response.singles.clone();
        if let Some(error) = &response.unusable {
            return vec![(Answered(rest), Err(error.clone()))];
        }
        let mut parts = Vec::new();
        let known = || {
            let known = anchors.known().chain(others);
            known.filter(|known| anchors.is_ca(known))
        };
        for ca in known() {
            let is_of = |single: &Single| single.issuer.as_ref().is_some_and(|id| id.is(ca));
            let (own, others_own) = rest.into_iter().partition(is_of);
            rest = others_own;
            if !own.is_empty() {
                // Several certificates of one name and key: any of them may have the path.
                let same = known().filter(|other| {
                    other.key_hash() == ca.key_hash() && other.subject_name() == ca.subject_name()
                });
                let own = Answered(own);
                let verified = response.verify_for(same, &own, anchors, others, work);
                parts.push((own, verified));
            }
        }
        if !rest.is_empty() {
            let is_told = rest.iter().any(|single| single.issuer.is_some());
            let unread = rest.iter().find_map(|single| single.unread.clone());
            let error = match unread.filter(|_| !is_told) {
                Some(unread) => OcspError::Incomplete(unread),
                None => OcspError::IssuerUnknown,
            };
            parts.push((Answered(rest), Err(error)));
        }
        parts
    }

    fn verify_for<'a>(
        self: &Arc<Self>,
        certificates: impl Iterator<Item = &'a Arc<Certificate>>,
        answered: &Answered,
        anchors: &Anchors,
        others: &[Arc<Certificate>],
        work: &mut Work,
    ) -> Result<VerifiedOcsp, OcspError> {
        let mut reason = OcspError::IssuerUnknown;
        for issuer in certificates {
            match self.verify_by(issuer, answered, anchors, others, work) {
                Ok(verified) => return Ok(verified),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    fn verify_by(
        self: &Arc<Self>,
        issuer: &Arc<Certificate>,
        answered: &Answered,
        anchors: &Anchors,
        others: &[Arc<Certificate>],
        work: &mut Work,
    ) -> Result<VerifiedOcsp, OcspError> {
        let carried = [self.certificates.as_slice(), others].concat();
        let (responder, more_responders) = self.find_responders(issuer, &carried, anchors, work)?;
        let rules = PathRules::plain(validity_of(issuer, anchors, self.produced_at));
        let path = find_path(issuer, &carried, anchors, &rules, work)?;
        Ok(VerifiedOcsp::new(Parts {
            record: self.record(issuer, &responder, answered),
            response: self.clone(),
            answered: answered.clone(),
            issuer_key_hash: issuer.key_hash(),
            path,
            responder,
            more_responders,
        }))
    }

    fn record(
        &self,
        issuer: &Certificate,
        responder: &Responder,
        answered: &Answered,
    ) -> Result<Record, OcspError> {
        if let Some(error) = &self.unrecorded {
            return Err(error.clone());
        }
        if answered.0.len() != self.singles.len() {
            return Err(OcspError::SeveralIssuers);
        }
        let answers = answered.0.iter().filter_map(|single| single.answer.clone());
        let body = OcspBody::new(
            issuer.key_hash(),
            responder.certificate.key_hash(),
            sha256(&self.der),
            Moment::new("produced_at", self.produced_at)?,
            answers.collect(),
        )?;
        Ok(Body::Ocsp(body).into())
    }
}
