//! The candidates for the issuer of a certificate, the likeliest first.
//!
//! CAs change keys and keep their name, so a name can have many certificates, and only one key made
//! the signature. authorityKeyIdentifier says which (RFC 5280 4.2.1.1): by the key's identifier, or
//! by issuer and serial of the issuer's certificate. It is a hint that may be wrong (RFC 4158
//! 3.5.12), so it orders the candidates and excludes none: a wrong hint costs time and no path.

use std::sync::Arc;

use crate::asn1::{self, Asn1Error, Reader, SEQUENCE, context, context_constructed};
use crate::certificate::Certificate;
use crate::hash::HashAlgorithm;
use crate::name::Name;
use crate::oid;
use crate::time::Time;

/// directoryName of a GeneralName, which is explicit since Name is a CHOICE.
const DIRECTORY_NAME: u8 = context_constructed(4);

/// AuthorityKeyIdentifier as far as it can be read.
#[derive(Default)]
struct Hint<'a> {
    key: Option<&'a [u8]>,
    place: Option<(Vec<Name>, &'a [u8])>,
}

/// How well a certificate fits one part of the hint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Same,
    Unknown,
    Other,
}

impl<'a> Hint<'a> {
    /// The hints of a certificate. An extension that cannot be read gives none.
    fn of(certificate: &'a Certificate) -> Self {
        let extension = certificate.extension(&oid::AUTHORITY_KEY_IDENTIFIER);
        let read = extension.map(Self::read).transpose();
        read.ok().flatten().unwrap_or_default()
    }

    fn read(value: &'a [u8]) -> Result<Self, Asn1Error> {
        let mut fields = asn1::only(Reader::der(value), SEQUENCE)?.reader();
        let key = fields.optional(context(0))?;
        let names = fields.optional(context_constructed(1))?;
        let serial = fields.optional(context(2))?;
        fields.finish()?;
        let mut issuers = Vec::new();
        if let Some(names) = names {
            let mut names = names.reader();
            while let Some(name) = names.next()? {
                if name.tag == DIRECTORY_NAME {
                    issuers.extend(Name::from_der(name.content).ok());
                }
            }
        }
        Ok(Self {
            key: key.map(|key| key.content),
            place: serial.map(|serial| (issuers, serial.content)),
        })
    }

    fn fit_of_key(&self, issuer: &Certificate) -> Fit {
        let Some(key) = self.key else {
            return Fit::Unknown;
        };
        match &issuer.facts().subject_key_identifier {
            Some(identifier) if identifier == key => Fit::Same,
            Some(_) => Fit::Other,
            // RFC 5280 4.2.1.2, method (1), by which most identifiers are made.
            None if issuer.key_digest(HashAlgorithm::Sha1).as_deref() == Some(key) => Fit::Same,
            None => Fit::Unknown,
        }
    }

    fn fit_of_place(&self, issuer: &Certificate) -> Fit {
        let Some((names, serial)) = &self.place else {
            return Fit::Unknown;
        };
        if *serial == issuer.serial() && (names.is_empty() || names.contains(issuer.issuer_name()))
        {
            Fit::Same
        } else {
            Fit::Other
        }
    }
}

/// Whether `issuer` has the name that `certificate` calls its issuer.
pub(crate) fn is_name_of(certificate: &Certificate, issuer: &Certificate) -> bool {
    certificate.issuer_name() == issuer.subject_name()
}

/// The certificates in `known` that have the name of the issuer of `certificate`: first those with
/// the key that it hints at, then those with the issuer and serial that it hints at, then those
/// that were valid `at` this time, then those that `is_anchor` says are nearest to the end of a
/// path; otherwise in the order of `known`.
pub(crate) fn candidates<'a>(
    certificate: &Certificate,
    known: impl Iterator<Item = &'a Arc<Certificate>>,
    at: Time,
    is_anchor: impl Fn(&Certificate) -> bool,
) -> Vec<&'a Arc<Certificate>> {
    let named = known.filter(|issuer| is_name_of(certificate, issuer));
    let mut named: Vec<&Arc<Certificate>> = named.collect();
    if named.len() > 1 {
        let hint = Hint::of(certificate);
        named.sort_by_cached_key(|issuer| {
            let is_valid = (issuer.not_before()..=issuer.not_after()).contains(&at);
            let fits = (hint.fit_of_key(issuer), hint.fit_of_place(issuer));
            (fits, !is_valid, !is_anchor(issuer))
        });
    }
    named
}
