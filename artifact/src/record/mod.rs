//! The record: what a log entry is. Layout, byte for byte, in docs/formats/record.md.
//!
//! A record is a pure function of its artifact (for a certificate or revocation, also of its
//! issuer's public key), so every holder of the artifact can rebuild the record and with it the
//! leaf hash. Nothing of the submitter, the log or the clock is inside. `decode(encode(x)) == x`,
//! and `encode(decode(b)) == b` for every `b` that is accepted: one record has one encoding.
//!
//! A record is not a proof of its content: nothing in it is signed by the issuer. Records raise
//! suspicion; artifacts prove.

mod anchor;
mod codec;
mod ending;
mod log;
mod mark;
mod ocsp;
mod provider;
mod statement;
mod suspicion;

pub use anchor::{ANCHOR_TOKEN_MAX, CHECKPOINT_TEXT_MAX, CheckpointAnchor};
use codec::{Cursor, Writer};
pub use codec::{Moment, Opaque, RECORD_VERSION, RecordError};
pub use ending::{
    ArchiveCustodian, EndingStatement, KeyDestroyed, LastCount, LastCrl, batch_digest,
};
pub use log::{
    CUSTODIANS_MAX, KEYS_MAX, LogEnding, LogErased, LogOpened, LogStatement,
    PREDECESSOR_CHECKPOINT_MAX, Predecessor, UnknownStatement,
};
pub use mark::{Mark, TokenMark};
pub use ocsp::{ANSWERS_MAX, OcspAnswer, OcspBody, OcspStatus};
pub use provider::{INTERMEDIATES_MAX, KINDS_MAX, ProviderEntry, STATUS_CHANGES_MAX, StatusChange};
pub use statement::{ANCHORS_MAX, ProviderStatement, StatementCode};
pub use suspicion::{Reinstatement, Suspicion};

use crate::time::Time;

/// Longest record, in octets: what a C2SP entry bundle can frame.
pub const RECORD_SIZE_MAX: usize = 65_535;

/// Longest body of a kind that this crate does not know, in octets.
pub const BODY_SIZE_MAX: usize = RECORD_SIZE_MAX - 3;

/// Longest certificate that fits a record, in octets.
pub const CERTIFICATE_SIZE_MAX: usize = BODY_SIZE_MAX - 32 - 2;

/// Registry of kinds (`uint16`).
pub mod kind {
    /// A statement of the log about itself.
    pub const LOG_STATEMENT: u16 = 1;
    /// A statement about a provider.
    pub const PROVIDER_STATEMENT: u16 = 2;
    /// A time-stamp token, RFC 3161.
    pub const TIMESTAMP_TOKEN: u16 = 3;
    /// A certificate in full.
    pub const CERTIFICATE: u16 = 4;
    /// A certificate as digest.
    pub const CERTIFICATE_DIGEST: u16 = 5;
    /// One entry of a revocation list.
    pub const REVOCATION: u16 = 6;
    /// A revocation list; the records of its entries stand before it.
    pub const CRL: u16 = 7;
    /// An OCSP response.
    pub const OCSP_RESPONSE: u16 = 8;
    /// Reserved: a snapshot of a trusted list.
    pub const TRUSTED_LIST: u16 = 9;
    /// A token over one of the log's own checkpoints.
    pub const CHECKPOINT_ANCHOR: u16 = 10;
    /// Reserved: root of the index.
    pub const INDEX_ROOT: u16 = 11;
    /// A warning about the token whose record follows.
    pub const TOKEN_MARK: u16 = 12;
    /// Any octets; in laboratories only.
    pub const OPAQUE: u16 = 0xffff;
}

/// One log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    body: Body,
}

/// The content of a record, by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// Kind 1.
    Log(LogStatement),
    /// Kind 2.
    Provider(ProviderStatement),
    /// Kind 3.
    Token(TokenBody),
    /// Kind 4.
    Certificate(CertificateBody),
    /// Kind 5.
    CertificateDigest(CertificateDigestBody),
    /// Kind 6.
    Revocation(Revocation),
    /// Kind 7.
    Crl(CrlBody),
    /// Kind 8.
    Ocsp(OcspBody),
    /// Kind 10.
    Anchor(CheckpointAnchor),
    /// Kind 12.
    Mark(TokenMark),
    /// Kind 0xffff.
    Opaque(Opaque<0, BODY_SIZE_MAX>),
    /// A kind that this crate does not know; provable nevertheless.
    Unknown(UnknownBody),
}

impl Body {
    /// The SHA-256 of what lies beside the log, where the record names such a blob.
    pub fn blob(&self) -> Option<[u8; 32]> {
        match self {
            Self::Crl(list) => Some(list.digest),
            Self::Ocsp(response) => Some(response.digest),
            _ => None,
        }
    }
}

/// Body of kind 3: what an auditor needs to catch backdating and reused serials. The imprint is not
/// among it: a guessable document could be confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBody {
    /// Hash algorithm of the ESS certificate hash: contents octets of its OID.
    pub ess_hash_algorithm: Opaque<1, 32>,
    /// Hash of the TSU's certificate, as signed.
    pub ess_hash: Opaque<20, 64>,
    /// serialNumber: contents octets of the INTEGER, as signed.
    pub serial: Opaque<1, 64>,
    /// genTime, as signed.
    pub gen_time: GenTime,
    /// accuracy, as signed.
    pub accuracy: Option<Accuracy>,
    /// TSA policy: contents octets of the OID.
    pub policy: Opaque<1, 64>,
    /// Hash algorithm of the messageImprint: contents octets of the OID.
    pub imprint_algorithm: Opaque<1, 32>,
    /// SHA-256 over the three things that no wrapping of the token changes.
    pub content: [u8; 32],
}

/// A genTime: ASCII of the GeneralizedTime as signed, 15 to 32 octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenTime {
    octets: Opaque<15, 32>,
    time: Time,
}

impl GenTime {
    /// From the contents octets of a GeneralizedTime.
    ///
    /// # Errors
    /// [`RecordError`], if the octets are not a GeneralizedTime of 15 to 32 octets.
    pub fn new(octets: &[u8]) -> Result<Self, RecordError> {
        Self::parse(Opaque::new("gen_time", octets)?)
    }

    fn parse(octets: Opaque<15, 32>) -> Result<Self, RecordError> {
        let time =
            Time::from_generalized(octets.as_bytes()).map_err(|source| RecordError::Time {
                field: "gen_time",
                source,
            })?;
        Ok(Self { octets, time })
    }

    /// The octets as signed.
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.as_bytes()
    }

    /// The moment that they name.
    pub const fn time(&self) -> Time {
        self.time
    }
}

/// A token's accuracy (RFC 3161 2.4.2): genTime may be wrong by this much, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accuracy {
    seconds: u32,
    millis: u16,
    micros: u16,
}

impl Accuracy {
    /// Fails above 999 milliseconds or microseconds.
    ///
    /// # Errors
    /// [`RecordError::Value`] above 999 milliseconds or microseconds.
    pub fn new(seconds: u32, millis: u16, micros: u16) -> Result<Self, RecordError> {
        let bounded = |field, value: u16| {
            if value > 999 {
                Err(RecordError::Value {
                    field,
                    value: value.into(),
                })
            } else {
                Ok(value)
            }
        };
        let millis = bounded("accuracy.millis", millis)?;
        Ok(Self {
            seconds,
            millis,
            micros: bounded("accuracy.micros", micros)?,
        })
    }

    /// Whole seconds, milliseconds (0 to 999), microseconds (0 to 999).
    pub const fn parts(self) -> (u32, u16, u16) {
        (self.seconds, self.millis, self.micros)
    }

    /// All of it in microseconds.
    pub fn total_micros(self) -> u64 {
        u64::from(self.seconds) * 1_000_000
            + u64::from(self.millis) * 1_000
            + u64::from(self.micros)
    }
}

/// Body of kind 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateBody {
    /// SHA-256 of the value of the issuer's subjectPublicKey BIT STRING (RFC 6960 4.1.1).
    pub issuer_key_hash: [u8; 32],
    /// The certificate's DER.
    pub certificate: Opaque<1, CERTIFICATE_SIZE_MAX>,
}

/// Body of kind 5: a certificate that may name a natural person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateDigestBody {
    /// SHA-256 of the TBSCertificate's DER.
    pub tbs_digest: [u8; 32],
    /// As in [`CertificateBody`].
    pub issuer_key_hash: [u8; 32],
    /// serialNumber: contents octets of the INTEGER.
    pub serial: Opaque<1, 64>,
    /// Start of validity.
    pub not_before: Moment,
    /// End of validity.
    pub not_after: Moment,
}

/// Body of kind 6: one entry of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revocation {
    /// As in [`CertificateBody`].
    pub issuer_key_hash: [u8; 32],
    /// Serial of the revoked certificate: contents octets of the INTEGER.
    pub serial: Opaque<1, 64>,
    /// revocationDate.
    pub revocation_date: Moment,
    /// reasonCode (RFC 5280 5.3.1); `None` if the extension is absent, which is not the same as an
    /// explicit `unspecified` (0).
    pub reason: Option<Reason>,
    /// invalidityDate, if the entry has it.
    pub invalidity_date: Option<Moment>,
}

impl Revocation {
    /// Whether earlier signatures stay valid: the reason is stated, and is unspecified,
    /// affiliationChanged, superseded or cessationOfOperation (RFC 3161 section 4 (1)).
    pub const fn leaves_earlier_valid(&self) -> bool {
        matches!(self.reason, Some(Reason(0 | 3 | 4 | 5)))
    }

    /// From when on the certificate is not to be relied on: revocationDate, or an earlier
    /// invalidityDate.
    pub fn invalid_from(&self) -> Time {
        let date = self.revocation_date.time();
        self.invalidity_date
            .map_or(date, |invalid| invalid.time().min(date))
    }
}

/// A CRLReason that was stated: 0 to 10 without 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(u8);

impl Reason {
    /// From the ENUMERATED value.
    ///
    /// # Errors
    /// [`RecordError::Value`] for a number that RFC 5280 does not define.
    pub fn new(code: u8) -> Result<Self, RecordError> {
        match code {
            0..=6 | 8..=10 => Ok(Self(code)),
            _ => Err(RecordError::Value {
                field: "reason",
                value: code.into(),
            }),
        }
    }

    /// The ENUMERATED value.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// RFC 5280's name.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "unspecified",
            1 => "keyCompromise",
            2 => "cACompromise",
            3 => "affiliationChanged",
            4 => "superseded",
            5 => "cessationOfOperation",
            6 => "certificateHold",
            8 => "removeFromCRL",
            9 => "privilegeWithdrawn",
            _ => "aACompromise",
        }
    }
}

/// The code for "no reason was stated".
const REASON_ABSENT: u8 = 0xff;

/// Body of kind 7. It means that the records of all of the list's revocations stand before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlBody {
    /// As in [`CertificateBody`]: the key that signed the list.
    pub issuer_key_hash: [u8; 32],
    /// SHA-256 of the CertificateList's DER.
    pub digest: [u8; 32],
    /// cRLNumber: contents octets of the INTEGER; empty if absent.
    pub number: Opaque<0, 32>,
    /// BaseCRLNumber of a delta list: contents octets of the INTEGER; empty for a complete list.
    pub base_number: Opaque<0, 32>,
    /// The certificates and reasons that the list covers.
    pub scope: Scope,
    /// thisUpdate.
    pub this_update: Moment,
    /// nextUpdate, if the list has it.
    pub next_update: Option<Moment>,
    /// expiredCertsOnCRL, if the list has it.
    pub expired_certs_on: Option<Moment>,
    /// Entries in the list.
    pub count: u32,
}

/// The scope of a list (issuingDistributionPoint, RFC 5280 5.2.5). The default is everything that
/// its issuer issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the standard has one BOOLEAN for each"
)]
pub struct Scope {
    /// Certificates that are not of CAs only.
    pub user_certificates: bool,
    /// Certificates of CAs only.
    pub ca_certificates: bool,
    /// Certificates of other issuers too.
    pub indirect: bool,
    /// Some revocation reasons only.
    pub some_reasons: bool,
    /// Whether it covers one distribution point only.
    pub one_point: bool,
}

impl Scope {
    const fn bits(self) -> u8 {
        self.user_certificates as u8
            | (self.ca_certificates as u8) << 1
            | (self.indirect as u8) << 2
            | (self.some_reasons as u8) << 3
            | (self.one_point as u8) << 4
    }

    fn from_bits(bits: u8) -> Result<Self, RecordError> {
        let scope = Self {
            user_certificates: bits & 1 != 0,
            ca_certificates: bits & 2 != 0,
            indirect: bits & 4 != 0,
            some_reasons: bits & 8 != 0,
            one_point: bits & 16 != 0,
        };
        if bits == scope.bits() && bits & 3 != 3 {
            Ok(scope)
        } else {
            Err(RecordError::Value {
                field: "scope",
                value: bits.into(),
            })
        }
    }
}

/// A body of a kind that this crate does not know. Only [`Record::decode`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBody {
    kind: u16,
    body: Opaque<0, BODY_SIZE_MAX>,
}

impl UnknownBody {
    /// The octets after the kind.
    pub fn as_bytes(&self) -> &[u8] {
        self.body.as_bytes()
    }
}

impl From<Body> for Record {
    fn from(body: Body) -> Self {
        Self { body }
    }
}

impl Record {
    /// The content, by kind.
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// Its kind, as in [`kind`].
    pub const fn kind(&self) -> u16 {
        match &self.body {
            Body::Log(_) => kind::LOG_STATEMENT,
            Body::Provider(_) => kind::PROVIDER_STATEMENT,
            Body::Token(_) => kind::TIMESTAMP_TOKEN,
            Body::Certificate(_) => kind::CERTIFICATE,
            Body::CertificateDigest(_) => kind::CERTIFICATE_DIGEST,
            Body::Revocation(_) => kind::REVOCATION,
            Body::Crl(_) => kind::CRL,
            Body::Ocsp(_) => kind::OCSP_RESPONSE,
            Body::Anchor(_) => kind::CHECKPOINT_ANCHOR,
            Body::Mark(_) => kind::TOKEN_MARK,
            Body::Opaque(_) => kind::OPAQUE,
            Body::Unknown(unknown) => unknown.kind,
        }
    }

    /// The log entry: 3 to 65,535 octets. Its leaf hash is RFC 6962's over these.
    ///
    /// # Panics
    /// Never: the bounds of the fields keep every record within its size.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(192));
        out.u8(RECORD_VERSION);
        out.u16(self.kind());
        match &self.body {
            Body::Log(statement) => statement.write(&mut out),
            Body::Provider(statement) => statement.write(&mut out),
            Body::Token(token) => write_token(&mut out, token),
            Body::Certificate(certificate) => {
                out.fixed(&certificate.issuer_key_hash);
                out.opaque(&certificate.certificate);
            }
            Body::CertificateDigest(digest) => {
                out.fixed(&digest.tbs_digest);
                out.fixed(&digest.issuer_key_hash);
                out.opaque(&digest.serial);
                out.moment(digest.not_before);
                out.moment(digest.not_after);
            }
            Body::Revocation(revocation) => {
                out.fixed(&revocation.issuer_key_hash);
                out.opaque(&revocation.serial);
                out.moment(revocation.revocation_date);
                out.u8(revocation.reason.map_or(REASON_ABSENT, Reason::code));
                out.optional_moment(revocation.invalidity_date);
            }
            Body::Crl(crl) => {
                out.fixed(&crl.issuer_key_hash);
                out.fixed(&crl.digest);
                out.opaque(&crl.number);
                out.opaque(&crl.base_number);
                out.u8(crl.scope.bits());
                out.moment(crl.this_update);
                out.optional_moment(crl.next_update);
                out.optional_moment(crl.expired_certs_on);
                out.u32(crl.count);
            }
            Body::Ocsp(ocsp) => ocsp.write(&mut out),
            Body::Anchor(anchor) => anchor.write(&mut out),
            Body::Mark(mark) => mark.write(&mut out),
            Body::Opaque(octets) => out.fixed(octets.as_bytes()),
            Body::Unknown(unknown) => out.fixed(unknown.as_bytes()),
        }
        assert!(
            out.0.len() <= RECORD_SIZE_MAX,
            "the bounds of the fields keep every record below this"
        );
        out.0
    }

    /// Reads a log entry. Every octet is accounted for; other encodings of the same record are
    /// refused.
    ///
    /// # Errors
    /// [`RecordError`]: the first field that cannot be read, or octets that are left over.
    pub fn decode(octets: &[u8]) -> Result<Self, RecordError> {
        if !(3..=RECORD_SIZE_MAX).contains(&octets.len()) {
            return Err(RecordError::Size(octets.len()));
        }
        let mut fields = Cursor::new(octets);
        let version = fields.u8("version")?;
        if version != RECORD_VERSION {
            return Err(RecordError::Version(version));
        }
        let body = match fields.u16("kind")? {
            kind::LOG_STATEMENT => Body::Log(LogStatement::read(&mut fields)?),
            kind::PROVIDER_STATEMENT => Body::Provider(ProviderStatement::read(&mut fields)?),
            kind::TIMESTAMP_TOKEN => Body::Token(read_token(&mut fields)?),
            kind::CERTIFICATE => Body::Certificate(CertificateBody {
                issuer_key_hash: fields.array("issuer_key_hash")?,
                certificate: fields.opaque("certificate")?,
            }),
            kind::CERTIFICATE_DIGEST => Body::CertificateDigest(CertificateDigestBody {
                tbs_digest: fields.array("tbs_digest")?,
                issuer_key_hash: fields.array("issuer_key_hash")?,
                serial: fields.opaque("serial")?,
                not_before: fields.moment("not_before")?,
                not_after: fields.moment("not_after")?,
            }),
            kind::REVOCATION => Body::Revocation(read_revocation(&mut fields)?),
            kind::CRL => Body::Crl(CrlBody {
                issuer_key_hash: fields.array("issuer_key_hash")?,
                digest: fields.array("digest")?,
                number: fields.opaque("number")?,
                base_number: fields.opaque("base_number")?,
                scope: Scope::from_bits(fields.u8("scope")?)?,
                this_update: fields.moment("this_update")?,
                next_update: fields.optional_moment("next_update")?,
                expired_certs_on: fields.optional_moment("expired_certs_on")?,
                count: fields.u32("count")?,
            }),
            kind::OCSP_RESPONSE => Body::Ocsp(OcspBody::read(&mut fields)?),
            kind::CHECKPOINT_ANCHOR => Body::Anchor(CheckpointAnchor::read(&mut fields)?),
            kind::TOKEN_MARK => Body::Mark(TokenMark::read(&mut fields)?),
            kind::OPAQUE => Body::Opaque(Opaque::new("body", fields.rest())?),
            kind => Body::Unknown(UnknownBody {
                kind,
                body: Opaque::new("body", fields.rest())?,
            }),
        };
        fields.finish()?;
        Ok(Self { body })
    }
}

fn write_token(out: &mut Writer, token: &TokenBody) {
    out.opaque(&token.ess_hash_algorithm);
    out.opaque(&token.ess_hash);
    out.opaque(&token.serial);
    out.opaque(&token.gen_time.octets);
    match token.accuracy {
        Some(accuracy) => {
            out.u8(1);
            out.u32(accuracy.seconds);
            out.u16(accuracy.millis);
            out.u16(accuracy.micros);
        }
        None => out.u8(0),
    }
    out.opaque(&token.policy);
    out.opaque(&token.imprint_algorithm);
    out.fixed(&token.content);
}

fn read_token(fields: &mut Cursor<'_>) -> Result<TokenBody, RecordError> {
    Ok(TokenBody {
        ess_hash_algorithm: fields.opaque("ess_hash_algorithm")?,
        ess_hash: fields.opaque("ess_hash")?,
        serial: fields.opaque("serial")?,
        gen_time: GenTime::parse(fields.opaque("gen_time")?)?,
        accuracy: match fields.u8("accuracy.present")? {
            0 => None,
            1 => Some(Accuracy::new(
                fields.u32("accuracy.seconds")?,
                fields.u16("accuracy.millis")?,
                fields.u16("accuracy.micros")?,
            )?),
            value => {
                return Err(RecordError::Value {
                    field: "accuracy.present",
                    value: value.into(),
                });
            }
        },
        policy: fields.opaque("policy")?,
        imprint_algorithm: fields.opaque("imprint_algorithm")?,
        content: fields.array("content")?,
    })
}

fn read_revocation(fields: &mut Cursor<'_>) -> Result<Revocation, RecordError> {
    Ok(Revocation {
        issuer_key_hash: fields.array("issuer_key_hash")?,
        serial: fields.opaque("serial")?,
        revocation_date: fields.moment("revocation_date")?,
        reason: match fields.u8("reason")? {
            REASON_ABSENT => None,
            code => Some(Reason::new(code)?),
        },
        invalidity_date: fields.optional_moment("invalidity_date")?,
    })
}
