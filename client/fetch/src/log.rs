//! A log's submission API (`docs/formats/` of the log): submit, and proofs by leaf hash.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ishibumi_artifact::ArtifactType;
use ishibumi_tlog::Hash;
use ishibumi_tlog::proof::PROOF_LEN_MAX;
use ishibumi_wire::{Net, Request, Response};
use serde::Deserialize;

/// The longest that a `Retry-After` is honoured, in seconds; a log that asks for more is asked
/// again after this.
const RETRY_AFTER_MAX: u64 = 30;

/// How often a request that got no answer at all is repeated.
const SILENCES_MAX: u32 = 2;

/// The beginning of the names of a log's problems.
const NAMES: &str = "urn:ishibumi:error:";

/// The media type of what a provider says about its own end: the octets of the record.
pub const STATEMENT: &str = "application/vnd.ishibumi.provider-statement";

/// One log's API.
#[derive(Clone)]
pub struct LogClient {
    net: Arc<dyn Net>,
    base: String,
    token: Option<String>,
    past_caches: bool,
}

/// The header that bypasses every cache on the way (RFC 9111 section 5.2.1.4).
pub(super) fn no_cache() -> (&'static str, String) {
    ("cache-control", "no-cache".to_owned())
}

/// An artifact to submit.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// The type of the artifact.
    pub artifact_type: ArtifactType,
    /// Its octets, DER or PEM.
    pub octets: &'a [u8],
}

/// What to wait for before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For a checkpoint that the quorum cosigned.
    Quorum,
    /// For the record to be durable; its proof comes later.
    Durable,
}

/// The answer to a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// A `tlog-proof@v1` file, not verified yet.
    Proof(Vec<u8>),
    /// Durable, and not under a quorum's checkpoint yet.
    Staged(Staged),
}

/// A record that is durable and waits for its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Its index, as the log says.
    pub index: u64,
    /// Its leaf hash, as the log says.
    pub leaf: Hash,
}

/// The answer to a question for a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofAnswer {
    /// A `tlog-proof@v1` file, not verified yet.
    Proof(Vec<u8>),
    /// The record is there, its checkpoint is not.
    NotYet,
}

/// A refusal as the log states it (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// URI of the kind of problem, `urn:ishibumi:error:NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// In short.
    pub title: String,
    /// The reason in this case, text for people.
    pub detail: String,
}

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No answer came.
    #[error("{0}")]
    Silent(String),
    /// The log is busy and stayed so.
    #[error("the log is busy (status {status}) and stayed so for {waited_s} s: {}", problem.said())]
    Busy {
        /// HTTP status of its last answer, 429 or 503.
        status: u16,
        /// How long was waited, in seconds.
        waited_s: u64,
        /// The last refusal.
        problem: Problem,
    },
    /// The log refuses.
    #[error("the log refuses (status {status}): {}", problem.said())]
    Refused {
        /// HTTP status of its answer.
        status: u16,
        /// The refusal.
        problem: Problem,
    },
    /// The answer is none that the API has.
    #[error("the log's answer (status {status}) is not understood: {reason}")]
    NotUnderstood {
        /// HTTP status of its answer.
        status: u16,
        /// What is wrong with the answer, in English.
        reason: String,
    },
    /// The record is durable, but its checkpoint did not come in time.
    #[error(
        "record {index} is durable, but no quorum cosigned a checkpoint with it within {waited_s} s"
    )]
    Late {
        /// Its index.
        index: u64,
        /// Its leaf hash.
        leaf: Hash,
        /// How long was waited, in seconds.
        waited_s: u64,
    },
}

impl Problem {
    /// Whether the problem is the one with this name, `urn:ishibumi:error:NAME`.
    pub fn is(&self, name: &str) -> bool {
        self.kind.strip_prefix(NAMES) == Some(name)
    }

    /// Whether it is a log's own, with a name of docs/errors.md, and not of something on the way.
    pub fn is_named(&self) -> bool {
        self.kind.starts_with(NAMES)
    }

    fn said(&self) -> String {
        let said = [&self.title, &self.detail].map(String::as_str);
        let said: Vec<&str> = said.into_iter().filter(|said| !said.is_empty()).collect();
        let kind = if self.kind.is_empty() {
            String::new()
        } else {
            format!(" [{}]", self.kind)
        };
        format!(
            "{}{kind}",
            if said.is_empty() {
                "it does not say why".to_owned()
            } else {
                said.join(": ")
            }
        )
    }
}

#[derive(Deserialize)]
struct StagedAnswer {
    index: u64,
    leaf: String,
}

impl LogClient {
    /// The log at `base`, with or without a slash at its end. `token` is the submitter's bearer
    /// token.
    pub fn new(net: Arc<dyn Net>, base: &str, token: Option<String>) -> Self {
        Self {
            net,
            base: base.trim_end_matches('/').to_owned(),
            token,
            past_caches: false,
        }
    }

    /// A client of this log that bypasses every cache on the way.
    #[must_use]
    pub fn past_caches(self) -> Self {
        Self {
            past_caches: true,
            ..self
        }
    }

    /// Submits until the log answers, or until `timeout` has passed. Submitting again is harmless:
    /// one artifact has one record.
    ///
    /// # Errors
    /// [`ApiError`], if no usable answer came in time, or the log refuses the artifact.
    pub async fn submit(
        &self,
        submission: Submission<'_>,
        wait: Wait,
        timeout: Duration,
    ) -> Result<Submitted, ApiError> {
        let media_type = submission.artifact_type.media_type();
        self.submit_as(media_type, submission.octets, wait, timeout)
            .await
    }

    /// Submits octets that are no artifact: a provider's statement ([`STATEMENT`]).
    ///
    /// # Errors
    /// [`ApiError`], if no usable answer came in time, or the log refuses the octets.
    pub async fn submit_as(
        &self,
        media_type: &str,
        octets: &[u8],
        wait: Wait,
        timeout: Duration,
    ) -> Result<Submitted, ApiError> {
        let wait = match wait {
            Wait::Quorum => "quorum",
            Wait::Durable => "durable",
        };
        let url = format!("{}/v1/submit?wait={wait}", self.base);
        let mut request = Request::post(url, octets.to_vec(), PROOF_LEN_MAX);
        request
            .headers
            .push(("content-type", media_type.to_owned()));
        if let Some(token) = &self.token {
            request
                .headers
                .push(("authorization", format!("Bearer {token}")));
        }
        let answer = self.patiently(request, timeout).await?;
        match answer.status {
            200 => Ok(Submitted::Proof(answer.body)),
            202 => Ok(Submitted::Staged(staged(&answer)?)),
            _ => Err(refused(&answer)),
        }
    }

    /// Asks for the proof of the record with this leaf hash.
    ///
    /// # Errors
    /// [`ApiError`], if no usable answer came in time, or the log has no such record.
    pub async fn proof(&self, leaf: Hash, timeout: Duration) -> Result<ProofAnswer, ApiError> {
        let url = format!("{}/v1/proof/{}", self.base, leaf.to_hex());
        let mut request = Request::get(url, PROOF_LEN_MAX);
        if self.past_caches {
            request.headers.push(no_cache());
        }
        let answer = self.patiently(request, timeout).await?;
        match answer.status {
            200 => Ok(ProofAnswer::Proof(answer.body)),
            202 => Ok(ProofAnswer::NotYet),
            _ => Err(refused(&answer)),
        }
    }

    /// Asks for the proof of a staged record until it is there, or until `timeout` has passed.
    ///
    /// # Errors
    /// [`ApiError`], if the proof is not there in time, or the log has no such record.
    pub async fn await_proof(
        &self,
        staged: Staged,
        timeout: Duration,
    ) -> Result<Vec<u8>, ApiError> {
        let begun = Instant::now();
        loop {
            let left = timeout.saturating_sub(begun.elapsed());
            if let ProofAnswer::Proof(proof) = self.proof(staged.leaf, left).await? {
                return Ok(proof);
            }
            if begun.elapsed() >= timeout {
                let Staged { index, leaf } = staged;
                return Err(ApiError::Late {
                    index,
                    leaf,
                    waited_s: timeout.as_secs(),
                });
            }
            tokio::time::sleep(Duration::from_secs(1).min(timeout)).await;
        }
    }

    /// Sends, and sends again while the log says that it is busy.
    async fn patiently(&self, request: Request, timeout: Duration) -> Result<Response, ApiError> {
        let begun = Instant::now();
        let mut silences = 0;
        loop {
            let left = timeout
                .saturating_sub(begun.elapsed())
                .max(Duration::from_secs(1));
            let attempt = Request {
                deadline: left,
                ..request.clone()
            };
            let pause_s = match self.net.send(attempt).await {
                Ok(answer) if !matches!(answer.status, 429 | 503) => return Ok(answer),
                Ok(answer) => {
                    let pause_s = answer.retry_after.unwrap_or(1).clamp(1, RETRY_AFTER_MAX);
                    if begun.elapsed() + Duration::from_secs(pause_s) > timeout {
                        let waited_s = begun.elapsed().as_secs();
                        let (status, problem) = (answer.status, problem(&answer));
                        return Err(ApiError::Busy {
                            status,
                            waited_s,
                            problem,
                        });
                    }
                    pause_s
                }
                Err(error) => {
                    silences += 1;
                    if silences > SILENCES_MAX || begun.elapsed() >= timeout {
                        return Err(ApiError::Silent(error.to_string()));
                    }
                    1
                }
            };
            tokio::time::sleep(Duration::from_secs(pause_s)).await;
        }
    }
}

fn staged(answer: &Response) -> Result<Staged, ApiError> {
    let not_understood = |reason: String| ApiError::NotUnderstood {
        status: answer.status,
        reason,
    };
    let read: StagedAnswer =
        serde_json::from_slice(&answer.body).map_err(|error| not_understood(error.to_string()))?;
    let leaf = Hash::from_hex(&read.leaf)
        .ok_or_else(|| not_understood("its leaf is not a hash in hex".to_owned()))?;
    Ok(Staged {
        index: read.index,
        leaf,
    })
}

fn refused(answer: &Response) -> ApiError {
    ApiError::Refused {
        status: answer.status,
        problem: problem(answer),
    }
}

/// The problem in the body; without one, the beginning of the body instead.
fn problem(answer: &Response) -> Problem {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| Problem {
        detail: String::from_utf8_lossy(&answer.body)
            .chars()
            .take(200)
            .collect(),
        ..Problem::default()
    })
}
