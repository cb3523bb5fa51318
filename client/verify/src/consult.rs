//! The lists and OCSP responses that were given: read, verified, and weighed by what is known of
//! the time.
//!
//! Sources that can be used are heard about every certificate of a path. The others are kept with
//! the reason: if one may be about a certificate of the path, the verdict is not in favour, since
//! nobody can tell what it would have said (docs/verdicts.md, "Revocation").

use std::sync::Arc;

use ishibumi_artifact::history::CLOCK_TOLERANCE_SECONDS;
use ishibumi_artifact::information::Unusable;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, Record, StatusInformation};
use ishibumi_tlog::Hash;
use ishibumi_tlog::policy::AlgorithmRequirement;

use super::given::{GivenProof, RevocationData};
use super::parts::{ConsultedInformation, Statement, SubIndication};
use super::role::UNUSABLE;
use super::sources::{Consulted, Sources};
use super::verifier::Verifier;
use super::{facts, rules};

impl Verifier<'_> {
    /// Verifies the given sources. `path` holds certificates of the artifact, among which the
    /// signers of lists may be; `existence` is the time before which the artifact is proven to have
    /// existed.
    pub(super) fn consult(
        &self,
        given: &[RevocationData<'_>],
        path: &[Arc<Certificate>],
        existence: Option<Time>,
    ) -> Sources {
        let consulted = if given.is_empty() {
            Arc::default()
        } else {
            let make = || Arc::new(self.read_all(given, path));
            let octets = given.iter().map(|data| data.octets().len()).sum();
            let key = self.key_of(given, path);
            self.memo.consulted.get(key, octets, make)
        };
        // Times that have passed for certain: the present is no earlier, whatever the verifier's
        // clock says.
        let proven = consulted.proven.iter().copied().flatten();
        let latest = self.now.and_then(|now| {
            let known = proven.chain(existence).chain([now]);
            known.max()
        });
        Sources { consulted, latest }
    }

    /// Digest of everything that [`Self::read_all`] depends on, except the anchors: a verifier has
    /// only one set of them.
    fn key_of(&self, given: &[RevocationData<'_>], path: &[Arc<Certificate>]) -> Hash {
        let mut octets = vec![u8::from(
            self.policy.demand() == AlgorithmRequirement::PostQuantum,
        )];
        // Where the data end and the path begins.
        octets.extend_from_slice(&given.len().to_be_bytes());
        for digest in given.iter().flat_map(RevocationData::digests) {
            octets.extend_from_slice(&digest.0);
        }
        for certificate in path {
            octets.extend_from_slice(&certificate.digest());
        }
        Hash::of(&octets)
    }

    /// Verifies each list and response, and its own proof if it has one.
    fn read_all(&self, given: &[RevocationData<'_>], path: &[Arc<Certificate>]) -> Consulted {
        let mut all = Consulted {
            given: true,
            ..Consulted::default()
        };
        for data in given {
            let reading = StatusInformation::read(data.octets(), self.anchors, path);
            for read in reading.usable {
                let logged = data.given_proof().map(|proof| self.prove(proof, &read));
                let statement = logged.as_ref().and_then(|it| it.as_ref().ok());
                let proven = statement.and_then(|it| it.not_after).map(rules::time_of);
                let says = match self.objection_to(&read, proven) {
                    None => {
                        let says = facts::of_information(&read);
                        all.information.push(read);
                        all.proven.push(proven);
                        Ok(says)
                    }
                    Some((sub, why)) => {
                        all.refuse(data.name(), Unusable::of(&read, why.clone()), sub);
                        Err(why)
                    }
                };
                all.says.push(ConsultedInformation {
                    name: data.name().to_owned(),
                    says,
                    logged,
                });
            }
            for unusable in reading.unusable {
                let why = if data.octets().is_empty() {
                    "the file is empty".to_owned()
                } else {
                    unusable.why().to_owned()
                };
                all.says.push(ConsultedInformation {
                    name: data.name().to_owned(),
                    says: Err(why),
                    logged: None,
                });
                all.refuse(data.name(), unusable, UNUSABLE);
            }
        }
        all
    }

    /// Why a list or response that is right in itself is not used: its algorithms did not count at
    /// the time at which it is proven to have existed, or it states a later time than that.
    fn objection_to(
        &self,
        read: &StatusInformation,
        proven: Option<Time>,
    ) -> Option<(SubIndication, String)> {
        let primitives = match read.primitives() {
            Ok(primitives) => primitives,
            Err(error) => return Some((UNUSABLE, error.to_string())),
        };
        if let Err(ended) = self.anchors.check_algorithms(&primitives, proven) {
            let why = format!("{ended}, and nothing proves that it is older");
            return Some((UNUSABLE, why));
        }
        let made = read.made_at();
        let proven = proven?;
        (made > proven.plus_micros(i128::from(CLOCK_TOLERANCE_SECONDS) * 1_000_000)).then(|| {
            let why = format!("it is of {made}, and proven to have existed already at {proven}");
            (SubIndication::TimestampOrderFailure, why)
        })
    }

    /// What the log proves about a list that came with a proof of its own.
    fn prove(
        &self,
        proof: GivenProof<'_>,
        read: &StatusInformation,
    ) -> Result<Box<Statement>, String> {
        let record: &Record = read.record().map_err(|error| error.to_string())?;
        let proof = proof.read().map_err(|error| error.to_string())?;
        let leaf = self.prove_record(&proof, &record.encode());
        leaf.map(|leaf| Box::new(self.statement(&leaf)))
            .map_err(|error| error.to_string())
    }
}
