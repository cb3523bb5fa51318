//! A list whose signature was verified, and what it says about one certificate.

use std::collections::HashMap;

use super::entries::{EntryIssuer, names};
use super::{Crl, CrlError, Extensions, number_order};
use crate::asn1::{self, Reader, SEQUENCE};
use crate::certificate::Certificate;
use crate::general_name::has_directory_name;
use crate::name::Name;
use crate::path::Path;
use crate::record::{Record, Revocation, Scope};
use crate::rules::Primitive;
use crate::signature::{Algorithm, Scheme};
use crate::status::worst;
use crate::time::{LAST_LIST_NEXT_UPDATE, Time};
use crate::weak::WeakAlgorithms;

/// Key hashes of the CAs that an indirect list speaks for, where exactly one key is known.
pub(super) type EntryIssuers = HashMap<Vec<u8>, Option<[u8; 32]>>;

/// A list that a registered CA signed.
#[derive(Clone, Debug)]
pub struct VerifiedCrl {
    pub(super) crl: Crl,
    pub(super) extensions: Extensions,
    pub(super) digest: [u8; 32],
    pub(super) record: Result<Record, CrlError>,
    pub(super) issuer_key_hash: [u8; 32],
    pub(super) path: Path,
    /// Those of other certificates with the signer's key.
    pub(super) more_paths: Vec<Path>,
    pub(super) entry_issuers: EntryIssuers,
}

/// Everything that a list says about one certificate, in the list's order, since a serial may be
/// there several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AboutCertificate {
    /// The entries that name it. The key of its issuer is zeros where the list does not tell it.
    pub revocations: Vec<Revocation>,
    /// Why there may be another entry about it that was not understood.
    pub unclear: Option<String>,
}

impl VerifiedCrl {
    /// Every algorithm that its signature and its issuer's certificate rest on.
    ///
    /// # Errors
    /// [`CrlError`], if one of them cannot be named.
    pub fn primitives(&self) -> Result<Vec<Primitive>, CrlError> {
        let outer = asn1::only(Reader::ber(&self.crl.algorithm), SEQUENCE)?;
        let algorithm = Algorithm::read(outer.reader())?;
        let wrong = |source| CrlError::Signature {
            issuer: self.crl.issuer.to_string(),
            source,
        };
        let scheme = Scheme::read(&algorithm, None).map_err(wrong)?;
        let mut all: Vec<Primitive> = scheme.hash().map(Primitive::Hash).into_iter().collect();
        if let Some(issuer) = self.path.certificates().first() {
            all.push(
                issuer
                    .public_key(WeakAlgorithms::ALL)
                    .map_err(wrong)?
                    .primitive(),
            );
        }
        all.extend(self.path.primitives().map_err(wrong)?);
        Ok(all)
    }

    /// The list's own log entry, which follows its revocations. A list without a record can still
    /// be used.
    ///
    /// # Errors
    /// [`CrlError`]: why the list has no record.
    pub const fn record(&self) -> Result<&Record, &CrlError> {
        self.record.as_ref()
    }

    /// SHA-256 of the list's DER.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The list's octets.
    pub fn der(&self) -> &[u8] {
        &self.crl.der
    }

    /// thisUpdate.
    pub const fn this_update(&self) -> Time {
        self.crl.this_update
    }

    /// nextUpdate, if stated.
    pub const fn next_update(&self) -> Option<Time> {
        self.crl.next_update
    }

    /// cRLNumber: contents octets of the INTEGER, empty if the list has none. Numbers grow with
    /// each list of one issuer and scope; [`Self::is_later_than`] compares them.
    pub fn number(&self) -> &[u8] {
        &self.extensions.number
    }

    /// BaseCRLNumber of a delta list (RFC 5280 5.2.4): contents octets; empty for a complete list,
    /// and if it cannot be read.
    pub fn base_number(&self) -> &[u8] {
        &self.extensions.base_number
    }

    /// Whether it holds only what has changed since the list with [`Self::base_number`].
    pub const fn is_delta(&self) -> bool {
        self.extensions.is_delta
    }

    /// The certificates and reasons that the list covers.
    ///
    /// # Errors
    /// [`CrlError`], if no record can express the scope.
    pub fn scope(&self) -> Result<Scope, CrlError> {
        self.extensions.scope()
    }

    /// expiredCertsOnCRL (X.509 9.5.2.8): certificates that expired at or after this time stay
    /// listed.
    pub const fn expired_certs_on(&self) -> Option<Time> {
        self.extensions.expired_certs_on
    }

    /// Whether the issuer says that no list will follow (nextUpdate 99991231235959Z).
    pub fn is_last(&self) -> bool {
        self.crl.next_update == Some(LAST_LIST_NEXT_UPDATE)
    }

    /// Whether this list is of the same issuer key and scope as `other` and has a larger number;
    /// `None` if they cannot be compared.
    pub fn is_later_than(&self, other: &Self) -> Option<bool> {
        let comparable = self.issuer_key_hash() == other.issuer_key_hash()
            && self.extensions.same_point(&other.extensions)
            && !self.number().is_empty()
            && !other.number().is_empty();
        comparable.then(|| number_order(self.number(), other.number()).is_gt())
    }

    /// Whether the statements of this list were made after those of `other`. Two lists of one
    /// series with one number, or whose numbers and dates contradict each other, are not one after
    /// the other.
    pub(crate) fn is_said_after(&self, other: &Self) -> bool {
        match self.is_later_than(other) {
            Some(is_later) => is_later && self.this_update() >= other.this_update(),
            None => self.this_update() > other.this_update(),
        }
    }

    pub(crate) const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The issuer's name.
    pub(crate) const fn issuer_name(&self) -> &Name {
        &self.crl.issuer
    }

    /// Entries in the list.
    pub const fn count(&self) -> u32 {
        self.crl.count
    }

    /// SHA-256 of the value of the signing CA's subjectPublicKey.
    pub const fn issuer_key_hash(&self) -> [u8; 32] {
        self.issuer_key_hash
    }

    /// The CA's certificate first, anchor last.
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// The paths of all certificates that are known with the key that signed.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        core::iter::once(&self.path).chain(&self.more_paths)
    }

    /// The entries, in the list's order, as statements; those that cannot be read, or are of a CA
    /// that is not known, are left out, see [`Self::record`].
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> + '_ {
        let mut walk = self.crl.walk();
        // Parsing has read every entry once; accepted entries can be read again.
        let entries = core::iter::from_fn(move || walk.step().ok().flatten());
        entries.filter_map(|entry| {
            let issuer_key_hash = self.key_of(entry.issuer)?;
            Some(Revocation {
                issuer_key_hash,
                ..entry.revocation?
            })
        })
    }

    fn key_of(&self, issuer: EntryIssuer<'_>) -> Option<[u8; 32]> {
        match issuer {
            EntryIssuer::OfList => Some(self.issuer_key_hash()),
            EntryIssuer::Named(name) => self.entry_issuers.get(name).copied().flatten(),
            EntryIssuer::Unclear => None,
        }
    }

    /// Everything that the list says about `certificate`. Nothing if it is not listed, or not of
    /// the CA that the entries with its serial are about.
    pub fn about(&self, certificate: &Certificate) -> AboutCertificate {
        let mut about = AboutCertificate::default();
        // Attribute certificates have serials of their own.
        if self.extensions.only_attribute {
            return about;
        }
        let mut walk = self.crl.walk();
        while let Ok(Some(entry)) = walk.step() {
            if !entry.may_have(certificate.serial()) {
                continue;
            }
            let is_about = match entry.issuer {
                EntryIssuer::OfList => Some(*certificate.issuer_name() == self.crl.issuer),
                EntryIssuer::Named(issuer) => {
                    names(issuer).map(|names| has_directory_name(&names, certificate.issuer_name()))
                }
                EntryIssuer::Unclear => None,
            };
            let unclear = match (is_about, entry.unread) {
                (Some(false), _) => continue,
                (None, None) => Some("it cannot be told whose certificate it is about".to_owned()),
                (_, unread) => unread,
            };
            if let (Some(true), Some(revocation)) = (is_about, entry.revocation) {
                let key = self.key_of(entry.issuer);
                about.revocations.push(Revocation {
                    issuer_key_hash: key.unwrap_or_default(),
                    ..revocation
                });
            }
            about.unclear = about.unclear.or(unclear);
        }
        about
    }

    /// The worst that the list says about `certificate`: see [`Self::about`].
    pub fn revocation_of(&self, certificate: &Certificate) -> Option<Revocation> {
        let about = self.about(certificate);
        worst(&about.revocations).cloned()
    }
}
