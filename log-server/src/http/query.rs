//! The options in the query of a submission or of a proof (docs/formats/submission-api.md,
//! "Parameters").

use http::StatusCode;
use ishibumi_tlog::policy::AlgorithmRequirement;

use super::problem::Problem;

/// When a submission is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Wait {
    /// When a checkpoint with the quorum covers the record.
    #[default]
    Quorum,
    /// Once the record is durable, before any checkpoint covers it.
    Durable,
}

/// Which signatures of the checkpoint a proof bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Signatures {
    /// All of them, so that the proof can be verified later under any policy and with any
    /// algorithm.
    #[default]
    All,
    /// The fewest that the log's own policy accepts.
    Least(AlgorithmRequirement),
}

/// Every parameter, with its default where it was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Query {
    pub(super) wait: Wait,
    pub(super) signatures: Signatures,
    /// The newest checkpoint instead of the earliest.
    pub(super) is_fresh: bool,
}

impl Query {
    /// Reads the query of a submission.
    pub(super) fn of_submission(query: Option<&str>) -> Result<Self, Problem> {
        Self::read(query, "wait=quorum, wait=durable", |this, name, value| {
            match (name, value) {
                ("wait", "quorum") => this.wait = Wait::Quorum,
                ("wait", "durable") => this.wait = Wait::Durable,
                _ => return false,
            }
            true
        })
    }

    /// Reads the query of a proof.
    pub(super) fn of_proof(query: Option<&str>) -> Result<Self, Problem> {
        Self::read(query, "fresh", |this, name, value| {
            this.is_fresh = true;
            (name, value) == ("fresh", "")
        })
    }

    /// Reads the parameters that both may have, and has `own` read the rest. An unknown parameter
    /// is refused: an answer that passes over a part of the question looks like an answer to all of
    /// it.
    fn read(
        query: Option<&str>,
        known: &str,
        own: impl Fn(&mut Self, &str, &str) -> bool,
    ) -> Result<Self, Problem> {
        let mut this = Self::default();
        for parameter in query.unwrap_or("").split('&').filter(|p| !p.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            this.signatures = match (name, value) {
                ("signatures", "all") => Signatures::All,
                ("signatures", "least") => Signatures::Least(AlgorithmRequirement::AnyAlgorithm),
                ("signatures", "least-post-quantum") => {
                    Signatures::Least(AlgorithmRequirement::PostQuantum)
                }
                _ if own(&mut this, name, value) => this.signatures,
                _ => {
                    let detail = format!(
                        "the parameter {parameter:?} is not known here; known are {known}, signatures=all, \
                         signatures=least and signatures=least-post-quantum, joined by \"&\""
                    );
                    let status = StatusCode::BAD_REQUEST;
                    return Err(Problem::new(status, "malformed-query", detail));
                }
            };
        }
        Ok(this)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read_and_no_other() {
        let least = Signatures::Least(AlgorithmRequirement::AnyAlgorithm);
        let submission = Query::of_submission(Some("wait=durable&signatures=least")).unwrap();
        assert_eq!(
            (submission.wait, submission.signatures),
            (Wait::Durable, least)
        );
        let proof = Query::of_proof(Some("signatures=least-post-quantum&fresh")).unwrap();
        assert_eq!(
            proof.signatures,
            Signatures::Least(AlgorithmRequirement::PostQuantum)
        );
        assert!(proof.is_fresh);
        for none in [None, Some("")] {
            assert_eq!(Query::of_submission(none), Ok(Query::default()));
            assert_eq!(Query::of_proof(none), Ok(Query::default()));
        }
        for unknown in [
            "fresh",
            "wait",
            "wait=",
            "wait=quorum,durable",
            "signatures",
            "x=1",
        ] {
            let problem = Query::of_submission(Some(unknown)).unwrap_err();
            assert_eq!(problem.name, "malformed-query");
            assert!(problem.detail.contains(unknown), "{}", problem.detail);
        }
        for unknown in ["wait=durable", "fresh=1", "signatures=few"] {
            Query::of_proof(Some(unknown)).unwrap_err();
        }
    }
}
