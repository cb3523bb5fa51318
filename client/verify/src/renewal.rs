//! Whether an evidence record (RFC 4998) still proves when its data existed: every time-stamp of it
//! sound until it was renewed, the last one sound now.
//!
//! [`ishibumi_artifact::evidence_record`] judges the record's own links, tokens, algorithms and
//! certificates. Revocation is added here, with each time-stamp's renewal as the proof that the
//! time-stamp existed by then. The time of verification comes from the caller: this is the only
//! part of the verifier that requires one.

use ishibumi_artifact::EvidenceRecord;
use ishibumi_artifact::evidence_record::{Break, Position, VerifiedStamp};
use ishibumi_artifact::rules::AlgorithmEnds;
use ishibumi_artifact::time::Time;

use super::parts::{CertificateFacts, Indication, SubIndication};
use super::revocation::{RevocationCheck, Subject};
use super::role::{Consequence, Role};
use super::{RevocationData, Verifier, facts};

/// The result of judging an evidence record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenewalReport {
    /// The time-stamps, oldest first; empty if the record does not cover its data.
    pub stamps: Vec<RenewalFacts>,
    /// The time at which the data are proven to have existed, or why there is none.
    pub proven: Result<Time, (SubIndication, String)>,
}

/// One time-stamp of an evidence record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenewalFacts {
    /// Its position in the record: chain and index.
    pub at: Position,
    /// Name of the hash function of its chain.
    pub algorithm: &'static str,
    /// genTime of its token.
    pub gen_time: Time,
    /// The latest time at which it was renewed; `None` for the last time-stamp.
    pub renewed: Option<Time>,
    /// The certificate of the unit that signed it.
    pub tsu: Box<CertificateFacts>,
}

impl RenewalReport {
    /// TOTAL-PASSED if a time is proven, else the indication of the reason.
    pub fn indication(&self) -> Indication {
        match &self.proven {
            Ok(_) => Indication::TotalPassed,
            Err((sub, _)) => sub.indication(),
        }
    }
}

impl Verifier<'_> {
    /// Judges `record` over `data`, at the time `now`, by the dated ends of algorithms in `ends`.
    pub fn check_renewals(
        &self,
        record: &EvidenceRecord,
        data: &[u8],
        revocation: &[RevocationData<'_>],
        ends: &AlgorithmEnds,
        now: Time,
    ) -> RenewalReport {
        let verified = match record.verify(data, self.anchors) {
            Ok(verified) => verified,
            Err(error) => {
                let why = format!("{error} ({})", error.code());
                let sub = match Role::EvidenceRecord.consequence(error.fault()) {
                    Consequence::Fails(sub) => sub,
                    Consequence::LeftOut => SubIndication::Generic,
                };
                return RenewalReport {
                    stamps: Vec::new(),
                    proven: Err((sub, why)),
                };
            }
        };
        let proven = verified.proven_time(ends, now).map_err(|broken| {
            let sub = match broken {
                Break::Expired { .. } => SubIndication::OutOfBoundsNoPoe,
                Break::Algorithm { .. } | Break::Hash { .. } => {
                    SubIndication::CryptoConstraintsFailureNoPoe
                }
                Break::Future { .. } => SubIndication::TimestampOrderFailure,
            };
            (sub, format!("{broken} ({})", broken.code()))
        });
        let proven = proven.and_then(|time| {
            let stamps = verified.stamps().iter();
            let paths = stamps.flat_map(|stamp| stamp.token.path().certificates());
            let paths: Vec<_> = paths.cloned().collect();
            let sources = self.consult(revocation, &paths, Some(time));
            for stamp in verified.stamps() {
                let check = RevocationCheck {
                    path: stamp.token.path(),
                    subject: Subject::Token(stamp.token.accuracy()),
                    about: stamp.token.gen_time().time(),
                    existence: stamp.renewed,
                    rule: self.revocation,
                };
                if let Some((sub, why)) = check.answer(&sources).failure() {
                    return Err((sub, format!("{}: its unit: {why}", stamp.at)));
                }
            }
            Ok(time)
        });
        RenewalReport {
            stamps: verified.stamps().iter().map(of_stamp).collect(),
            proven,
        }
    }
}

fn of_stamp(stamp: &VerifiedStamp) -> RenewalFacts {
    RenewalFacts {
        at: stamp.at,
        algorithm: stamp.algorithm.name(),
        gen_time: stamp.token.gen_time().time(),
        renewed: stamp.renewed,
        tsu: Box::new(facts::of_certificate(stamp.token.signer())),
    }
}
