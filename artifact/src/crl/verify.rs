//! Verifies that a list was signed by a CA that is registered or came with the artifact, and that
//! the CA may sign it.
//!
//! The certificate of the signer of a list is validated as any other (RFC 5280 6.3.3 (f)): it has a
//! path to an anchor through CAs, all of them valid at thisUpdate, with every rule of paths. Every
//! certificate of that name is tried, so that neither another key of that name nor a broken path
//! hides a good one.

use std::collections::HashSet;
use std::sync::Arc;

use super::entries::{EntryIssuer, names};
use super::verified::EntryIssuers;
use super::{Crl, CrlError, Extensions, VerifiedCrl};
use crate::asn1::{self, Reader, SEQUENCE};
use crate::certificate::Certificate;
use crate::certificate_extension::KeyUsage;
use crate::general_name::{GeneralName, has_directory_name};
use crate::hash::sha256;
use crate::name::Name;
use crate::path::{Anchors, Path, PathError, PathRules, Validity, find_path};
use crate::record::{Body, CrlBody, Moment, Opaque, Record};
use crate::signature::{Algorithm, Scheme};
use crate::time::Time;
use crate::work::{Exhausted, SIGNATURE, Work};

/// CAs that one indirect list may speak for: each is looked for among all known ones.
const ENTRY_ISSUERS_MAX: usize = 256;

impl Crl {
    /// Verifies that a registered CA signed the list, and that the CA has a path to an anchor.
    ///
    /// # Errors
    /// [`CrlError`]: the first rule that the list, its signer or the signer's path does not keep.
    pub fn verify(self, anchors: &Anchors) -> Result<VerifiedCrl, CrlError> {
        self.verify_among(anchors, &[])
    }

    /// Verifies that a known CA signed the list, as [`Self::verify`] does; `others` are further
    /// known certificates, such as the CAs of the path of an artifact.
    ///
    /// # Errors
    /// [`CrlError`]: the first rule that the list, its signer or the signer's path does not keep.
    pub fn verify_among(
        self,
        anchors: &Anchors,
        others: &[Arc<Certificate>],
    ) -> Result<VerifiedCrl, CrlError> {
        self.verify_within(anchors, others, &mut Work::new())
    }

    /// Verifies as [`Crl::verify`] does, and charges `work`.
    pub(crate) fn verify_within(
        self,
        anchors: &Anchors,
        others: &[Arc<Certificate>],
        work: &mut Work,
    ) -> Result<VerifiedCrl, CrlError> {
        let extensions = self.extensions.clone()?;
        let (signer, path, more_paths) = self.find_signers(anchors, others, work)?;
        let (entry_issuers, unresolved) = self.entry_issuers(&signer, anchors);
        let unrecorded = self.unrecorded.clone().or(unresolved);
        let record = match unrecorded {
            Some(error) => Err(error),
            None => self.record(&extensions, signer.key_hash()),
        };
        Ok(VerifiedCrl {
            digest: sha256(&self.der),
            issuer_key_hash: signer.key_hash(),
            extensions,
            record,
            path,
            more_paths,
            entry_issuers,
            crl: self,
        })
    }

    /// A certificate with the key that signed the list, its path, and the paths of others with that
    /// key.
    fn find_signers(
        &self,
        anchors: &Anchors,
        others: &[Arc<Certificate>],
        work: &mut Work,
    ) -> Result<(Arc<Certificate>, Path, Vec<Path>), CrlError> {
        let wrong = |source| CrlError::Signature {
            issuer: self.issuer.to_string(),
            source,
        };
        let outer = asn1::only(Reader::ber(&self.algorithm), SEQUENCE)?;
        let scheme = Scheme::read(&Algorithm::read(outer.reader())?, None).map_err(wrong)?;
        let message = self.der.get(self.tbs.clone()).unwrap_or_default();
        let mut found: Option<(Arc<Certificate>, Path, Vec<Path>)> = None;
        let mut reason = CrlError::IssuerUnknown {
            issuer: self.issuer.to_string(),
        };
        let weak = anchors.weak_at(self.this_update);
        let candidates = anchors.known().chain(others);
        for signer in candidates.filter(|known| may_sign(known, &self.issuer, anchors)) {
            let paid = work.spend(SIGNATURE);
            paid.map_err(|Exhausted| PathError::Limit)?;
            let verified = signer
                .public_key(weak)
                .and_then(|key| key.verify(scheme, message, &self.signature, weak));
            if let Err(source) = verified {
                // That a key signed and has no valid path says more than that another key did not
                // sign.
                if !matches!(reason, CrlError::Path(_)) {
                    reason = wrong(source);
                }
                continue;
            }
            let rules = PathRules::plain(validity_of(signer, anchors, self.this_update));
            let path = find_path(signer, others, anchors, &rules, work);
            match (path, &mut found) {
                (Ok(path), Some((_, _, more))) => more.push(path),
                (Ok(path), None) => found = Some((signer.clone(), path, Vec::new())),
                (Err(error), _) => reason = error.into(),
            }
        }
        found.ok_or(reason)
    }

    /// The key hash of each certificateIssuer that an indirect list names, by the octets that name
    /// it, and the first that cannot be read, or has none or several.
    fn entry_issuers(
        &self,
        signer: &Certificate,
        anchors: &Anchors,
    ) -> (EntryIssuers, Option<CrlError>) {
        let mut issuers = EntryIssuers::new();
        let mut unresolved = None;
        let mut walk = self.walk();
        while let Ok(Some(entry)) = walk.step() {
            let EntryIssuer::Named(issuer) = entry.issuer else {
                continue;
            };
            if issuers.contains_key(issuer) {
                continue;
            }
            if issuers.len() >= ENTRY_ISSUERS_MAX {
                let limit = CrlError::Scope("it is indirect and speaks for more than 256 CAs");
                return (issuers, Some(unresolved.unwrap_or(limit)));
            }
            let named = names(issuer);
            let keys = keys_of(named.as_deref().unwrap_or_default(), signer, anchors);
            let only = keys.iter().next().filter(|_| keys.len() == 1).copied();
            if only.is_none() && unresolved.is_none() {
                let mut shown = named.iter().flatten().filter_map(GeneralName::directory);
                unresolved = Some(CrlError::EntryIssuer {
                    issuer: shown.next().map(Name::to_string).unwrap_or_default(),
                    found: keys.len(),
                });
            }
            issuers.insert(issuer.to_vec(), only);
        }
        (issuers, unresolved)
    }

    fn record(
        &self,
        extensions: &Extensions,
        issuer_key_hash: [u8; 32],
    ) -> Result<Record, CrlError> {
        let optional =
            |field, time: Option<Time>| time.map(|time| Moment::new(field, time)).transpose();
        Ok(Body::Crl(CrlBody {
            issuer_key_hash,
            digest: sha256(&self.der),
            number: Opaque::new("number", extensions.number.as_slice())?,
            base_number: Opaque::new("base_number", extensions.base_number.as_slice())?,
            scope: extensions.scope()?,
            this_update: Moment::new("this_update", self.this_update)?,
            next_update: optional("next_update", self.next_update)?,
            expired_certs_on: optional("expired_certs_on", extensions.expired_certs_on)?,
            count: self.count,
        })
        .into())
    }
}

/// When the certificates of a signer's path have to be valid: when it signed. A self-signed anchor
/// is trusted as such, whatever it says about its own validity.
pub(crate) fn validity_of(signer: &Certificate, anchors: &Anchors, signed_at: Time) -> Validity {
    if anchors.is_anchor(signer) {
        Validity::NotAsked
    } else {
        Validity::At(signed_at)
    }
}

/// Whether a certificate has the issuer's name and may sign lists (RFC 5280 6.3.3 (f)): keyUsage
/// says so, or there is no keyUsage and it is a CA's. The signer of an indirect list need not be a
/// CA.
fn may_sign(certificate: &Certificate, issuer: &Name, anchors: &Anchors) -> bool {
    let by_usage = certificate.facts().key_usage.map(KeyUsage::crl_sign);
    certificate.subject_name() == issuer && by_usage.unwrap_or_else(|| anchors.is_ca(certificate))
}

/// The keys of the CAs that have one of these names: the signer's own, or of those that are known.
fn keys_of(names: &[GeneralName], signer: &Certificate, anchors: &Anchors) -> HashSet<[u8; 32]> {
    let is_named =
        |certificate: &Certificate| has_directory_name(names, certificate.subject_name());
    if is_named(signer) {
        return HashSet::from([signer.key_hash()]);
    }
    let known = anchors.known();
    let issuing = known.filter(|known| known.is_ca() && is_named(known));
    issuing.map(|known| known.key_hash()).collect()
}
