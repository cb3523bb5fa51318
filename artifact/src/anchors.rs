//! The certificates that a caller trusts and knows, and its rules for algorithms.
//!
//! Anchors are certificates that the caller trusts; intermediates are certificates that it knows,
//! such as those registered with a provider, and that vouch for nothing. Responders are trusted to
//! answer about revocation, and for nothing else.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::certificate::Certificate;
use crate::hash::sha256;
use crate::issuers::candidates;
use crate::key::PublicKey;
use crate::rules::{AlgorithmEnds, AlgorithmRules, Ended, Primitive};
use crate::signature::SignatureError;
use crate::time::Time;
use crate::weak::WeakAlgorithms;
use crate::work::{self, Exhausted, Work};

/// The certificates that a caller trusts and knows: an immutable snapshot, cheap to share behind an
/// `Arc`.
#[derive(Debug, Default)]
pub struct Anchors {
    trusted: Vec<Arc<Certificate>>,
    intermediates: Vec<Arc<Certificate>>,
    responders: Vec<Arc<Certificate>>,
    rules: AlgorithmRules,
    ends: AlgorithmEnds,
    /// The time at which the judged artifacts are proven to have existed; `None` if no algorithm
    /// ends.
    existed: Option<Time>,
    /// As of when the caller asked to judge, if it named a time.
    as_of: Option<Time>,
    memo: Option<Memo>,
}

/// A copy remembers nothing of what the first had verified.
impl Clone for Anchors {
    fn clone(&self) -> Self {
        let memo = self.memo.as_ref();
        Self {
            trusted: self.trusted.clone(),
            intermediates: self.intermediates.clone(),
            responders: self.responders.clone(),
            rules: self.rules,
            ends: self.ends.clone(),
            existed: self.existed,
            as_of: self.as_of,
            memo: memo.map(|memo| Memo {
                capacity: memo.capacity,
                verified: Mutex::default(),
            }),
        }
    }
}

impl Anchors {
    /// Trusts these certificates: CAs, or TSU certificates directly.
    pub fn from_certificates(certificates: impl IntoIterator<Item = Certificate>) -> Self {
        Self {
            trusted: certificates.into_iter().map(Arc::new).collect(),
            ..Self::default()
        }
    }

    /// Adds certificates that are known without being trusted.
    #[must_use]
    pub fn with_intermediates(
        mut self,
        certificates: impl IntoIterator<Item = Certificate>,
    ) -> Self {
        self.intermediates
            .extend(certificates.into_iter().map(Arc::new));
        self
    }

    /// Adds OCSP responders that the caller trusts directly (RFC 6960 4.2.2.2 (1)): their answers
    /// about certificates of every known CA are believed, and the issuer of their own certificates
    /// does not matter.
    #[must_use]
    pub fn with_responders(mut self, certificates: impl IntoIterator<Item = Certificate>) -> Self {
        self.responders
            .extend(certificates.into_iter().map(Arc::new));
        self
    }

    /// Remembers up to `capacity` (certificate, issuer key) pairs whose signature was verified, 32
    /// octets each, so that a TSU's chain is not verified anew for each of its tokens.
    #[must_use]
    pub fn with_memo(mut self, capacity: usize) -> Self {
        self.memo = Some(Memo {
            capacity,
            verified: Mutex::default(),
        });
        self
    }

    /// Judges algorithms by these dated rules.
    #[must_use]
    pub fn with_algorithm_rules(mut self, rules: AlgorithmRules) -> Self {
        self.rules = rules;
        // Remembered results were judged by other rules.
        self.memo = self.memo.map(|memo| Memo {
            capacity: memo.capacity,
            verified: Mutex::default(),
        });
        self
    }

    /// Judges artifacts that existed at `existed` by these ends of algorithms: the time of
    /// verification, or an earlier one that a renewal proves. Callers check them
    /// ([`Self::check_algorithms`]) once it is known when an artifact existed; parsing and
    /// admission do not.
    #[must_use]
    pub fn with_algorithm_ends(mut self, ends: AlgorithmEnds, existed: Time) -> Self {
        self.ends = ends;
        self.existed = Some(existed);
        self
    }

    /// Whether there are rules by which algorithms end.
    pub fn has_algorithm_ends(&self) -> bool {
        !self.ends.is_empty()
    }

    /// Whether this algorithm had ended by the time at which all is proven to have been there.
    pub fn is_expired(&self, primitive: Primitive) -> bool {
        self.check_algorithms(&[primitive], None).is_err()
    }

    /// Judges as of `as_of`, which the caller states: an artifact of a later time contradicts it.
    #[must_use]
    pub fn judging_as_of(mut self, as_of: Time) -> Self {
        self.as_of = Some(as_of);
        self
    }

    /// The time as of which artifacts are judged, if the caller stated one or there are rules by
    /// which algorithms end.
    pub fn judged_as_of(&self) -> Option<Time> {
        let by_rules = self.existed.filter(|_| self.has_algorithm_ends());
        [by_rules, self.as_of].into_iter().flatten().min()
    }

    /// Checks that algorithms counted when the artifact existed: at `proven`, or at the time at
    /// which everything existed anyway.
    ///
    /// # Errors
    /// [`Ended`]: an algorithm that had ended by that time.
    pub fn check_algorithms(
        &self,
        primitives: &[Primitive],
        proven: Option<Time>,
    ) -> Result<(), Ended> {
        match [proven, self.existed].into_iter().flatten().min() {
            Some(existed) if !self.ends.is_empty() => self.ends.check(primitives, existed),
            _ => Ok(()),
        }
    }

    /// The trusted certificates.
    pub fn anchors(&self) -> &[Arc<Certificate>] {
        &self.trusted
    }

    /// The certificates that are only known.
    pub fn intermediates(&self) -> &[Arc<Certificate>] {
        &self.intermediates
    }

    /// The OCSP responders that are trusted by themselves.
    pub fn responders(&self) -> &[Arc<Certificate>] {
        &self.responders
    }

    /// Whether a weak algorithm is allowed by a statement of the caller's that does not reach this
    /// far: the artifact says that it was made at `own`, which is later.
    pub fn is_beyond_word(&self, own: Time) -> bool {
        self.weak_at(own).later
    }

    /// The weak algorithms that are accepted for an artifact that says that it was made at `own`.
    pub(crate) fn weak_at(&self, own: Time) -> WeakAlgorithms {
        self.rules.weak_at(own)
    }

    /// Everything known, anchors first.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        self.trusted.iter().chain(&self.intermediates)
    }

    pub(crate) fn is_anchor(&self, certificate: &Certificate) -> bool {
        self.trusted
            .iter()
            .any(|anchor| anchor.digest() == certificate.digest())
    }

    /// Whether it may issue, as far as basicConstraints goes: certificates, lists and responses.
    /// RFC 5280 6.1: an anchor is a name and a key; one of a version that has no extensions cannot
    /// say that it is a CA.
    pub(crate) fn is_ca(&self, certificate: &Certificate) -> bool {
        let may_be_silent = !certificate.has_room_for_extensions();
        certificate.is_ca() || (may_be_silent && self.is_anchor(certificate))
    }

    /// Whether `issuer`'s key signed `certificate`.
    pub(crate) fn verify_link(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<(), SignatureError> {
        let pair = pair_of(certificate, issuer);
        match self.key_to_try(certificate, issuer, &pair)? {
            Some(key) => self.verify_by(certificate, &key, pair),
            None => Ok(()),
        }
    }

    /// Whether `issuer`'s key signed `certificate`. Charged to `work`; free if the key is of
    /// another kind, or if the answer is remembered.
    pub(crate) fn verify_link_within(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        work: &mut Work,
    ) -> Result<Result<(), SignatureError>, Exhausted> {
        let pair = pair_of(certificate, issuer);
        let key = match self.key_to_try(certificate, issuer, &pair) {
            Ok(Some(key)) => key,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        work.spend(work::SIGNATURE)?;
        Ok(self.verify_by(certificate, &key, pair))
    }

    /// The issuer's key, if it may sign as the certificate says it is signed; `None` if it is
    /// remembered that it did.
    fn key_to_try(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        pair: &[u8; 32],
    ) -> Result<Option<PublicKey>, SignatureError> {
        if self.memo.as_ref().is_some_and(|memo| memo.holds(pair)) {
            return Ok(None);
        }
        let weak = self.weak_at(certificate.not_before());
        let key = issuer.public_key(weak)?;
        key.may_sign_by(certificate.scheme()?, weak)?;
        Ok(Some(key))
    }

    fn verify_by(
        &self,
        certificate: &Certificate,
        key: &PublicKey,
        pair: [u8; 32],
    ) -> Result<(), SignatureError> {
        certificate.verify_signed_by(key, self.weak_at(certificate.not_before()))?;
        if let Some(memo) = &self.memo {
            memo.add(pair);
        }
        Ok(())
    }

    /// Key hash of the issuer of `certificate`: the next certificate in its path, itself, or any
    /// known one. `None` if the issuer's key is unknown, as for a directly trusted TSU certificate.
    pub(crate) fn issuer_key_hash(
        &self,
        certificate: &Certificate,
        next: Option<&Certificate>,
        carried: &[Arc<Certificate>],
        work: &mut Work,
    ) -> Option<[u8; 32]> {
        if let Some(next) = next {
            return Some(next.key_hash());
        }
        // An anchor is trusted as such: it does not matter that its own signature is an old one.
        if self.is_anchor(certificate)
            && certificate.is_self_issued()
            && let Ok(key) = certificate.public_key(WeakAlgorithms::ALL)
            && certificate
                .verify_signed_by(&key, WeakAlgorithms::ALL)
                .is_ok()
        {
            return Some(certificate.key_hash());
        }
        let mut signed = |issuer: &Certificate| {
            let verified = self.verify_link_within(certificate, issuer, work);
            matches!(verified, Ok(Ok(())))
        };
        if certificate.is_self_issued() && signed(certificate) {
            return Some(certificate.key_hash());
        }
        let known = self.known().chain(carried);
        let at = certificate.not_before();
        candidates(certificate, known, at, |_| false)
            .into_iter()
            .find(|issuer| signed(issuer))
            .map(|issuer| issuer.key_hash())
    }
}

/// The key under which the memory holds a signature on a certificate.
fn pair_of(certificate: &Certificate, issuer: &Certificate) -> [u8; 32] {
    let key = sha256(issuer.subject_public_key_info());
    sha256(&[certificate.digest(), key].concat())
}

#[derive(Debug)]
struct Memo {
    capacity: usize,
    verified: Mutex<HashSet<[u8; 32]>>,
}

impl Memo {
    fn holds(&self, pair: &[u8; 32]) -> bool {
        self.verified
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(pair)
    }

    /// A full memo is emptied: simpler than ageing, and a registry's chains refill it at once.
    fn add(&self, pair: [u8; 32]) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= self.capacity {
            verified.clear();
        }
        if self.capacity > 0 {
            verified.insert(pair);
        }
    }
}
