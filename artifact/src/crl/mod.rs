//! Certificate revocation lists: RFC 5280 section 5; complete and delta, direct and indirect ones.
//!
//! A list is read in one pass over its octets; entries are walked, not copied, so 100,000 of them
//! cost linear time and the list's own memory. Verification asks whether a registered CA signed the
//! list, and whether that CA's certificate was valid at thisUpdate. It does not ask whether the CA
//! is still valid: the last list of a CA that closed years ago is exactly what a log is for, and is
//! accepted as the historical statement that it is.
//!
//! Each entry is a statement of its own, in any kind of list: the entries of a delta (including
//! removeFromCRL, a release from hold) and those of a list for some reasons are statements like any
//! other. The *absence* of a certificate from a list is different: it counts only if the scope of
//! the list covers the certificate, which [`crate::revocation`] decides. In an indirect list an
//! entry is about the certificates of the CA that it names (certificateIssuer, which holds for the
//! entries after it), so the key of that CA must be known.
//!
//! Reading is as wide as that of other programs (`crate::status_time`, BER lengths, FALSE written
//! out, any numbers), and an entry that cannot be read does not invalidate the others. A log is
//! stricter: a list is logged with all of its statements or not at all, so a list with an
//! unreadable part has no record.

mod entries;
mod error;
mod extensions;
mod number;
mod verified;
mod verify;

use core::ops::Range;

pub use error::{CRL_INPUT_MAX, CrlError};
pub(crate) use extensions::Extensions;
pub(crate) use number::{number_order, without_padding};
pub use verified::{AboutCertificate, VerifiedCrl};
pub(crate) use verify::validity_of;

use crate::asn1::{
    self, Asn1Error, BIT_STRING, Element, GENERALIZED_TIME, INTEGER, Reader, SEQUENCE, UTC_TIME,
    context_constructed,
};
use crate::name::Name;
use crate::pem;
use crate::record::Revocation;
use crate::signature::Algorithm;
use crate::status_time;
use crate::time::Time;
use entries::{Entries, EntryIssuer};

/// The scope of a list. Equal for two lists that agree in everything that RFC 5280 5.2.4 wants
/// equal.
#[derive(Clone, Debug)]
pub struct Coverage(Extensions);

impl PartialEq for Coverage {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_point(&other.0)
    }
}

impl Eq for Coverage {}

/// A list that could be read. Nothing about it is verified.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    tbs: Range<usize>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    issuer: Name,
    this_update: Time,
    next_update: Option<Time>,
    /// The values of crlExtensions, or why the list must not be used.
    extensions: Result<Extensions, CrlError>,
    entries: Range<usize>,
    count: u32,
    /// The first thing for which it has no record.
    unrecorded: Option<CrlError>,
}

impl Crl {
    /// Reads a CertificateList, DER, BER or PEM, with every entry as far as it can be read.
    ///
    /// # Errors
    /// [`CrlError`], if its outline cannot be read. An unreadable entry is no error here.
    pub fn parse(bytes: &[u8]) -> Result<Self, CrlError> {
        if bytes.len() > CRL_INPUT_MAX * 3 / 2 {
            return Err(CrlError::Size(bytes.len()));
        }
        let der = pem::unwrap_one(bytes)?;
        if der.len() > CRL_INPUT_MAX {
            return Err(CrlError::Size(der.len()));
        }
        let mut crl = Self::read(der)?;
        if let Err(error) = crl.look_at_entries() {
            match error {
                CrlError::CriticalExtension(_) => crl.extensions = Err(error),
                error => return Err(error),
            }
        }
        if crl.unrecorded.is_none() {
            crl.unrecorded = asn1::check_lengths(&crl.der).err().map(CrlError::Malformed);
        }
        Ok(crl)
    }

    fn read(der: Vec<u8>) -> Result<Self, CrlError> {
        let position = |inner: &[u8]| asn1::range_within(&der, inner);
        let mut outer = asn1::only(Reader::ber(&der), SEQUENCE)?.reader();
        let tbs = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?;
        let signature = outer.expect(BIT_STRING)?.bit_octets()?.to_vec();
        outer.finish()?;

        let mut fields = tbs.reader();
        if let Some(version) = fields.optional(INTEGER)?
            && version.unsigned()? > 1
        {
            return Err(Asn1Error::Value("a CRL version above 2 is stated").into());
        }
        if !is_same_algorithm(&fields.expect(SEQUENCE)?, &algorithm)? {
            return Err(CrlError::AlgorithmsDiffer);
        }
        let issuer = Name::from_der(fields.expect(SEQUENCE)?.raw)
            .map_err(|error| CrlError::IssuerName(error.to_string()))?;
        let this_update = status_time::read(&mut fields)?;
        let has_next = matches!(fields.peek_tag(), Some(UTC_TIME | GENERALIZED_TIME));
        let next_update = if has_next {
            Some(status_time::read(&mut fields)?)
        } else {
            None
        };
        let entries = fields.optional(SEQUENCE)?.map(|entries| entries.content);
        let extensions = fields.optional(context_constructed(0))?;
        fields.finish()?;
        let extensions = match extensions {
            Some(wrapper) => Extensions::read(asn1::only(wrapper.reader(), SEQUENCE)?.reader()),
            None => Ok(Extensions::default()),
        };
        Ok(Self {
            tbs: position(tbs.raw),
            entries: entries.filter(|it| !it.is_empty()).map_or(0..0, position),
            algorithm: algorithm.raw.to_vec(),
            signature,
            issuer,
            this_update,
            next_update,
            extensions,
            count: 0,
            unrecorded: None,
            der,
        })
    }

    /// Counts the entries, and finds the first that cannot be made into a statement.
    fn look_at_entries(&mut self) -> Result<(), CrlError> {
        let (mut count, mut unrecorded) = (0_u32, None);
        let is_indirect = self.is_indirect();
        let mut walk = self.walk();
        while let Some(entry) = walk.step()? {
            let what = match (entry.unread, entry.issuer) {
                (Some(what), _) => Some(what),
                (None, EntryIssuer::Named(_)) if !is_indirect => {
                    Some("it names another issuer, in a list that is not indirect".to_owned())
                }
                (None, EntryIssuer::Unclear) => {
                    Some("it cannot be told whose certificate it is about".to_owned())
                }
                (None, _) => None,
            };
            if unrecorded.is_none() {
                unrecorded =
                    what.map(|what| CrlError::Incomplete(format!("entry {count}: {what}")));
            }
            count += 1;
        }
        self.count = count;
        self.unrecorded = unrecorded;
        Ok(())
    }

    fn is_indirect(&self) -> bool {
        self.extensions.as_ref().is_ok_and(|all| all.indirect)
    }

    fn walk(&self) -> Entries<'_> {
        let entries = self.der.get(self.entries.clone()).unwrap_or_default();
        Entries::new(entries, self.is_indirect())
    }

    /// Number of entries.
    pub(crate) fn count(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    /// The issuer's name.
    pub(crate) const fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// The scope of the list.
    ///
    /// # Errors
    /// [`CrlError`]: why the list must not be used.
    pub fn coverage(&self) -> Result<Coverage, CrlError> {
        self.extensions.clone().map(Coverage)
    }

    /// The entries that can be read as statements about certificates of the key `issuer_key_hash`,
    /// for callers that know from elsewhere (a log's record) who signed the list. Empty for an
    /// indirect list.
    pub fn unverified_entries(
        &self,
        issuer_key_hash: [u8; 32],
    ) -> impl Iterator<Item = Revocation> + '_ {
        let mut walk = self.walk();
        // Parsing has read every entry once; accepted entries can be read again.
        let entries = core::iter::from_fn(move || walk.step().ok().flatten());
        let is_direct = !self.is_indirect();
        entries
            .filter(move |entry| is_direct && entry.issuer == EntryIssuer::OfList)
            .filter_map(move |entry| {
                Some(Revocation {
                    issuer_key_hash,
                    ..entry.revocation?
                })
            })
    }
}

/// RFC 4055 2.1: parameters of RSA are NULL, and absent in some lists, on one side or both.
fn is_same_algorithm(one: &Element<'_>, other: &Element<'_>) -> Result<bool, Asn1Error> {
    if one.raw == other.raw {
        return Ok(true);
    }
    let (one, other) = (
        Algorithm::read(one.reader())?,
        Algorithm::read(other.reader())?,
    );
    let is_plain = one.parameters_absent_or_null() && other.parameters_absent_or_null();
    Ok(one.oid == other.oid && is_plain)
}
