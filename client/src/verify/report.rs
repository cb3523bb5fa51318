//! What a verification says: one value, from which text and JSON are rendered.
//!
//! Three things are kept apart, because different parties answer for them. The *statement* is what
//! log and witnesses prove; the *facts* are what the issuer claims in the artifact, with its
//! signature checked; the *checks* are what was done, in order, and how each ended. The words are
//! those of ETSI EN 319 102-1 (clause 5.1.3, tables 5 and 6).

use ishibumi_artifact::record::Accuracy;
use ishibumi_artifact::time::Time;
use ishibumi_tlog::Hash;
use ishibumi_tlog::policy::Demand;

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
            _ => Indication::Indeterminate,
        }
    }
}

/// The steps of a verification, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The proof file can be read.
    ProofFile,
    /// A log of the policy signed the checkpoint, and the quorum cosigned it.
    Checkpoint,
    /// The artifact, checked by the rules of admission, as of its own time.
    Artifact,
    /// The record that is rebuilt from the artifact is in the tree.
    Inclusion,
    /// The signature existed while the signer's certificate was valid.
    ProvenTime,
    /// What the artifact says about time does not contradict the proven time.
    TimeOrder,
    /// The document is the one that was stamped.
    Document,
    /// The signer's certificate was not revoked, or in a way that spares the artifact.
    Revocation,
}

impl Step {
    /// Stable name in JSON, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProofFile => "proof-file",
            Self::Checkpoint => "checkpoint",
            Self::Artifact => "artifact",
            Self::Inclusion => "inclusion",
            Self::ProvenTime => "proven-time",
            Self::TimeOrder => "time-order",
            Self::Document => "document",
            Self::Revocation => "revocation",
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
pub struct Check {
    /// Which.
    pub step: Step,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, in English; empty if there is nothing to add.
    pub detail: String,
}

/// A witness whose cosignature verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// Its key name.
    pub name: String,
    /// When it says that it saw the tree, in seconds since the Epoch.
    pub time: u64,
}

/// What log and witnesses prove: these very octets existed at `not_after`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Witnesses of the policy that cosigned this tree, by time.
    pub witnesses: Vec<Witnessed>,
    /// Witnesses that the policy names.
    pub witnesses_known: usize,
    /// Which cosignatures counted, for the quorum and for the proven time.
    pub demand: Demand,
    /// The smallest T such that the cosignatures dated at or before T are a quorum, in seconds since
    /// the Epoch. None under `quorum none`, which proves no time.
    pub not_after: Option<u64>,
}

/// A certificate, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
}

/// A revocation list, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFacts {
    /// Who signed it, RFC 4514.
    pub issuer: String,
    /// cRLNumber: contents octets of the INTEGER, empty if absent.
    pub number: Vec<u8>,
    /// thisUpdate.
    pub this_update: Time,
    /// nextUpdate.
    pub next_update: Option<Time>,
    /// Entries.
    pub entries: u32,
    /// SHA-256 of the DER.
    pub digest: [u8; 32],
}

/// A list that was given to learn about revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsultedList {
    /// The caller's name for it, such as a path.
    pub name: String,
    /// What it says of itself, or why it was not used.
    pub list: Result<ListFacts, String>,
    /// What the log proves about the list itself, if a proof came with it: the statement, or why
    /// the proof is not good.
    pub logged: Option<Result<Box<Statement>, String>>,
}

/// What is known about the revocation of the signer's certificate (a token) or of the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// No list was given.
    NotChecked,
    /// No list that was given covers the certificate and the time; why, in English.
    NotCovered(String),
    /// A list that covers the certificate does not name it.
    NotRevoked {
        /// thisUpdate of that list.
        as_of: Time,
    },
    /// A list names it.
    Revoked {
        /// revocationDate.
        date: Time,
        /// reasonCode as named in RFC 5280; none if the entry states none.
        reason: Option<&'static str>,
        /// invalidityDate.
        invalidity_date: Option<Time>,
    },
}

/// The outcome of one verification. Only [`super::Verifier::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(super) checks: Vec<Check>,
    pub(super) statement: Option<Statement>,
    pub(super) facts: Option<Facts>,
    pub(super) artifact_digest: Hash,
    pub(super) revocation: Revocation,
    pub(super) lists: Vec<ConsultedList>,
}

impl Report {
    /// TOTAL-PASSED if no step failed, else what the first failed step says; a step that shows
    /// something false outweighs one that only could not tell.
    pub fn indication(&self) -> Indication {
        self.sub_indication()
            .map_or(Indication::TotalPassed, SubIndication::indication)
    }

    /// Why it is not TOTAL-PASSED.
    pub fn sub_indication(&self) -> Option<SubIndication> {
        self.deciding().and_then(|check| match check.outcome {
            Outcome::Failed(sub) => Some(sub),
            _ => None,
        })
    }

    /// The step that decided against TOTAL-PASSED.
    pub fn deciding(&self) -> Option<&Check> {
        let failed = |wanted: Option<Indication>| {
            self.checks.iter().find(|check| match check.outcome {
                Outcome::Failed(sub) => wanted.is_none_or(|wanted| sub.indication() == wanted),
                _ => false,
            })
        };
        failed(Some(Indication::TotalFailed)).or_else(|| failed(None))
    }

    /// Whether everything that was asked for holds.
    pub fn is_proven(&self) -> bool {
        self.indication() == Indication::TotalPassed
    }

    /// The steps, in order.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// How a step ended, if it was reached.
    pub fn outcome(&self, step: Step) -> Option<Outcome> {
        self.checks
            .iter()
            .find(|check| check.step == step)
            .map(|check| check.outcome)
    }

    /// What log and witnesses prove. Present as soon as inclusion is proven, also when a later step
    /// fails: that the octets existed is then still true.
    pub const fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// What the issuer states, once its signature and path were checked.
    pub const fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref()
    }

    /// SHA-256 of the artifact's file as it was given. A wrapping may change without changing the
    /// record; this tells.
    pub const fn artifact_digest(&self) -> Hash {
        self.artifact_digest
    }

    /// What is known about revocation.
    pub const fn revocation(&self) -> &Revocation {
        &self.revocation
    }

    /// The lists that were consulted.
    pub fn lists(&self) -> &[ConsultedList] {
        &self.lists
    }
}
