//! Body of kind 8: an OCSP response (RFC 6960), certificate by certificate.
//!
//! Revocations that a response states stand before it as records of kind 6, like those of a list;
//! this record adds what only OCSP can state: that the CA knew a certificate and did not hold it
//! for revoked at thisUpdate, and, with certHash (Common PKI), which certificate.

use super::codec::{Cursor, Moment, Opaque, RecordError, Writer};

/// Most answers in one response that has a record.
pub const ANSWERS_MAX: usize = 256;

const ANSWERS_SIZE_MAX: usize = 65_000;

/// Body of kind 8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspBody {
    /// SHA-256 of the value of the subjectPublicKey of the CA that issued the certificates.
    pub issuer_key_hash: [u8; 32],
    /// Key hash of the signer of the response: that CA, or a responder that it authorised.
    pub responder_key_hash: [u8; 32],
    /// SHA-256 of the OCSPResponse's DER.
    pub digest: [u8; 32],
    /// producedAt.
    pub produced_at: Moment,
    answers: Vec<OcspAnswer>,
}

/// The statement of a response about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// Serial of the certificate: contents octets of the INTEGER.
    pub serial: Opaque<1, 64>,
    /// certStatus.
    pub status: OcspStatus,
    /// thisUpdate.
    pub this_update: Moment,
    /// nextUpdate, if stated.
    pub next_update: Option<Moment>,
    /// archiveCutoff, if stated (RFC 6960 4.4.4).
    pub archive_cutoff: Option<Moment>,
    /// certHash, if stated: contents octets of the OID of its algorithm, and the hash of the
    /// certificate; both empty if absent.
    pub cert_hash: (Opaque<0, 32>, Opaque<0, 64>),
}

/// certStatus of RFC 6960 4.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OcspStatus {
    /// The certificate is not revoked.
    Good,
    /// Revoked; when and why says the record of kind 6 before this one.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

impl OcspStatus {
    /// The name in RFC 6960.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

impl OcspBody {
    /// Fails without answers, or with more than [`ANSWERS_MAX`].
    ///
    /// # Errors
    /// [`RecordError::Bounds`] without answers, or with more than [`ANSWERS_MAX`].
    pub fn new(
        issuer_key_hash: [u8; 32],
        responder_key_hash: [u8; 32],
        digest: [u8; 32],
        produced_at: Moment,
        answers: Vec<OcspAnswer>,
    ) -> Result<Self, RecordError> {
        if !(1..=ANSWERS_MAX).contains(&answers.len()) {
            return Err(RecordError::Bounds {
                field: "answers (count)",
                length: answers.len(),
                min: 1,
                max: ANSWERS_MAX,
            });
        }
        Ok(Self {
            issuer_key_hash,
            responder_key_hash,
            digest,
            produced_at,
            answers,
        })
    }

    /// The answers, in the response's order; 1 to [`ANSWERS_MAX`].
    pub fn answers(&self) -> &[OcspAnswer] {
        &self.answers
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.fixed(&self.issuer_key_hash);
        out.fixed(&self.responder_key_hash);
        out.fixed(&self.digest);
        out.moment(self.produced_at);
        let mut answers = Writer(Vec::new());
        for answer in &self.answers {
            answers.opaque(&answer.serial);
            answers.u8(match answer.status {
                OcspStatus::Good => 0,
                OcspStatus::Revoked => 1,
                OcspStatus::Unknown => 2,
            });
            answers.moment(answer.this_update);
            answers.optional_moment(answer.next_update);
            answers.optional_moment(answer.archive_cutoff);
            answers.opaque(&answer.cert_hash.0);
            answers.opaque(&answer.cert_hash.1);
        }
        out.prefixed(&answers.0, ANSWERS_SIZE_MAX);
    }

    pub(crate) fn read(fields: &mut Cursor<'_>) -> Result<Self, RecordError> {
        let issuer_key_hash = fields.array("issuer_key_hash")?;
        let responder_key_hash = fields.array("responder_key_hash")?;
        let digest = fields.array("digest")?;
        let produced_at = fields.moment("produced_at")?;
        let length = fields.length("answers", ANSWERS_SIZE_MAX)?;
        let mut list = Cursor::new(fields.take("answers", length)?);
        let mut answers = Vec::new();
        while !list.is_empty() {
            answers.push(read_answer(&mut list)?);
        }
        Self::new(
            issuer_key_hash,
            responder_key_hash,
            digest,
            produced_at,
            answers,
        )
    }
}

fn read_answer(list: &mut Cursor<'_>) -> Result<OcspAnswer, RecordError> {
    let answer = OcspAnswer {
        serial: list.opaque("serial")?,
        status: match list.u8("status")? {
            0 => OcspStatus::Good,
            1 => OcspStatus::Revoked,
            2 => OcspStatus::Unknown,
            value => {
                return Err(RecordError::Value {
                    field: "status",
                    value: value.into(),
                });
            }
        },
        this_update: list.moment("this_update")?,
        next_update: list.optional_moment("next_update")?,
        archive_cutoff: list.optional_moment("archive_cutoff")?,
        cert_hash: (
            list.opaque("cert_hash_algorithm")?,
            list.opaque("cert_hash")?,
        ),
    };
    let (algorithm, hash) = &answer.cert_hash;
    if algorithm.as_bytes().is_empty() != hash.as_bytes().is_empty() {
        return Err(RecordError::Value {
            field: "cert_hash",
            value: 0,
        });
    }
    Ok(answer)
}
