//! One answer of a response: the certificate that it is about, and its statement (RFC 6960 4.2.1).
//!
//! An answer that cannot be read says nothing, and does not affect the others: the certificate that
//! it is about is kept, as far as it can be told.

use crate::asn1::{
    self, ENUMERATED, Element, GENERALIZED_TIME, INTEGER, OCTET_STRING, Reader, SEQUENCE, context,
    context_constructed,
};
use crate::certificate::Certificate;
use crate::crl::without_padding;
use crate::hash::HashAlgorithm;
use crate::oid;
use crate::oid::dotted;
use crate::record::{Moment, OcspAnswer, OcspStatus, Opaque, Reason, Revocation};
use crate::signature::Algorithm;
use crate::status_extension;
use crate::status_time;

/// The CA in a certID (4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IssuerId {
    algorithm: HashAlgorithm,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
}

impl IssuerId {
    /// Whether it is this CA.
    pub(super) fn is(&self, issuer: &Certificate) -> bool {
        self.algorithm.digest(issuer.subject_name().der()) == self.name_hash && self.may_be(issuer)
    }

    /// Whether it has the key of this CA, perhaps under another spelling of its name.
    fn may_be(&self, issuer: &Certificate) -> bool {
        issuer.key_digest(self.algorithm).as_ref() == Some(&self.key_hash)
    }

    /// Whether it has the name of the CA that issued `certificate`, perhaps with another key of it.
    fn may_have_issued(&self, certificate: &Certificate) -> bool {
        self.algorithm.digest(certificate.issuer_name().der()) == self.name_hash
    }
}

/// "revoked": when, why, and from the extensions invalidityDate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revoked {
    date: Moment,
    reason: Option<Reason>,
    invalidity_date: Option<Moment>,
}

/// One SingleResponse, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Single {
    /// The issuer of the certificate; `None` if it cannot be told.
    pub(super) issuer: Option<IssuerId>,
    /// Contents of the serial's INTEGER, without padding; `None` if it cannot be read.
    serial: Option<Vec<u8>>,
    /// Its statement; `None` if it cannot be told.
    pub(super) answer: Option<OcspAnswer>,
    revoked: Option<Revoked>,
    /// Why part of it cannot be read, in English; `None` if all of it can.
    pub(super) unread: Option<String>,
}

impl Single {
    pub(super) fn read(element: &Element<'_>) -> Self {
        let mut single = Self::default();
        if let Err(Unread(what)) = single.read_fields(element) {
            single.unread = Some(what);
        }
        single
    }

    /// Whether it may be about `certificate`, of the CA `issuer` if that is at hand.
    pub(super) fn may_be_about(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> bool {
        let is_issuer = self.issuer.as_ref().is_none_or(|id| match issuer {
            Some(issuer) => id.may_be(issuer) || id.may_have_issued(certificate),
            None => id.may_have_issued(certificate),
        });
        let is_serial = |serial: &Vec<u8>| *serial == without_padding(certificate.serial());
        is_issuer && self.serial.as_ref().is_none_or(is_serial)
    }

    /// The revocation that it states, of a certificate of the CA with this key.
    pub(super) fn statement(&self, issuer_key_hash: [u8; 32]) -> Option<Revocation> {
        let (answer, revoked) = self.answer.as_ref().zip(self.revoked.as_ref())?;
        Some(Revocation {
            issuer_key_hash,
            serial: answer.serial.clone(),
            revocation_date: revoked.date,
            reason: revoked.reason,
            invalidity_date: revoked.invalidity_date,
        })
    }

    fn read_fields(&mut self, element: &Element<'_>) -> Result<(), Unread> {
        let mut fields = element.reader();
        let serial = self.read_id(fields.expect(SEQUENCE)?.reader())?;
        let status = fields
            .next()?
            .ok_or_else(|| Unread::new("it has no status"))?;
        let (status, mut revoked) = match status.tag {
            tag if tag == context(0) => (OcspStatus::Good, None),
            tag if tag == context_constructed(1) => {
                (OcspStatus::Revoked, Some(read_revoked(status.reader())?))
            }
            tag if tag == context(2) => (OcspStatus::Unknown, None),
            _ => {
                return Err(Unread::new(
                    "its status is none of good, revoked and unknown",
                ));
            }
        };
        let this_update = moment("this_update", &mut fields)?;
        let next_update = match fields.optional(context_constructed(0))? {
            Some(wrapper) => Some(only_moment("next_update", wrapper.reader())?),
            None => None,
        };
        let extensions = fields.optional(context_constructed(1))?;
        fields.finish()?;
        let extensions = match extensions {
            Some(wrapper) => {
                status_extension::read_all(asn1::only(wrapper.reader(), SEQUENCE)?.reader())?
            }
            None => Vec::new(),
        };
        let mut answer = OcspAnswer {
            serial,
            status,
            this_update,
            next_update,
            archive_cutoff: None,
            cert_hash: (Opaque::new("cert_hash", [])?, Opaque::new("cert_hash", [])?),
        };
        let mut unread = None;
        for extension in extensions {
            let (name, value) = (extension.name, Reader::ber(extension.value));
            if name == oid::OCSP_ARCHIVE_CUTOFF.as_bytes() {
                let read = asn1::only(value, GENERALIZED_TIME)
                    .map_err(Unread::from)
                    .and_then(|_| only_moment("archive_cutoff", value));
                answer.archive_cutoff = extension.or_ignored(read)?;
            } else if name == oid::CERT_HASH.as_bytes() {
                if let Some(hash) = extension.or_ignored(read_cert_hash(value))? {
                    answer.cert_hash = hash;
                }
            } else if name == oid::INVALIDITY_DATE.as_bytes() {
                if let Some(revoked) = &mut revoked {
                    // Revoked it is in any case; from when on it counts as invalid is what may be
                    // untold.
                    match only_moment("invalidity_date", value) {
                        Ok(date) => revoked.invalidity_date = Some(date),
                        Err(error) => unread = Some(error),
                    }
                }
            } else if extension.critical && !HARMLESS.iter().any(|known| known.as_bytes() == name) {
                let what = format!("critical extension {} is not understood here", dotted(name));
                return Err(Unread(what));
            }
        }
        self.answer = Some(answer);
        self.revoked = revoked;
        unread.map_or(Ok(()), Err)
    }

    /// CertID.
    fn read_id(&mut self, mut id: Reader<'_>) -> Result<Opaque<1, 64>, Unread> {
        let algorithm = id.expect(SEQUENCE)?;
        let name_hash = id.expect(OCTET_STRING)?.content.to_vec();
        let key_hash = id.expect(OCTET_STRING)?.content.to_vec();
        let serial = id.expect(INTEGER)?;
        self.serial = Some(without_padding(serial.content).to_vec());
        let algorithm = Algorithm::read(algorithm.reader())?;
        self.issuer = Some(IssuerId {
            algorithm: HashAlgorithm::from_oid_octets(algorithm.oid)?,
            name_hash,
            key_hash,
        });
        id.finish()?;
        Ok(Opaque::new("serial", serial.integer_octets()?)?)
    }
}

/// Extensions of an answer that may be critical and change nothing: where the list is that it rests
/// on.
const HARMLESS: [const_oid::ObjectIdentifier; 1] = [oid::OCSP_CRL_REFERENCE];

/// Why an answer cannot be read, in English.
struct Unread(String);

impl Unread {
    fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

impl<E: core::error::Error> From<E> for Unread {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// RevokedInfo.
fn read_revoked(mut fields: Reader<'_>) -> Result<Revoked, Unread> {
    let date = moment("revocation_date", &mut fields)?;
    let reason = match fields.optional(context_constructed(0))? {
        Some(wrapper) => {
            let code = asn1::only(wrapper.reader(), ENUMERATED)?.unsigned()?;
            Some(Reason::new(u8::try_from(code).unwrap_or(u8::MAX))?)
        }
        None => None,
    };
    fields.finish()?;
    Ok(Revoked {
        date,
        reason,
        invalidity_date: None,
    })
}

/// CertHash of Common PKI: the OID of an algorithm, and the certificate's hash.
fn read_cert_hash(value: Reader<'_>) -> Result<(Opaque<0, 32>, Opaque<0, 64>), Unread> {
    let mut fields = asn1::only(value, SEQUENCE)?.reader();
    let named = Algorithm::read(fields.expect(SEQUENCE)?.reader())?;
    let hash = fields.expect(OCTET_STRING)?.content;
    fields.finish()?;
    if HashAlgorithm::from_oid_octets(named.oid)?.digest_length() != hash.len() {
        return Err(Unread::new(
            "certHash has another length than its algorithm",
        ));
    }
    Ok((
        Opaque::new("cert_hash", named.oid)?,
        Opaque::new("cert_hash", hash)?,
    ))
}

fn moment(field: &'static str, fields: &mut Reader<'_>) -> Result<Moment, Unread> {
    Ok(Moment::new(field, status_time::read(fields)?)?)
}

fn only_moment(field: &'static str, mut fields: Reader<'_>) -> Result<Moment, Unread> {
    let moment = moment(field, &mut fields)?;
    fields.finish()?;
    Ok(moment)
}

/// Answers, as far as they say about which certificates they are.
#[derive(Clone, Debug)]
pub(crate) struct Answered(pub(super) Vec<Single>);

impl Answered {
    /// Whether one of them may be about `certificate`, of the CA `issuer` if that is at hand.
    pub(crate) fn may_be_about(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> bool {
        let mut singles = self.0.iter();
        singles.any(|single| single.may_be_about(certificate, issuer))
    }
}
