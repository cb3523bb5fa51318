//! TSTInfo, what a time-stamping unit signs (RFC 3161 2.4.2). DER only.
//!
//! Everything is kept as signed; only what a verifier computes with is turned into values.

use thiserror::Error;

use crate::asn1::{
    self, Asn1Error, BOOLEAN, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader,
    SEQUENCE, context, context_constructed,
};
use crate::general_name::GeneralName;
use crate::hash::{HashAlgorithm, HashError};
use crate::oid;
use crate::oid::dotted;
use crate::qc_statements::QcStatements;
use crate::record::{Accuracy, GenTime, RecordError};

/// Why a content is not a TSTInfo.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TstError {
    /// ASN.1 of a field.
    #[error("TSTInfo.{field}: {source}")]
    Malformed {
        /// Name of the field.
        field: &'static str,
        /// Why its octets cannot be read.
        source: Asn1Error,
    },
    /// A version other than 1.
    #[error("TSTInfo.version is {0}, not 1")]
    Version(u32),
    /// The imprint's hash is not accepted.
    #[error("TSTInfo.messageImprint: {0}")]
    ImprintAlgorithm(#[from] HashError),
    /// The imprint's length is not that of its hash.
    #[error("TSTInfo.messageImprint has {found} octets, {name} has {expected}")]
    ImprintLength {
        /// Hash's name.
        name: &'static str,
        /// Octets expected.
        expected: usize,
        /// Octets found.
        found: usize,
    },
    /// A field outside the bounds of a record.
    #[error("TSTInfo: {0}")]
    Field(#[from] RecordError),
    /// The `tsa` name cannot be read.
    #[error("TSTInfo.tsa: {0}")]
    TsaName(String),
    /// A critical extension; none is known.
    #[error("TSTInfo has the critical extension {0}, which is not understood here")]
    CriticalExtension(String),
}

impl TstError {
    /// Stable code, kebab-case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Version(_) => "tst-version",
            Self::ImprintAlgorithm(_) | Self::ImprintLength { .. } => "imprint-refused",
            Self::CriticalExtension(_) => "tst-critical-extension",
            _ => "tst-malformed",
        }
    }
}

/// A TSTInfo that could be read.
#[derive(Clone, Debug)]
pub(crate) struct TstInfo {
    pub(crate) policy: Vec<u8>,
    pub(crate) imprint_algorithm: HashAlgorithm,
    pub(crate) imprint: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) gen_time: GenTime,
    pub(crate) accuracy: Option<Accuracy>,
    pub(crate) ordering: bool,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) tsa: Option<GeneralName>,
    pub(crate) claims_qualified: bool,
}

fn at<T>(field: &'static str, read: Result<T, Asn1Error>) -> Result<T, TstError> {
    read.map_err(|source| TstError::Malformed { field, source })
}

impl TstInfo {
    pub(crate) fn read(content: &[u8]) -> Result<Self, TstError> {
        let mut fields = at("all", asn1::only(Reader::der(content), SEQUENCE))?.reader();
        let version = at("version", at("version", fields.expect(INTEGER))?.unsigned())?;
        // Of another version nothing else is known.
        if version != 1 {
            return Err(TstError::Version(version));
        }
        at("all", asn1::check_der(content))?;
        let policy = at("policy", fields.expect(OBJECT_IDENTIFIER))?
            .content
            .to_vec();
        let (imprint_algorithm, imprint) = read_imprint(&mut fields)?;
        let serial = at("serialNumber", fields.expect(INTEGER))?;
        let serial = at("serialNumber", serial.integer_octets())?.to_vec();
        let gen_time = GenTime::new(at("genTime", fields.expect(GENERALIZED_TIME))?.content)?;
        let accuracy = at("accuracy", fields.optional(SEQUENCE))?;
        let accuracy = accuracy
            .map(|element| read_accuracy(element.reader()))
            .transpose()?;
        let ordering = at("ordering", fields.optional(BOOLEAN))?;
        let nonce = at("nonce", fields.optional(INTEGER))?;
        let tsa = at("tsa", fields.optional(context_constructed(0)))?;
        let extensions = at("extensions", fields.optional(context_constructed(1)))?;
        at("all", fields.finish())?;
        let claims_qualified = match extensions {
            Some(extensions) => read_extensions(extensions.reader())?,
            None => false,
        };
        let read_name = |wrapper: asn1::Element<'_>| {
            let mut choice = wrapper.reader();
            let name = choice.next()?.ok_or(Asn1Error::Value("it is empty"))?;
            choice.finish()?;
            GeneralName::read(&name)
        };
        Ok(Self {
            policy,
            imprint_algorithm,
            imprint,
            serial,
            gen_time,
            accuracy,
            ordering: ordering.is_some_and(|element| element.content == [0xff]),
            nonce: nonce.map(|element| element.content.to_vec()),
            tsa: tsa
                .map(read_name)
                .transpose()
                .map_err(|error| TstError::TsaName(error.to_string()))?,
            claims_qualified,
        })
    }
}

fn read_imprint(fields: &mut Reader<'_>) -> Result<(HashAlgorithm, Vec<u8>), TstError> {
    let part = "messageImprint";
    let mut imprint = at(part, fields.expect(SEQUENCE))?.reader();
    let mut algorithm = at(part, imprint.expect(SEQUENCE))?.reader();
    let algorithm =
        HashAlgorithm::from_oid_octets(at(part, algorithm.expect(OBJECT_IDENTIFIER))?.content)?;
    let octets = at(part, imprint.octet_string())?;
    at(part, imprint.finish())?;
    if octets.len() != algorithm.digest_length() {
        return Err(TstError::ImprintLength {
            name: algorithm.name(),
            expected: algorithm.digest_length(),
            found: octets.len(),
        });
    }
    Ok((algorithm, octets))
}

fn read_accuracy(mut fields: Reader<'_>) -> Result<Accuracy, TstError> {
    let part = "accuracy";
    let mut number = |tag| -> Result<u32, TstError> {
        let element = at(part, fields.optional(tag))?;
        element.map_or(Ok(0), |element| at(part, element.unsigned()))
    };
    let (seconds, millis, micros) = (number(INTEGER)?, number(context(0))?, number(context(1))?);
    at(part, fields.finish())?;
    let small = |value| u16::try_from(value).unwrap_or(u16::MAX);
    Ok(Accuracy::new(seconds, small(millis), small(micros))?)
}

/// Reads the extensions: they may make claims, and a critical one would change the meaning of the
/// token. Answers whether qcStatements holds esi4-qtstStatement-1 (EN 319 422 9.1); if it cannot be
/// read, it claims nothing.
fn read_extensions(mut extensions: Reader<'_>) -> Result<bool, TstError> {
    let part = "extensions";
    let mut claims_qualified = false;
    while let Some(extension) = at(part, extensions.next())? {
        let mut fields = extension.reader();
        let name = at(part, fields.expect(OBJECT_IDENTIFIER))?.content;
        if at(part, fields.optional(BOOLEAN))?.is_some_and(|critical| critical.content == [0xff]) {
            return Err(TstError::CriticalExtension(dotted(name)));
        }
        if name == oid::QC_STATEMENTS.as_bytes() {
            let value = at(part, fields.expect(OCTET_STRING))?;
            let claim = oid::QTST_STATEMENT.to_string();
            claims_qualified |= QcStatements::read(value.content)
                .is_ok_and(|statements| statements.identifiers.contains(&claim));
        }
    }
    Ok(claims_qualified)
}
