//! Calling in a sample of the promises.
//!
//! The record is rebuilt from what was sent; its leaf hash has to be the acknowledged one, and the
//! proof, which came with the answer or is fetched after the run, has to verify under the policy
//! for that very record and index.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use ishibumi_tlog::Policy;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::proof::TlogProof;

use crate::answer::Acknowledged;
use crate::connection::Connection;
use crate::work::Work;

/// Proofs that are asked for at most; the others of the sample were checked for their leaf alone.
const FETCHED_MAX: usize = 500;
/// How often, and with which pause, a proof that is still to come is asked for.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// An artifact and what was promised for it.
pub(crate) struct Sample {
    pub(crate) artifact: Bytes,
    pub(crate) acknowledged: Acknowledged,
}

/// The result of calling the promises in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    /// Promises whose leaf hash is that of the rebuilt record.
    pub(crate) leaves: u64,
    /// Proofs that verified.
    pub(crate) proofs: u64,
    /// Promises that did not verify, a sentence each.
    pub(crate) failures: Vec<String>,
}

/// Checks every sample. Without a policy only leaf hashes are checked.
pub(crate) async fn check(
    samples: Vec<Sample>,
    work: &Work,
    policy: Option<&Policy>,
    mut connection: Connection,
) -> Checked {
    let mut checked = Checked::default();
    let mut fetched = 0;
    for mut sample in samples {
        if sample.acknowledged.proof.is_none() && policy.is_some() && fetched < FETCHED_MAX {
            fetched += 1;
            match fetch(&sample, &mut connection).await {
                Ok(proof) => sample.acknowledged.proof = Some(proof),
                Err(why) => {
                    checked.failures.push(why);
                    continue;
                }
            }
        }
        match check_one(&sample, work, policy) {
            Ok(proven) => {
                checked.leaves += 1;
                checked.proofs += u64::from(proven);
            }
            Err(why) => checked.failures.push(why),
        }
    }
    checked
}

fn check_one(sample: &Sample, work: &Work, policy: Option<&Policy>) -> Result<bool, String> {
    let Acknowledged { index, leaf, proof } = &sample.acknowledged;
    let at = |why: String| format!("record {index}: {why}");
    let record = work.record(&sample.artifact).map_err(at)?;
    let computed = leaf_hash(&record);
    if computed != *leaf {
        return Err(at(format!(
            "its leaf hash is {computed}, the log said {leaf}"
        )));
    }
    let (Some(policy), Some(proof)) = (policy, proof) else {
        return Ok(false);
    };
    let proof = TlogProof::parse(proof.as_bytes()).map_err(|error| at(error.to_string()))?;
    if proof.index != *index {
        return Err(at(format!("its proof is for record {}", proof.index)));
    }
    policy
        .check_proof(&proof, &record)
        .map_err(|error| at(error.to_string()))?;
    Ok(true)
}

async fn fetch(sample: &Sample, connection: &mut Connection) -> Result<String, String> {
    let path = format!("/v1/proof/{}", sample.acknowledged.leaf);
    for _ in 0..TRIES {
        let answer = connection.get(&path).await?;
        match answer.status {
            StatusCode::OK => {
                return String::from_utf8(answer.body.to_vec()).map_err(|e| e.to_string());
            }
            StatusCode::ACCEPTED => tokio::time::sleep(PAUSE).await,
            status => return Err(format!("{path}: {status}")),
        }
    }
    Err(format!("{path}: no quorum within {TRIES} tries"))
}
