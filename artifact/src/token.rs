//! Time-stamp tokens: RFC 3161 with ESS (RFC 2634, RFC 5035, RFC 5816), verified without revocation
//! data and without a clock, as of their own genTime.
//!
//! [`TimestampToken::parse`] reads untrusted octets; only [`TimestampToken::verify`] makes a
//! [`VerifiedToken`], and only that has a record. The checks run in the order of EN 319 102-1's
//! building blocks, each with its own error: one signer, TSTInfo version 1, signed attributes,
//! signer certificate bound by ESS, message digest, signature, key purpose, name, time, path.
//! Whether the TSU's certificate was revoked is asked elsewhere ([`crate::status`]), because the
//! answer depends on lists that the token does not carry.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::asn1::{self, Asn1Error, OCTET_STRING, Reader, SEQUENCE, context_constructed};
use crate::certificate::Certificate;
use crate::cms::{CmsError, SignedData};
use crate::ess::{EssBinding, EssError, find_signer};
use crate::general_name::GeneralName;
use crate::hash::{HashAlgorithm, HashError, Hasher};
use crate::oid;
use crate::path::{Anchors, Path, PathError, PathRules, Validity, find_path};
use crate::pem::{self, PemError};
use crate::record::{Accuracy, Body, GenTime, Mark, Opaque, Record, RecordError, TokenBody};
use crate::reply::{self, ReplyError};
use crate::rules::Primitive;
use crate::signature::{Algorithm, Scheme, SignatureError};
use crate::time::Time;
use crate::tst::{TstError, TstInfo};
use crate::weak::WeakAlgorithms;
use crate::work::Work;

/// Largest token or reply that is read, in octets.
pub const TOKEN_INPUT_MAX: usize = 65_536;

/// Domain separation of [`TokenBody::content`].
const CONTENT_LABEL: &[u8] = b"ishibumi/timestamp-token/v1\0";

/// Why a token is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// Larger than [`TOKEN_INPUT_MAX`].
    #[error("a token of {0} octets; at most {TOKEN_INPUT_MAX} are read")]
    Size(usize),
    /// PEM around it is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The reply carries no token.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// Its SignedData.
    #[error("token: {0}")]
    Cms(#[from] CmsError),
    /// Its TSTInfo.
    #[error("token: {0}")]
    Tst(#[from] TstError),
    /// An attribute cannot be read.
    #[error("token, signed attribute {attribute}: {source}")]
    Attribute {
        /// Name of the attribute.
        attribute: &'static str,
        /// Why its octets cannot be read.
        source: Asn1Error,
    },
    /// The contentType attribute names another type.
    #[error("token: the signed contentType is not id-ct-TSTInfo")]
    ContentTypeAttribute,
    /// The messageDigest attribute is not the content's digest.
    #[error("token: the signed messageDigest is not the {0} digest of the content")]
    MessageDigest(&'static str),
    /// The signature covers the attributes in another order than the standard says.
    #[error(
        "token: it is signed over its attributes in the order in which they stand in it, which is not that of \
         DER (RFC 5652 5.4); OpenSSL and Windows accept such a token, BouncyCastle and EU DSS refuse it, as \
         is done here"
    )]
    AttributeOrder,
    /// The algorithms named in the signed attributes differ from those used (RFC 6211).
    #[error("token: CMSAlgorithmProtection names other algorithms than the signer information")]
    AlgorithmProtection,
    /// A hash that is not accepted.
    #[error("token: {0}")]
    Hash(#[from] HashError),
    /// The signer's certificate is neither in the token nor known.
    #[error("token: the signer's certificate is neither in the token nor registered")]
    SignerUnknown,
    /// The ESS attribute names another certificate than the one that fits the signer identifier.
    #[error(
        "token: the {attribute} attribute names another certificate than the signer's, `{subject}`"
    )]
    EssMismatch {
        /// Name of the attribute.
        attribute: &'static str,
        /// The signer's subject.
        subject: String,
    },
    /// Neither signingCertificate nor signingCertificateV2.
    #[error(
        "token: neither signingCertificate nor signingCertificateV2 binds the signer's certificate"
    )]
    EssMissing,
    /// The signature is wrong.
    #[error("token: {0}")]
    Signature(#[from] SignatureError),
    /// extendedKeyUsage is not exactly timeStamping.
    #[error(
        "certificate `{subject}`: extendedKeyUsage must name timeStamping and nothing else (RFC 3161 2.3)"
    )]
    ExtendedKeyUsage {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
    },
    /// extendedKeyUsage is not critical.
    #[error("certificate `{subject}`: extendedKeyUsage must be critical (RFC 3161 2.3)")]
    ExtendedKeyUsageNotCritical {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
    },
    /// keyUsage allows something else, or not signing.
    #[error("certificate `{subject}`: keyUsage may be digitalSignature and nonRepudiation only")]
    KeyUsage {
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
    },
    /// The `tsa` field is none of the certificate's names.
    #[error("token: the tsa field is none of the names of `{subject}`")]
    TsaName {
        /// The signer's subject.
        subject: String,
    },
    /// genTime lies outside the validity of the certificate.
    #[error(
        "token: genTime {gen_time} lies outside the validity of `{subject}`, {not_before} to {not_after}"
    )]
    GenTimeOutsideCertificate {
        /// genTime of the token.
        gen_time: Time,
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
        /// Start.
        not_before: Time,
        /// End.
        not_after: Time,
    },
    /// genTime lies outside privateKeyUsagePeriod.
    #[error("token: genTime {gen_time} lies outside the private key usage period of `{subject}`")]
    GenTimeOutsideKeyPeriod {
        /// genTime of the token.
        gen_time: Time,
        /// Subject of the certificate, as an RFC 4514 string.
        subject: String,
    },
    /// There is no path to an anchor.
    #[error("token, path at genTime: {0}")]
    Path(#[from] PathError),
    /// A field does not fit a record.
    #[error("token: {0}")]
    Record(#[from] RecordError),
}

impl From<EssError> for TokenError {
    fn from(error: EssError) -> Self {
        match error {
            EssError::Attribute { attribute, source } => Self::Attribute { attribute, source },
            EssError::Hash(error) => Self::Hash(error),
            EssError::Missing => Self::EssMissing,
            EssError::Mismatch { attribute, subject } => Self::EssMismatch { attribute, subject },
            EssError::SignerUnknown => Self::SignerUnknown,
        }
    }
}

impl TokenError {
    /// Stable code of the error, kebab-case, independent of the text.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size(_) => "too-large",
            Self::Pem(_) => "pem-malformed",
            Self::Reply(error) => error.code(),
            Self::Cms(error) => error.code(),
            Self::Tst(error) => error.code(),
            Self::Attribute { .. } => "token-malformed",
            Self::ContentTypeAttribute => "content-type-mismatch",
            Self::MessageDigest(_) => "message-digest-mismatch",
            Self::AttributeOrder => "signed-attributes-unsorted",
            Self::AlgorithmProtection => "algorithm-protection-mismatch",
            Self::Hash(_) => "hash-algorithm-refused",
            Self::SignerUnknown => "signer-unknown",
            Self::EssMismatch { .. } => "ess-mismatch",
            Self::EssMissing => "ess-missing",
            Self::Signature(error) => error.code(),
            Self::ExtendedKeyUsage { .. } => "eku-not-timestamping",
            Self::ExtendedKeyUsageNotCritical { .. } => "eku-not-critical",
            Self::KeyUsage { .. } => "tsu-key-usage",
            Self::TsaName { .. } => "tsa-name-mismatch",
            Self::GenTimeOutsideCertificate { .. } => "gen-time-outside-certificate",
            Self::GenTimeOutsideKeyPeriod { .. } => "gen-time-outside-key-period",
            Self::Path(error) => error.code(),
            Self::Record(_) => "record-bounds",
        }
    }
}

/// A token that could be read. Nothing about it is verified.
#[derive(Clone, Debug)]
pub struct TimestampToken {
    signed: SignedData,
    info: TstInfo,
}

impl TimestampToken {
    /// Reads a TimeStampResp or a bare token (ContentInfo), DER or BER, in PEM or not.
    ///
    /// # Errors
    /// [`TokenError`], if the TSA granted no token, or the octets are no token that can be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        // PEM takes four characters for three octets, and lines end.
        if bytes.len() > TOKEN_INPUT_MAX * 3 / 2 {
            return Err(TokenError::Size(bytes.len()));
        }
        let octets = pem::unwrap_one(bytes)?;
        if octets.len() > TOKEN_INPUT_MAX {
            return Err(TokenError::Size(octets.len()));
        }
        let signed = SignedData::read(reply::unwrap(&octets)?)?;
        let info = TstInfo::read(&signed.content)?;
        Ok(Self { signed, info })
    }

    /// The octets of TSTInfo, as signed once the token is verified.
    pub fn tst_info(&self) -> &[u8] {
        &self.signed.content
    }

    /// Whether the imprint in it is that of `document`. Its signature is not verified.
    pub fn stamps(&self, document: &[u8]) -> bool {
        self.info.imprint_algorithm.digest(document) == self.info.imprint
    }

    /// The octets of the ContentInfo in a TimeStampResp or bare token, as [`Self::parse`] finds it.
    ///
    /// # Errors
    /// [`TokenError`], if the TSA granted no token, or the outline cannot be read.
    pub fn content_info(bytes: &[u8]) -> Result<Vec<u8>, TokenError> {
        if bytes.len() > TOKEN_INPUT_MAX * 3 / 2 {
            return Err(TokenError::Size(bytes.len()));
        }
        let octets = pem::unwrap_one(bytes)?;
        Ok(reply::unwrap(&octets)?.to_vec())
    }

    /// Hash algorithm of the messageImprint, not verified.
    pub const fn imprint_algorithm(&self) -> HashAlgorithm {
        self.info.imprint_algorithm
    }

    /// The messageImprint's digest, not verified.
    pub fn imprint(&self) -> &[u8] {
        &self.info.imprint
    }

    /// genTime, not verified.
    pub fn gen_time(&self) -> Time {
        self.info.gen_time.time()
    }

    /// Whether it says that it stamps this digest by this function.
    pub(crate) fn stamps_digest(&self, algorithm: HashAlgorithm, digest: &[u8]) -> bool {
        self.info.imprint_algorithm == algorithm && self.info.imprint == digest
    }

    /// Verifies everything that needs no revocation data, as of genTime.
    ///
    /// # Errors
    /// [`TokenError`]: the first check that fails, in the order of the module.
    pub fn verify(&self, anchors: &Anchors) -> Result<VerifiedToken, TokenError> {
        self.verify_within(anchors, false, &mut Work::new())
    }

    /// Verifies as [`Self::verify`] does, and also accepts a signature over SHA-1 where that is
    /// refused otherwise: the token is then marked ([`VerifiedToken::mark`]). For callers that keep
    /// its record or look it up. That a marked token existed can be proven; its statement is not to
    /// be believed.
    ///
    /// # Errors
    /// [`TokenError`]: the first check that fails, in the order of the module.
    pub fn verify_marking(&self, anchors: &Anchors) -> Result<VerifiedToken, TokenError> {
        self.verify_within(anchors, true, &mut Work::new())
    }

    /// [`Self::verify_marking`] if `marking`, else [`Self::verify`]; `work` pays.
    pub(crate) fn verify_within(
        &self,
        anchors: &Anchors,
        marking: bool,
        work: &mut Work,
    ) -> Result<VerifiedToken, TokenError> {
        let weak = anchors.weak_at(self.gen_time());
        let sha1 = weak.sha1 || marking;
        self.judge(anchors, WeakAlgorithms { sha1, ..weak }, work)
    }

    /// `signing`: what the token's own signature may rest on. Its imprint and its path may not.
    fn judge(
        &self,
        anchors: &Anchors,
        signing: WeakAlgorithms,
        work: &mut Work,
    ) -> Result<VerifiedToken, TokenError> {
        let signed = &self.signed;
        let weak = anchors.weak_at(self.info.gen_time.time());
        self.info
            .imprint_algorithm
            .accepted(weak)
            .map_err(TstError::ImprintAlgorithm)?;
        let digest_algorithm = HashAlgorithm::from_oid_octets(&signed.digest_algorithm)?
            .accepted_in_signature(signing)?;
        check_content_attributes(signed, digest_algorithm)?;
        let ess = EssBinding::read_all(signed)?;
        let signer = find_signer(signed, &ess, anchors)?;

        let key = signer.public_key(weak)?;
        let outer = asn1::only(Reader::der(&signed.signature_algorithm), SEQUENCE);
        let outer = outer.map_err(SignatureError::Encoding)?;
        let algorithm = Algorithm::read(outer.reader()).map_err(SignatureError::Encoding)?;
        check_algorithm_protection(signed, &algorithm)?;
        let scheme = Scheme::read(&algorithm, Some(digest_algorithm))?;
        let verifies = |attributes| key.verify(scheme, attributes, &signed.signature, signing);
        verifies(&signed.signed_attributes).map_err(|error| {
            match &signed.attributes_as_received {
                Some(received) if verifies(received).is_ok() => TokenError::AttributeOrder,
                _ => error.into(),
            }
        })?;

        check_key_purpose(&signer)?;
        check_tsa_name(self.info.tsa.as_ref(), &signer)?;
        check_time(self.info.gen_time.time(), &signer)?;
        let rules = PathRules {
            purpose: Some((oid::KP_TIME_STAMPING, "time-stamping")),
            ..PathRules::plain(Validity::At(self.info.gen_time.time()))
        };
        let path = find_path(&signer, &signed.certificates, anchors, &rules, work)?;

        let rests_on_sha1 =
            [Some(digest_algorithm), scheme.hash()].contains(&Some(HashAlgorithm::Sha1));
        let value = key.canonical_value(&signed.signature)?;
        let record = self.record(&ess, &value)?;
        let mut primitives = vec![
            Primitive::Hash(self.info.imprint_algorithm),
            Primitive::Hash(digest_algorithm),
            key.primitive(),
        ];
        primitives.extend(scheme.hash().map(Primitive::Hash));
        primitives.extend(path.primitives()?);
        Ok(VerifiedToken {
            record,
            primitives,
            mark: (rests_on_sha1 && !weak.sha1).then_some(Mark::SHA1),
            info: self.info.clone(),
            signer,
            path,
            carried: signed.certificates.clone(),
        })
    }

    fn record(&self, ess: &[EssBinding], signature_value: &[u8]) -> Result<Record, TokenError> {
        let info = &self.info;
        let binding = ess.last().ok_or(TokenError::EssMissing)?;
        let parts = [
            &self.signed.content,
            &self.signed.signed_attributes,
            signature_value,
        ];
        Ok(Body::Token(TokenBody {
            ess_hash_algorithm: Opaque::new("ess_hash_algorithm", binding.algorithm.oid_octets())?,
            ess_hash: Opaque::new("ess_hash", binding.hash.as_slice())?,
            serial: Opaque::new("serial", info.serial.as_slice())?,
            gen_time: info.gen_time.clone(),
            accuracy: info.accuracy,
            policy: Opaque::new("policy", info.policy.as_slice())?,
            imprint_algorithm: Opaque::new(
                "imprint_algorithm",
                info.imprint_algorithm.oid_octets(),
            )?,
            content: content_digest(parts),
        })
        .into())
    }
}

/// SHA-256(label, then for each part: uint32 length and octets).
fn content_digest(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(CONTENT_LABEL);
    for part in parts {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn check_content_attributes(signed: &SignedData, digest: HashAlgorithm) -> Result<(), TokenError> {
    let missing = |name| TokenError::Cms(CmsError::AttributeMissing(name));
    let kind = signed
        .attribute(&oid::CONTENT_TYPE)
        .ok_or_else(|| missing("contentType"))?;
    let mut expected = Vec::new();
    asn1::write_element(
        &mut expected,
        asn1::OBJECT_IDENTIFIER,
        oid::TST_INFO.as_bytes(),
    );
    if kind != expected {
        return Err(TokenError::ContentTypeAttribute);
    }
    let value = signed
        .attribute(&oid::MESSAGE_DIGEST)
        .ok_or_else(|| missing("messageDigest"))?;
    let value =
        asn1::only(Reader::der(value), OCTET_STRING).map_err(|source| TokenError::Attribute {
            attribute: "messageDigest",
            source,
        })?;
    if value.content == digest.digest(&signed.content) {
        Ok(())
    } else {
        Err(TokenError::MessageDigest(digest.name()))
    }
}

/// RFC 6211: what the attribute names must be what the SignerInfo, which is not signed, names.
fn check_algorithm_protection(signed: &SignedData, used: &Algorithm<'_>) -> Result<(), TokenError> {
    let Some(value) = signed.attribute(&oid::CMS_ALGORITHM_PROTECTION) else {
        return Ok(());
    };
    let read = || -> Result<bool, Asn1Error> {
        let mut fields = asn1::only(Reader::der(value), SEQUENCE)?.reader();
        let digest = Algorithm::read(fields.expect(SEQUENCE)?.reader())?;
        let signature = Algorithm::read(fields.expect(context_constructed(1))?.reader())?;
        fields.finish()?;
        Ok(digest.oid == signed.digest_algorithm && signature.oid == used.oid)
    };
    match read() {
        Ok(true) => Ok(()),
        Ok(false) => Err(TokenError::AlgorithmProtection),
        Err(source) => Err(TokenError::Attribute {
            attribute: "CMSAlgorithmProtection",
            source,
        }),
    }
}

fn check_key_purpose(signer: &Certificate) -> Result<(), TokenError> {
    let facts = signer.facts();
    let subject = || signer.subject();
    if facts.extended_key_usage != [oid::KP_TIME_STAMPING] {
        return Err(TokenError::ExtendedKeyUsage { subject: subject() });
    }
    if !facts.extended_key_usage_critical {
        return Err(TokenError::ExtendedKeyUsageNotCritical { subject: subject() });
    }
    let Some(usage) = facts.key_usage else {
        return Ok(());
    };
    let signs = usage.digital_signature() || usage.non_repudiation();
    let more = usage.key_encipherment()
        || usage.data_encipherment()
        || usage.key_agreement()
        || usage.key_cert_sign()
        || usage.crl_sign();
    if signs && !more {
        Ok(())
    } else {
        Err(TokenError::KeyUsage { subject: subject() })
    }
}

/// RFC 3161 2.4.2: the tsa field, if there, must be one of the subject's names. A hint: the ESS
/// attribute is what identifies.
fn check_tsa_name(tsa: Option<&GeneralName>, signer: &Certificate) -> Result<(), TokenError> {
    let Some(tsa) = tsa else { return Ok(()) };
    let is_subject = tsa.directory() == Some(signer.subject_name());
    let is_alternative = || {
        signer
            .subject_alternative_names()
            .is_ok_and(|names| names.contains(tsa))
    };
    if is_subject || is_alternative() {
        Ok(())
    } else {
        Err(TokenError::TsaName {
            subject: signer.subject(),
        })
    }
}

fn check_time(gen_time: Time, signer: &Certificate) -> Result<(), TokenError> {
    let (not_before, not_after) = (signer.not_before(), signer.not_after());
    let subject = || signer.subject();
    if !(not_before..=not_after).contains(&gen_time) {
        let subject = subject();
        return Err(TokenError::GenTimeOutsideCertificate {
            gen_time,
            subject,
            not_before,
            not_after,
        });
    }
    let facts = signer.facts();
    let too_early = facts
        .private_key_not_before
        .is_some_and(|start| gen_time < start);
    let too_late = facts
        .private_key_not_after
        .is_some_and(|end| gen_time > end);
    if too_early || too_late {
        return Err(TokenError::GenTimeOutsideKeyPeriod {
            gen_time,
            subject: subject(),
        });
    }
    Ok(())
}

/// A token whose signature, binding, purpose, time and path were verified.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    record: Record,
    info: TstInfo,
    signer: Arc<Certificate>,
    path: Path,
    carried: Vec<Arc<Certificate>>,
    primitives: Vec<Primitive>,
    mark: Option<Mark>,
}

impl VerifiedToken {
    /// Why the token is not to be believed although its signature verifies: only a token of
    /// [`TimestampToken::verify_marking`] has a mark.
    pub const fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Every algorithm that it rests on: those of its imprint, its signature, and the certificates
    /// below the anchor.
    pub fn primitives(&self) -> &[Primitive] {
        &self.primitives
    }

    /// The log entry of this token.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// genTime as signed.
    pub const fn gen_time(&self) -> &GenTime {
        &self.info.gen_time
    }

    /// accuracy as signed; none means that it is unknown, not that it is zero.
    pub const fn accuracy(&self) -> Option<Accuracy> {
        self.info.accuracy
    }

    /// serialNumber: contents octets of the INTEGER.
    pub fn serial(&self) -> &[u8] {
        &self.info.serial
    }

    /// TSA policy, dotted.
    pub fn policy(&self) -> String {
        crate::oid::dotted(&self.info.policy)
    }

    /// ordering, false if absent.
    pub const fn ordering(&self) -> bool {
        self.info.ordering
    }

    /// nonce: contents octets of the INTEGER, which may be negative.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.info.nonce.as_deref()
    }

    /// Whether the TSU claims that this is a qualified time-stamp (esi4-qtstStatement-1, EN 319 422
    /// 9.1). A claim: the trusted list decides, at genTime and at the time of the proof of
    /// existence.
    pub const fn claims_qualified(&self) -> bool {
        self.info.claims_qualified
    }

    /// Hash algorithm of the messageImprint.
    pub const fn imprint_algorithm(&self) -> HashAlgorithm {
        self.info.imprint_algorithm
    }

    /// The messageImprint's digest.
    pub fn imprint(&self) -> &[u8] {
        &self.info.imprint
    }

    /// The TSU's certificate.
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// TSU certificate first, anchor last.
    pub const fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn carried(&self) -> &[Arc<Certificate>] {
        &self.carried
    }

    /// Whether this token is about `document`.
    pub fn matches(&self, document: &[u8]) -> bool {
        self.check_document_digest(&self.imprint_algorithm().digest(document))
    }

    /// A hash to feed a large document into; give its result to [`Self::check_document_digest`].
    pub fn document_hasher(&self) -> Hasher {
        self.imprint_algorithm().hasher()
    }

    /// Whether this token is about the document with this digest under
    /// [`Self::imprint_algorithm`].
    pub fn check_document_digest(&self, digest: &[u8]) -> bool {
        digest == self.imprint()
    }
}
