//! The lists and OCSP responses that were given: read, verified, and weighed by what is known of the time.
//!
//! What can be used is heard about every certificate of a path. What cannot is kept with the reason: where it
//! may be about a certificate of the path, the verdict is not in favour, since nobody can tell what it would
//! have said (docs/verdicts.md, "Revocation").

use std::sync::Arc;

use ishibumi_artifact::history::CLOCK_TOLERANCE_SECONDS;
use ishibumi_artifact::information::Unusable;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, Record, StatusInformation};
use ishibumi_tlog::foreign;
use ishibumi_tlog::proof::TlogProof;

use super::report::{ConsultedInformation, Statement, SubIndication};
use super::{RevocationData, Verifier, facts, rules};

/// What was given to learn about revocation from.
pub(super) struct Sources {
    /// What was verified.
    pub(super) information: Vec<StatusInformation>,
    /// Before when a log proves that each of these existed, if there is such a proof.
    pub(super) proven: Vec<Option<Time>>,
    /// What cannot be used.
    pub(super) unusable: Vec<NotUsed>,
    /// Whether anything was given, usable or not.
    pub(super) given: bool,
    /// The latest time that is known to have been; none if nobody said what time it is.
    pub(super) latest: Option<Time>,
}

/// Something that was given and is not used.
pub(super) struct NotUsed {
    name: String,
    unusable: Unusable,
    sub: SubIndication,
}

impl Sources {
    fn new(verifier: &Verifier<'_>, given: &[RevocationData<'_>]) -> Self {
        Self {
            information: Vec::new(),
            proven: Vec::new(),
            unusable: Vec::new(),
            given: !given.is_empty(),
            latest: verifier.now,
        }
    }

    /// Some time that has been: no later than now, whatever the verifier's clock says.
    fn note_time(&mut self, proven: Option<Time>) {
        self.latest = self.latest.max(self.latest.and(proven));
    }

    /// Why the state of a certificate cannot be told, whatever others say: something that was given may be about
    /// it and cannot be used. Of several the first by reason and name, in whatever order they were given.
    pub(super) fn objection(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> Option<(SubIndication, String)> {
        let about = self.unusable.iter();
        let about = about.filter(|given| given.unusable.may_concern(certificate, issuer));
        let key = |given: &&NotUsed| (given.sub.word(), given.name.clone());
        let first = about.min_by_key(key)?;
        let why = format!(
            "{}, which is or may be about the certificate, cannot be used: {}",
            first.name,
            first.unusable.why()
        );
        Some((first.sub, why))
    }
}

impl Verifier<'_> {
    /// Verifies each list and response, and its own proof if it has one. `path` are certificates of the
    /// artifact, among which the signers of lists may be; `existence` is when the artifact is proven to have
    /// been there. With what can be relied on comes what each of them says, for the report.
    pub(super) fn consult(
        &self,
        given: &[RevocationData<'_>],
        path: &[Arc<Certificate>],
        existence: Option<Time>,
    ) -> (Sources, Vec<ConsultedInformation>) {
        let mut consulted = Vec::new();
        let mut sources = Sources::new(self, given);
        sources.note_time(existence);
        for data in given {
            let reading = StatusInformation::read(data.octets, self.anchors, path);
            for read in reading.usable {
                let logged = data.proof.map(|proof| self.prove(proof, &read));
                let statement = logged.as_ref().and_then(|it| it.as_ref().ok());
                let proven = statement.and_then(|it| it.not_after).map(rules::time_of);
                let says = match self.objection_to(&read, proven) {
                    None => {
                        let says = facts::of_information(&read);
                        sources.information.push(read);
                        sources.proven.push(proven);
                        sources.note_time(proven);
                        Ok(says)
                    }
                    Some((sub, why)) => {
                        sources.unusable.push(NotUsed {
                            name: data.name.to_owned(),
                            unusable: Unusable::of(&read, why.clone()),
                            sub,
                        });
                        Err(why)
                    }
                };
                consulted.push(ConsultedInformation {
                    name: data.name.to_owned(),
                    says,
                    logged,
                });
            }
            for unusable in reading.unusable {
                let why = if data.octets.is_empty() {
                    "the file is empty".to_owned()
                } else {
                    unusable.why().to_owned()
                };
                consulted.push(ConsultedInformation {
                    name: data.name.to_owned(),
                    says: Err(why),
                    logged: None,
                });
                sources.unusable.push(NotUsed {
                    name: data.name.to_owned(),
                    unusable,
                    sub: SubIndication::TryLater,
                });
            }
        }
        (sources, consulted)
    }

    /// Why a list or response that is right in itself is not used: its algorithms did not count when it is
    /// proven to have existed, or it is of a later time than that.
    fn objection_to(
        &self,
        read: &StatusInformation,
        proven: Option<Time>,
    ) -> Option<(SubIndication, String)> {
        let primitives = match read.primitives() {
            Ok(primitives) => primitives,
            Err(error) => return Some((SubIndication::TryLater, error.to_string())),
        };
        if let Err(ended) = self.anchors.check_algorithms(&primitives, proven) {
            let why = format!("{ended}, and nothing proves that it is older");
            return Some((SubIndication::TryLater, why));
        }
        let made = read.made_at();
        let proven = proven?;
        (made > proven.plus_micros(i128::from(CLOCK_TOLERANCE_SECONDS) * 1_000_000)).then(|| {
            let why = format!("it is of {made}, and proven to have existed already at {proven}");
            (SubIndication::TimestampOrderFailure, why)
        })
    }

    /// What the log proves about a list that came with a proof of its own.
    fn prove(&self, proof: &[u8], read: &StatusInformation) -> Result<Box<Statement>, String> {
        let record: &Record = read.record().map_err(|error| error.to_string())?;
        let proof = foreign::named(TlogProof::parse(proof), proof);
        let proof = proof.map_err(|error| error.to_string())?;
        let leaf = self.policy.check_proof(&proof, &record.encode());
        leaf.map(|leaf| Box::new(self.statement(&leaf)))
            .map_err(|error| error.to_string())
    }
}
