//! What a report consists of.
//!
//! Three things are kept apart, because different parties answer for them. The *statement* is what
//! log and witnesses prove; the *facts* are what the issuer claims in the artifact, with its
//! signature checked; the *checks* are what was done, in order, and how each ended. The words are
//! those of ETSI EN 319 102-1 (clause 5.1.3, tables 5 and 6).

use ishibumi_artifact::record::Accuracy;
use ishibumi_artifact::time::Time;
use ishibumi_tlog::Hash;
use ishibumi_tlog::policy::AlgorithmRequirement;

/// Main status indication (EN 319 102-1, table 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indication {
    /// Everything that was asked for holds.
    TotalPassed,
    /// Something that was asked for is shown to be false.
    TotalFailed,
    /// What was given does not suffice to tell.
    Indeterminate,
}

impl Indication {
    /// The standard's spelling.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TotalPassed => "TOTAL-PASSED",
            Self::TotalFailed => "TOTAL-FAILED",
            Self::Indeterminate => "INDETERMINATE",
        }
    }
}

/// Why it is not TOTAL-PASSED (EN 319 102-1, table 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubIndication {
    /// The issuer of a certificate in the path does not vouch for it as it has to.
    ChainConstraintsFailure,
    /// An algorithm that is not accepted.
    CryptoConstraintsFailureNoPoe,
    /// The signature was made after the certificate had expired.
    Expired,
    /// Octets that are not what they have to be.
    FormatFailure,
    /// Any other reason, which the detail tells.
    Generic,
    /// Something does not have the hash that was signed or proven.
    HashFailure,
    /// No path to a trust anchor.
    NoCertificateChainFound,
    /// Nothing proves that it existed: no witness quorum, or a log that the policy does not name.
    NoPoe,
    /// The signer's certificate is not at hand.
    NoSigningCertificateFound,
    /// The signature was made before the certificate became valid.
    NotYetValid,
    /// Existence is proven only for a time after the certificate had expired.
    OutOfBoundsNoPoe,
    /// The certificate was revoked, and that decides.
    Revoked,
    /// A CA of the path was revoked, and nothing proves that the artifact is older.
    RevokedCaNoPoe,
    /// The certificate was revoked, and nothing proves that the artifact is older.
    RevokedNoPoe,
    /// A signature that does not verify.
    SigCryptoFailure,
    /// What was signed is not at hand, and it is demanded.
    SignedDataNotFound,
    /// The signer's certificate, or the signature's form, is not what the standard demands.
    SigConstraintsFailure,
    /// Times that contradict each other.
    TimestampOrderFailure,
    /// Revocation data are missing or say nothing about the time in question.
    TryLater,
}

impl SubIndication {
    /// The standard's spelling.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ChainConstraintsFailure => "CHAIN_CONSTRAINTS_FAILURE",
            Self::CryptoConstraintsFailureNoPoe => "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
            Self::Expired => "EXPIRED",
            Self::FormatFailure => "FORMAT_FAILURE",
            Self::Generic => "GENERIC",
            Self::HashFailure => "HASH_FAILURE",
            Self::NoCertificateChainFound => "NO_CERTIFICATE_CHAIN_FOUND",
            Self::NoPoe => "NO_POE",
            Self::NoSigningCertificateFound => "NO_SIGNING_CERTIFICATE_FOUND",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::OutOfBoundsNoPoe => "OUT_OF_BOUNDS_NO_POE",
            Self::Revoked => "REVOKED",
            Self::RevokedCaNoPoe => "REVOKED_CA_NO_POE",
            Self::RevokedNoPoe => "REVOKED_NO_POE",
            Self::SigCryptoFailure => "SIG_CRYPTO_FAILURE",
            Self::SigConstraintsFailure => "SIG_CONSTRAINTS_FAILURE",
            Self::SignedDataNotFound => "SIGNED_DATA_NOT_FOUND",
            Self::TimestampOrderFailure => "TIMESTAMP_ORDER_FAILURE",
            Self::TryLater => "TRY_LATER",
        }
    }

    /// The indication that it belongs to: the standard leaves no choice.
    pub const fn indication(self) -> Indication {
        match self {
            Self::Expired
            | Self::FormatFailure
            | Self::HashFailure
            | Self::NotYetValid
            | Self::Revoked
            | Self::SigCryptoFailure => Indication::TotalFailed,
            Self::ChainConstraintsFailure
            | Self::CryptoConstraintsFailureNoPoe
            | Self::Generic
            | Self::NoCertificateChainFound
            | Self::NoPoe
            | Self::NoSigningCertificateFound
            | Self::OutOfBoundsNoPoe
            | Self::RevokedCaNoPoe
            | Self::RevokedNoPoe
            | Self::SigConstraintsFailure
            | Self::SignedDataNotFound
            | Self::TimestampOrderFailure
            | Self::TryLater => Indication::Indeterminate,
        }
    }
}

/// The steps of a verification, in their order.
/// Whoever shows a report has to have a word for each: a new one is a new version of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The proof file can be read.
    ProofFile,
    /// A log of the policy signed the checkpoint, and the quorum cosigned it.
    Checkpoint,
    /// The artifact, checked by the rules of admission, as of its own time.
    Artifact,
    /// The record that is rebuilt from the artifact is in the tree.
    Inclusion,
    /// Tokens over checkpoints are what they have to be. One that is not is named and left out.
    CheckpointTokens,
    /// The log's own algorithms count, by the caller's dated rules. Not there unless they do not.
    LogAlgorithms,
    /// Every algorithm of the artifact counted when it was needed, by the caller's dated rules; or
    /// the token is marked, since it is signed over SHA-1. Not there without rules or mark.
    Algorithms,
    /// The signature existed while the signer's certificate was valid.
    ProvenTime,
    /// What the artifact says about time does not contradict the proven time.
    TimeOrder,
    /// The document is the one that was stamped.
    Document,
    /// The signer's certificate was not revoked, or in a way that spares the artifact.
    Revocation,
    /// None of the CAs between signer and anchor was revoked, or in a way that spares the artifact.
    IssuerRevocation,
}

impl Step {
    /// Stable name in JSON, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProofFile => "proof-file",
            Self::Checkpoint => "checkpoint",
            Self::Artifact => "artifact",
            Self::Inclusion => "inclusion",
            Self::CheckpointTokens => "checkpoint-tokens",
            Self::LogAlgorithms => "log-algorithms",
            Self::Algorithms => "algorithms",
            Self::ProvenTime => "proven-time",
            Self::TimeOrder => "time-order",
            Self::Document => "document",
            Self::Revocation => "revocation",
            Self::IssuerRevocation => "issuer-revocation",
        }
    }

    /// Which of the three answers it belongs to.
    pub const fn asked(self) -> Asked {
        match self {
            Self::ProofFile
            | Self::Checkpoint
            | Self::Inclusion
            | Self::CheckpointTokens
            | Self::LogAlgorithms => Asked::Existed,
            Self::Artifact
            | Self::Algorithms
            | Self::ProvenTime
            | Self::TimeOrder
            | Self::Revocation
            | Self::IssuerRevocation => Asked::Valid,
            Self::Document => Asked::AboutDocument,
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed(SubIndication),
    /// It was not asked for, or there is nothing to check it with.
    NotChecked,
}

/// One step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Which.
    pub step: Step,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, in English; empty if there is nothing to add.
    pub detail: String,
}

impl Check {
    /// Of several checks the one that decides against what they are about: the first that shows
    /// something to be false, else the first that could not tell.
    pub(super) fn worst<'a>(checks: &(impl Iterator<Item = &'a Self> + Clone)) -> Option<&'a Self> {
        let failed = |wanted: Option<Indication>| {
            checks.clone().find(|check| match check.outcome {
                Outcome::Failed(sub) => wanted.is_none_or(|wanted| sub.indication() == wanted),
                Outcome::Passed | Outcome::NotChecked => false,
            })
        };
        failed(Some(Indication::TotalFailed)).or_else(|| failed(None))
    }
}

/// A witness whose cosignature verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Witnessed {
    /// Its key name.
    pub name: String,
    /// The algorithm of the key that signed: a witness may have one of each.
    pub algorithm: &'static str,
    /// When it says that it saw the tree, in seconds since the Epoch.
    pub time: u64,
}

/// What log and witnesses prove: these very octets existed at `not_after`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// RFC 6962 leaf hash of the record.
    pub leaf: Hash,
    /// Kind of the record, as in `ishibumi_artifact::record::kind`.
    pub kind: u16,
    /// Zero-based index of the record in the log.
    pub index: u64,
    /// The log.
    pub origin: String,
    /// Number of records in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// Keys of the policy's witnesses that cosigned this tree, by time.
    pub witnesses: Vec<Witnessed>,
    /// How many witnesses these are: keys of one name are one.
    pub witness_count: usize,
    /// Witnesses that the policy names and that count under the demand.
    pub witnesses_known: usize,
    /// Which cosignatures counted, for the quorum and for the proven time.
    pub demand: AlgorithmRequirement,
    /// The smallest T such that the cosignatures dated at or before T are a quorum, in seconds
    /// since the Epoch. None under `quorum none`, which proves no time.
    pub not_after: Option<u64>,
}

/// A certificate, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateFacts {
    /// Subject, RFC 4514.
    pub subject: String,
    /// Issuer, RFC 4514.
    pub issuer: String,
    /// serialNumber: contents octets of the INTEGER.
    pub serial: Vec<u8>,
    /// Start of validity.
    pub not_before: Time,
    /// End of validity.
    pub not_after: Time,
    /// SHA-256 of the DER.
    pub digest: [u8; 32],
}

/// What the issuer states in the artifact.
/// Whoever shows a report has to have a word for each: a new one is a new version of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// A time-stamp token.
    Token {
        /// When the TSU says that it stamped.
        gen_time: Time,
        /// How wrong that may be, either way; none means unknown.
        accuracy: Option<Accuracy>,
        /// serialNumber: contents octets of the INTEGER.
        serial: Vec<u8>,
        /// TSA policy, dotted.
        policy: String,
        /// Hash algorithm of the imprint.
        imprint_algorithm: &'static str,
        /// The imprint.
        imprint: Vec<u8>,
        /// The TSU's certificate.
        tsu: Box<CertificateFacts>,
    },
    /// A certificate.
    Certificate(Box<CertificateFacts>),
    /// A revocation list.
    Crl(ListFacts),
    /// An OCSP response.
    Ocsp(ResponseFacts),
}

/// A revocation list, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListFacts {
    /// Who signed it, RFC 4514.
    pub issuer: String,
    /// cRLNumber: contents octets of the INTEGER, empty if absent.
    pub number: Vec<u8>,
    /// thisUpdate.
    pub this_update: Time,
    /// nextUpdate.
    pub next_update: Option<Time>,
    /// Whether it says only what has changed since another list.
    pub is_delta: bool,
    /// Whether its issuer says that no other will follow (nextUpdate 99991231235959Z).
    pub is_last: bool,
    /// expiredCertsOnCRL: certificates that expired since then are still listed.
    pub expired_certs_on: Option<Time>,
    /// Entries.
    pub entries: u32,
    /// SHA-256 of the DER.
    pub digest: [u8; 32],
}

/// An OCSP response, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseFacts {
    /// The CA that it speaks for, RFC 4514.
    pub issuer: String,
    /// Who signed it, RFC 4514.
    pub responder: String,
    /// Whether that is a responder whom the caller trusts itself, and not one that the CA
    /// authorised.
    pub is_by_trusted_responder: bool,
    /// producedAt.
    pub produced_at: Time,
    /// Its answers, in its order.
    pub answers: Vec<AnswerFacts>,
    /// SHA-256 of the DER.
    pub digest: [u8; 32],
}

/// What an OCSP response says about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerFacts {
    /// Serial of the certificate: contents octets of the INTEGER.
    pub serial: Vec<u8>,
    /// `good`, `revoked` or `unknown`.
    pub status: &'static str,
    /// thisUpdate.
    pub this_update: Time,
    /// nextUpdate.
    pub next_update: Option<Time>,
    /// archiveCutoff: certificates that expired since then are still answered about.
    pub archive_cutoff: Option<Time>,
    /// Whether certHash names the very certificate: a positive statement that it was issued.
    pub names_the_certificate: bool,
}

/// What a list or a response says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InformationFacts {
    /// A revocation list.
    Crl(ListFacts),
    /// An OCSP response.
    Ocsp(ResponseFacts),
}

/// A list or a response that was given to learn about revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsultedInformation {
    /// The caller's name for it, such as a path.
    pub name: String,
    /// What it says of itself, or why it was not used.
    pub says: Result<InformationFacts, String>,
    /// What the log proves about it, if a proof came with it: the statement, or why the proof is
    /// not good.
    pub logged: Option<Result<Box<Statement>, String>>,
}

/// A token over a checkpoint that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsultedToken {
    /// The caller's name for it, such as a path.
    pub name: String,
    /// What it proves, or why it was not used.
    pub stamped: Result<StampedCheckpoint, String>,
}

/// What a token over a checkpoint proves: the tree, and the record in it, existed at `not_after`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StampedCheckpoint {
    /// Number of records in the tree that it stamps.
    pub size: u64,
    /// When the TSU says that it stamped.
    pub gen_time: Time,
    /// How wrong that may be, either way; none means unknown.
    pub accuracy: Option<Accuracy>,
    /// genTime and accuracy: the tree existed before this.
    pub not_after: Time,
    /// serialNumber: contents octets of the INTEGER.
    pub serial: Vec<u8>,
    /// The TSU's certificate.
    pub tsu: Box<CertificateFacts>,
}

/// The earliest time before which the record is proven to have existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Existence {
    /// That time.
    pub not_after: Time,
    /// What proves it: one proof, never parts of several.
    pub by: ProvenBy,
}

/// What proves a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvenBy {
    /// The quorum of witnesses, [`Statement::not_after`].
    Witnesses,
    /// A token over a checkpoint: its index in
    /// [`Report::checkpoint_tokens`](crate::Report::checkpoint_tokens).
    CheckpointToken(usize),
}

/// How a CA between signer and anchor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerState {
    /// Its subject, RFC 4514.
    pub subject: String,
    /// What is known.
    pub revocation: Revocation,
}

/// What is known about the revocation of the signer's certificate (a token) or of the certificate.
/// Whoever shows a report has to have a word for each: a new one is a new version of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Neither a list nor a response was given.
    NotChecked,
    /// None that was given covers the certificate and the time; why, in English.
    NotCovered(String),
    /// A list that covers the certificate does not name it, or a response calls it good.
    NotRevoked {
        /// thisUpdate of the newest.
        as_of: Time,
    },
    /// A list or a response says so.
    Revoked {
        /// revocationDate.
        date: Time,
        /// reasonCode as named in RFC 5280; none if the entry states none.
        reason: Option<&'static str>,
        /// invalidityDate.
        invalidity_date: Option<Time>,
    },
}

/// What a report answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Did it exist in the log before T?
    Existed,
    /// Was it valid by its issuer's rules then, revocation included?
    Valid,
    /// Is it about this document?
    AboutDocument,
}

/// Whether what is proven is about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AboutDocument {
    /// The document that was given is the one that the token stamps.
    Compared,
    /// A token, and no document was given: what it stamps is not known to be any.
    NotCompared,
    /// Certificates, lists and responses are about no document.
    NotApplicable,
}

/// What an answer in favour of validity knows of revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationKnown {
    /// What was given tells about the signer's certificate and every CA between it and the anchor,
    /// and nothing of it stands against the artifact.
    Known,
    /// Nothing that was given tells about all of them, and the caller chose not to ask
    /// ([`RevocationRule::NotAsked`](super::RevocationRule::NotAsked)).
    NotAsked,
    /// The signer's certificate is itself an anchor: whoever trusts it directly answers for that.
    TrustedDirectly,
    /// A list or a response is a statement: nothing revokes it.
    NotApplicable,
}

/// What the steps found, as far as they were taken. It decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) checks: Vec<Check>,
    pub(super) statement: Option<Statement>,
    pub(super) facts: Option<Facts>,
    pub(super) existence: Option<Existence>,
    pub(super) checkpoint_tokens: Vec<ConsultedToken>,
    pub(super) revocation: Revocation,
    pub(super) issuers: Vec<IssuerState>,
    pub(super) information: Vec<ConsultedInformation>,
}

impl Noted {
    pub(super) const fn new() -> Self {
        Self {
            checks: Vec::new(),
            statement: None,
            facts: None,
            existence: None,
            checkpoint_tokens: Vec::new(),
            revocation: Revocation::NotChecked,
            issuers: Vec::new(),
            information: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, step: Step, outcome: Outcome, detail: impl Into<String>) {
        self.checks.push(Check {
            step,
            outcome,
            detail: detail.into(),
        });
    }

    /// How a step ended, if it was reached.
    pub(super) fn outcome(&self, step: Step) -> Option<Outcome> {
        self.checks
            .iter()
            .find(|check| check.step == step)
            .map(|check| check.outcome)
    }

    /// Whether something was shown to be false.
    pub(super) fn is_disproven(&self) -> bool {
        let decided = self.deciding().map(|check| check.outcome);
        matches!(decided, Some(Outcome::Failed(sub)) if sub.indication() == Indication::TotalFailed)
    }

    /// The step that decides against what is asked for.
    pub(super) fn deciding(&self) -> Option<&Check> {
        Check::worst(&self.checks.iter())
    }
}
