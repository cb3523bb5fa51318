//! Refusals as HTTP answers: a status, a name (`docs/errors.md`), and the refusal's own text.

use http::StatusCode;
use ishibumi_artifact::Fault;

use super::problem::Problem;
use crate::refusal::{RecordTooLarge, Refusal};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, name) = match &refusal {
            Refusal::Artifact(said) | Refusal::MoreThanQuota(said) => {
                (status(said.fault()), said.code())
            }
            Refusal::RecordTooLarge(too_large) => return Self::from(*too_large),
            Refusal::StatementMalformed(_) => (StatusCode::BAD_REQUEST, "statement-malformed"),
            Refusal::StatementUnfounded(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "statement-unfounded")
            }
            Refusal::StatementNotYours(_) => (StatusCode::FORBIDDEN, "statement-not-yours"),
            Refusal::QuotaExceeded { wait_seconds, .. } => {
                return Self {
                    retry_after_seconds: Some(*wait_seconds),
                    ..Self::new(
                        StatusCode::TOO_MANY_REQUESTS,
                        "quota-exceeded",
                        refusal.to_string(),
                    )
                };
            }
            Refusal::NothingToRescue => (StatusCode::FORBIDDEN, "nothing-to-rescue"),
            Refusal::NoProviderLeft => return Self::not_found(refusal.to_string()),
            Refusal::Suspended { .. } => (StatusCode::FORBIDDEN, "provider-suspended"),
            Refusal::Terminated { .. } => (StatusCode::FORBIDDEN, "provider-terminated"),
            Refusal::NotYetAccepted { .. } => (StatusCode::FORBIDDEN, "provider-not-yet-accepted"),
            Refusal::KindNotAccepted { .. } => (StatusCode::FORBIDDEN, "kind-not-accepted"),
            // The operator's business: its text is not for those who submit.
            Refusal::Store(error) => return Self::store(error),
        };
        Self::new(status, name, refusal.to_string())
    }
}

impl From<RecordTooLarge> for Problem {
    fn from(too_large: RecordTooLarge) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "record-too-large",
            too_large.to_string(),
        )
    }
}

/// docs/verdicts.md, "What the artifact step says".
const fn status(fault: Fault) -> StatusCode {
    match fault {
        Fault::Limit => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Format | Fault::Unread => StatusCode::BAD_REQUEST,
        Fault::Other
        | Fault::Algorithm
        | Fault::Signer
        | Fault::Chain
        | Fault::ChainConstraints
        | Fault::Constraints
        | Fault::TimeOrder
        | Fault::Digest
        | Fault::Signature
        | Fault::NotYetValid
        | Fault::Expired => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

#[cfg(test)]
mod tests {
    use ishibumi_store::StoreError;

    use super::*;

    #[test]
    fn the_page_says_which_status_follows_from_each_class() {
        let page = include_str!("../../../docs/verdicts.md");
        for fault in Fault::ALL {
            let row = format!("\n| `{}` | ", fault.name());
            let (_, row) = page.split_once(&row).unwrap();
            let (row, _) = row.split_once('\n').unwrap();
            let status = format!(" | {} |", status(fault).as_u16());
            assert!(row.ends_with(&status), "{status:?} does not end {row:?}");
        }
    }

    #[test]
    fn the_table_of_verdicts_has_the_statuses_of_the_log() {
        let table = include_str!("../../../docs/verdict-table.tsv");
        let rows = table.lines().map(|row| row.split('\t').collect::<Vec<_>>());
        let submitted: Vec<_> = rows.filter(|row| row[1] == "artifact").collect();
        assert!(submitted.len() > 100, "{}", submitted.len());
        for row in submitted {
            let fault = Fault::ALL.into_iter().find(|it| it.name() == row[3]);
            let status = status(fault.unwrap()).as_u16().to_string();
            assert_eq!(row[7], status, "{row:?}");
        }
    }

    type Row = (Refusal, u16, &'static str, &'static str);

    fn north() -> String {
        "north".to_owned()
    }

    fn for_the_submitter_to_mend() -> Vec<Row> {
        vec![
            (
                Refusal::from(ishibumi_artifact::Refusal::TooManyRecords { found: 4, most: 3 }),
                413,
                "records-too-many",
                "it would make 4 records, and at most 3 are taken of one artifact here: no more than the quota \
                 allows at once; ask the log's operator for a larger one",
            ),
            (
                Refusal::from(RecordTooLarge { len: 70_000 }),
                413,
                "record-too-large",
                "its record has 70000 octets, at most 65535 fit",
            ),
            (
                Refusal::StatementMalformed("what".to_owned()),
                400,
                "statement-malformed",
                "what",
            ),
            (
                Refusal::StatementUnfounded("what".to_owned()),
                422,
                "statement-unfounded",
                "what",
            ),
            (
                Refusal::StatementNotYours("what".to_owned()),
                403,
                "statement-not-yours",
                "what",
            ),
            (
                Refusal::QuotaExceeded {
                    who: north(),
                    wait_seconds: 7,
                },
                429,
                "quota-exceeded",
                "the quota of \"north\" is used up; send again in 7 s, or ask the log's operator for a larger one",
            ),
            (
                Refusal::NothingToRescue,
                403,
                "nothing-to-rescue",
                "no provider of this log is terminated, so there is nothing to rescue; providers submit under their \
                 own tokens",
            ),
            (
                Refusal::NoProviderLeft,
                404,
                "not-found",
                "no provider is left to admit this under",
            ),
        ]
    }

    fn for_the_operator_to_mend() -> Vec<Row> {
        vec![
            (
                Refusal::Suspended { id: north() },
                403,
                "provider-suspended",
                "provider \"north\" is suspended; the log's operator can say why",
            ),
            (
                Refusal::Terminated {
                    id: north(),
                    heir: None,
                },
                403,
                "provider-terminated",
                "provider \"north\" has ended; its old artifacts can be submitted with a rescue token, if this log \
                 has rescue",
            ),
            (
                Refusal::Terminated {
                    id: north(),
                    heir: Some("south".to_owned()),
                },
                403,
                "provider-terminated",
                "provider \"north\" has ended and \"south\" has taken over; its old artifacts can be submitted with \
                 a rescue token, if this log has rescue",
            ),
            (
                Refusal::NotYetAccepted { id: north() },
                403,
                "provider-not-yet-accepted",
                "provider \"north\" is accepted from a later time on",
            ),
            (
                Refusal::KindNotAccepted {
                    id: north(),
                    kinds: vec!["crl".to_owned(), "certificate".to_owned()],
                    word: "opaque",
                },
                403,
                "kind-not-accepted",
                "provider \"north\" may submit crl, certificate, not opaque; the log's operator can change `kinds`",
            ),
            (
                Refusal::Store(StoreError::Exists { path: north() }),
                500,
                "store-failed",
                "the log could not read its own data; its operator can see why",
            ),
        ]
    }

    #[test]
    fn every_refusal_has_its_status_name_and_text() {
        let rows = for_the_submitter_to_mend().into_iter();
        for (refusal, status, name, detail) in rows.chain(for_the_operator_to_mend()) {
            let waits = match refusal {
                Refusal::QuotaExceeded { wait_seconds, .. } => Some(wait_seconds),
                _ => None,
            };
            let problem = Problem::from(refusal);
            assert_eq!((problem.status.as_u16(), problem.name), (status, name));
            assert_eq!(problem.detail, detail);
            assert_eq!(problem.retry_after_seconds, waits);
        }
    }
}
