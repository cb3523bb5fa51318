//! The promises in an answer, record by record.

use http::StatusCode;
use ishibumi_tlog::Hash;
use serde::Deserialize;

use crate::connection::Answer;

/// The log's promises for one artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// Index of its record.
    pub(crate) index: u64,
    /// Leaf hash of its record.
    pub(crate) leaf: Hash,
    /// The tlog-proof, if the answer brought it.
    pub(crate) proof: Option<String>,
}

#[derive(Deserialize)]
struct BatchAnswer {
    results: Vec<BatchResult>,
}

#[derive(Deserialize)]
struct BatchResult {
    index: Option<u64>,
    leaf: Option<String>,
    tlog_proof: Option<String>,
}

/// Reads an answer: for each artifact what was promised, or `None` where it was refused. An answer
/// that is neither 200 nor 202 promises nothing. An error for an answer that cannot be understood.
pub(crate) fn read_answer(
    answer: &Answer,
    batch: bool,
    artifacts: u64,
) -> Result<Vec<Option<Acknowledged>>, String> {
    if !matches!(answer.status, StatusCode::OK | StatusCode::ACCEPTED) {
        return Ok((0..artifacts).map(|_| None).collect());
    }
    if !batch {
        return single(answer).map(|acknowledged| vec![Some(acknowledged)]);
    }
    let results = serde_json::from_slice::<BatchAnswer>(&answer.body)
        .map_err(|error| format!("the answer to a batch: {error}"))?
        .results;
    if results.len() as u64 != artifacts {
        return Err(format!(
            "{} results for {artifacts} artifacts",
            results.len()
        ));
    }
    results
        .into_iter()
        .map(|result| match (result.index, result.leaf) {
            (Some(index), Some(leaf)) => Ok(Some(Acknowledged {
                index,
                leaf: Hash::from_hex(&leaf).ok_or_else(|| format!("leaf {leaf:?}"))?,
                proof: result.tlog_proof,
            })),
            (None, None) => Ok(None),
            _ => Err("a result with only one of index and leaf".to_owned()),
        })
        .collect()
}

fn single(answer: &Answer) -> Result<Acknowledged, String> {
    let text = |name: &str| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| format!("{} without the header {name}", answer.status))
    };
    let (index, leaf) = (text("ishibumi-index")?, text("ishibumi-leaf")?);
    let proof = (answer.status == StatusCode::OK)
        .then(|| String::from_utf8(answer.body.to_vec()))
        .transpose()
        .map_err(|error| error.to_string())?;
    Ok(Acknowledged {
        index: index.parse().map_err(|_| format!("index {index:?}"))?,
        leaf: Hash::from_hex(leaf).ok_or_else(|| format!("leaf {leaf:?}"))?,
        proof,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn answer(status: StatusCode, body: &str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn a_batch_has_a_promise_or_a_refusal_for_each_artifact() {
        let leaf = "11".repeat(32);
        let body = format!(
            r#"{{"results":[{{"index":7,"leaf":"{leaf}","added":1}},{{"error":{{"status":422}}}}]}}"#
        );
        let read = read_answer(&answer(StatusCode::ACCEPTED, &body), true, 2).unwrap();
        assert_eq!(read[0].as_ref().unwrap().index, 7);
        assert_eq!(read[1], None);
        assert!(read_answer(&answer(StatusCode::OK, &body), true, 3).is_err());
    }

    #[test]
    fn a_success_without_a_place_is_no_promise() {
        assert!(read_answer(&answer(StatusCode::ACCEPTED, "{}"), false, 1).is_err());
        let refused = answer(StatusCode::SERVICE_UNAVAILABLE, "{}");
        assert_eq!(read_answer(&refused, false, 1).unwrap(), [None]);
    }
}
