//! The statements of a provider about its own end: `detail` of a provider statement for the codes 7
//! to 10.
//!
//! A provider that ends destroys its keys, hands over its archive, issues a last revocation list
//! and counts the tokens of each of its units. Each of these is a statement of its own. A statement
//! proves nothing of its content; that it was made, and by which time at the latest, is proven as
//! for every record. The count is what makes a log an audit trail of all tokens (RFC 3161 section 4
//! (2)): serial numbers have gaps, so only the unit itself can say how many tokens there are.
//! Layout in docs/formats/record.md, "2: provider-statement".

use sha2::{Digest as _, Sha256};

use super::GenTime;
use super::codec::{Cursor, Moment, Opaque, RecordError, Writer};
use super::statement::{ProviderStatement, StatementCode};

const VERSION: u8 = 1;

/// A statement of a provider about its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndingStatement {
    /// Code 7.
    KeyDestroyed(KeyDestroyed),
    /// Code 8.
    ArchiveCustodian(ArchiveCustodian),
    /// Code 9.
    LastCrl(LastCrl),
    /// Code 10.
    LastCount(LastCount),
}

/// The private key of a certificate was destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDestroyed {
    /// Number of this statement among the provider's of this code, from 0.
    pub sequence: u32,
    /// SHA-256 of the DER of the TSU's or CA's certificate.
    pub certificate: [u8; 32],
    /// The date of the destruction, as the provider states it.
    pub date: Moment,
    /// SHA-256 of a document that attests it (minutes of the ceremony), if there is one.
    pub attestation: Option<[u8; 32]>,
    /// How it was done, and the witnesses; UTF-8.
    pub text: Opaque<0, 1_024>,
}

/// The party that keeps the provider's archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveCustodian {
    /// Number of this statement among the provider's of this code, from 0.
    pub sequence: u32,
    /// Name of the custodian; UTF-8.
    pub name: Opaque<1, 255>,
    /// Where to ask for the archive; UTF-8.
    pub location: Opaque<1, 1_024>,
    /// SHA-256 of the archive, or of a list of its contents.
    pub archive: [u8; 32],
}

/// A revocation list is the last one of its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCrl {
    /// Number of this statement among the provider's of this code, from 0.
    pub sequence: u32,
    /// SHA-256 of the CertificateList's DER.
    pub crl: [u8; 32],
    /// As in [`super::CertificateBody`]: the key that signed the list.
    pub issuer_key_hash: [u8; 32],
}

/// All that a unit ever issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCount {
    /// Number of this statement among the provider's of this code, from 0.
    pub sequence: u32,
    /// SHA-256 of the DER of the unit's certificate.
    pub certificate: [u8; 32],
    /// Number of tokens that the unit issued.
    pub count: u64,
    /// Serial number and genTime of the last token; `None` if there is no token.
    pub last: Option<(Opaque<1, 64>, GenTime)>,
    /// [`batch_digest`] of all of them.
    pub batch: [u8; 32],
}

/// SHA-256 over the `content` digests of tokens ([`super::TokenBody::content`]), each once, in
/// ascending order.
pub fn batch_digest(contents: impl IntoIterator<Item = [u8; 32]>) -> [u8; 32] {
    let mut contents: Vec<[u8; 32]> = contents.into_iter().collect();
    contents.sort_unstable();
    contents.dedup();
    let mut hash = Sha256::new();
    for content in &contents {
        hash.update(content);
    }
    hash.finalize().into()
}

impl EndingStatement {
    /// The code of the statement.
    pub const fn code(&self) -> StatementCode {
        match self {
            Self::KeyDestroyed(_) => StatementCode::KEY_DESTROYED,
            Self::ArchiveCustodian(_) => StatementCode::ARCHIVE_CUSTODIAN,
            Self::LastCrl(_) => StatementCode::LAST_CRL,
            Self::LastCount(_) => StatementCode::LAST_COUNT,
        }
    }

    /// The statement as `provider` (its identifier in the registry) makes it.
    ///
    /// # Errors
    /// [`RecordError::Bounds`] if the identifier is empty or has more than 64 octets;
    /// [`RecordError::Value`] if a count and its last token contradict each other.
    pub fn by(&self, provider: &str) -> Result<ProviderStatement, RecordError> {
        let detail = self.encode()?;
        ProviderStatement::new(self.code(), provider, Vec::new(), &detail)
    }

    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mut out = Writer(Vec::new());
        out.u8(VERSION);
        match self {
            Self::KeyDestroyed(said) => {
                out.u32(said.sequence);
                out.fixed(&said.certificate);
                out.moment(said.date);
                out.prefixed(said.attestation.as_ref().map_or(&[], |hash| &hash[..]), 32);
                out.opaque(&said.text);
            }
            Self::ArchiveCustodian(said) => {
                out.u32(said.sequence);
                out.opaque(&said.name);
                out.opaque(&said.location);
                out.fixed(&said.archive);
            }
            Self::LastCrl(said) => {
                out.u32(said.sequence);
                out.fixed(&said.crl);
                out.fixed(&said.issuer_key_hash);
            }
            Self::LastCount(said) => {
                said.check()?;
                out.u32(said.sequence);
                out.fixed(&said.certificate);
                out.u64(said.count);
                let (serial, time) = match &said.last {
                    Some((serial, time)) => (serial.as_bytes(), time.as_bytes()),
                    None => (&[][..], &[][..]),
                };
                out.prefixed(serial, 64);
                out.prefixed(time, 32);
                out.fixed(&said.batch);
            }
        }
        Ok(out.0)
    }

    fn decode(code: StatementCode, detail: &[u8]) -> Result<Self, RecordError> {
        let mut fields = Cursor::new(detail);
        let version = fields.u8("detail.version")?;
        if version != VERSION {
            let field = "detail.version";
            let value = version.into();
            return Err(RecordError::Value { field, value });
        }
        let sequence = fields.u32("sequence")?;
        let said = match code {
            StatementCode::KEY_DESTROYED => Self::KeyDestroyed(KeyDestroyed {
                sequence,
                certificate: fields.array("certificate")?,
                date: fields.moment("date")?,
                attestation: attestation(&mut fields)?,
                text: fields.opaque("text")?,
            }),
            StatementCode::ARCHIVE_CUSTODIAN => Self::ArchiveCustodian(ArchiveCustodian {
                sequence,
                name: fields.opaque("name")?,
                location: fields.opaque("location")?,
                archive: fields.array("archive")?,
            }),
            StatementCode::LAST_CRL => Self::LastCrl(LastCrl {
                sequence,
                crl: fields.array("crl")?,
                issuer_key_hash: fields.array("issuer_key_hash")?,
            }),
            StatementCode::LAST_COUNT => {
                let certificate = fields.array("certificate")?;
                let count = fields.u64("count")?;
                let said = LastCount {
                    sequence,
                    certificate,
                    count,
                    last: last(&mut fields)?,
                    batch: fields.array("batch")?,
                };
                said.check()?;
                Self::LastCount(said)
            }
            StatementCode(other) => {
                let field = "statement";
                let value = other.into();
                return Err(RecordError::Value { field, value });
            }
        };
        fields.finish()?;
        Ok(said)
    }
}

impl LastCount {
    /// Checks that there is a last token exactly if there are tokens.
    fn check(&self) -> Result<(), RecordError> {
        if (self.count == 0) == self.last.is_none() {
            return Ok(());
        }
        let (field, value) = ("count", self.count);
        Err(RecordError::Value { field, value })
    }
}

fn attestation(fields: &mut Cursor<'_>) -> Result<Option<[u8; 32]>, RecordError> {
    match fields.length("attestation", 32)? {
        0 => Ok(None),
        32 => fields.array("attestation").map(Some),
        length => Err(RecordError::Bounds {
            field: "attestation",
            length,
            min: 0,
            max: 32,
        }),
    }
}

fn last(fields: &mut Cursor<'_>) -> Result<Option<(Opaque<1, 64>, GenTime)>, RecordError> {
    let serial: Opaque<0, 64> = fields.opaque("last_serial")?;
    let time: Opaque<0, 32> = fields.opaque("last_gen_time")?;
    let (serial, time) = (serial.as_bytes(), time.as_bytes());
    if serial.is_empty() && time.is_empty() {
        return Ok(None);
    }
    Ok(Some((
        Opaque::new("last_serial", serial)?,
        GenTime::new(time)?,
    )))
}

impl ProviderStatement {
    /// The provider's statement about its own end; `None` if `code` is not one of those.
    ///
    /// # Errors
    /// [`RecordError`], if `detail` is not as the code demands.
    pub fn ending(&self) -> Result<EndingStatement, RecordError> {
        EndingStatement::decode(self.code(), self.detail())
    }
}
