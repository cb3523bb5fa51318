//! `POST /v1/submit`: artifacts in, proofs out (docs/formats/submission-api.md).
//!
//! An answer means durable. By default it also means proven: it comes when a checkpoint with the
//! quorum covers the record, and it is the proof. When the quorum is late the answer is 202 and
//! says where the proof will be; nothing is lost. Submitting again is answered with the same
//! record.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{StatusCode, header};
use ishibumi_tlog::Hash;
use ishibumi_wire::{Reply, reply};
use serde_json::{Value, json};

use super::app::App;
use super::batch::{BATCH, read_batch};
use super::find::{pending, place_json, with_place};
use super::problem::Problem;
use super::query::{Query, Signatures, Wait};
use super::read::no_store;
use crate::clock;
use crate::core::{Item, Placed, Published, SubmitError};
use crate::kind::Kind;
use crate::provider_end::{STATEMENT, admit_statement};
use crate::registry::Submitter;
use crate::turns::Length;

/// Proofs of a batch that are made in one turn.
const PROOFS_A_TURN: usize = 256;

/// The head of a submission.
pub struct Submission {
    submitter: Submitter,
    form: Form,
    query: Query,
}

enum Form {
    Single(Kind),
    Statement,
    Batch,
}

impl App {
    /// Reads the head: who, what, and how long to wait. Decides before any of the body is read.
    pub(super) fn submission(&self, head: &Parts) -> Result<Submission, Problem> {
        let submitter = self.authenticate(head)?;
        let query = Query::of_submission(head.uri.query())?;
        let media_type = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| {
                value
                    .split(';')
                    .next()
                    .unwrap_or("")
                    .trim()
                    .to_ascii_lowercase()
            })
            .unwrap_or_default();
        let form = if media_type == BATCH {
            Form::Batch
        } else if media_type == STATEMENT {
            Form::Statement
        } else {
            Form::Single(Kind::from_media_type(&media_type).ok_or_else(|| {
                let detail = format!(
                    "Content-Type {media_type:?} is not taken here; use application/timestamp-reply, \
                     application/vnd.etsi.timestamp-token, application/pkix-cert, \
                     application/pkix-crl, application/ocsp-response, {STATEMENT} or {BATCH}"
                );
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
            })?)
        };
        let kind = match form {
            Form::Single(kind) => Some(kind),
            Form::Batch | Form::Statement => None,
        };
        submitter.providers(kind, clock::now(self.clock.as_ref()))?;
        submitter.charge(0, self.clock.as_ref())?;
        Ok(Submission {
            submitter,
            form,
            query,
        })
    }

    fn authenticate(&self, head: &Parts) -> Result<Submitter, Problem> {
        let refuse = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        let token = head
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| refuse("send the header \"Authorization: Bearer TOKEN\""))?;
        self.registry
            .by_token(Hash::of(token.trim().as_bytes()))
            .ok_or_else(|| refuse("no provider of this log has this bearer token"))
    }

    /// Whose bearer token a request has, whatever it asks for: behind a proxy all have one address.
    pub(super) fn sender(&self, head: &Parts) -> Option<Arc<str>> {
        self.authenticate(head)
            .ok()
            .map(|submitter| submitter.sender())
    }

    /// Answers a submission.
    pub(super) async fn submit(
        self: &Arc<Self>,
        submission: Submission,
        body: Bytes,
    ) -> Result<Reply, Problem> {
        match submission.form {
            Form::Single(kind) => {
                let one = vec![(kind, body)];
                let admitted = self.admit_all(&submission.submitter, one).await?.pop();
                let item = admitted.ok_or_else(stopped)??;
                self.single(submission, item).await
            }
            Form::Statement => {
                let (by, app) = (submission.submitter.clone(), Arc::clone(self));
                let admit =
                    move || admit_statement(&by, app.store.as_ref(), &body, app.clock.as_ref());
                let item = self
                    .in_turn(&submission.submitter, Length::Long, admit)
                    .await??;
                self.single(submission, item).await
            }
            Form::Batch => self.batch(submission, body).await,
        }
    }

    async fn single(&self, submission: Submission, item: Item) -> Result<Reply, Problem> {
        let placed = self.stage(vec![item]).await?;
        let placed = *placed.first().ok_or_else(stopped)?;
        self.metrics
            .submissions
            .with_label_values(&["accepted"])
            .inc();
        let published = match submission.query.wait {
            Wait::Durable => None,
            Wait::Quorum => self.covered(placed.index).await?,
        };
        let mut answer = match published {
            None => pending(placed.index, placed.leaf),
            Some(published) => {
                // A record that was there before is proven by the earliest time that is known for
                // it.
                let signatures = submission.query.signatures;
                let text = self.submitted_proof(&placed, &published, signatures)?;
                let answer = reply(StatusCode::OK, "text/plain; charset=utf-8", text);
                with_place(no_store(answer), placed.index, placed.leaf)
            }
        };
        let headers = answer.headers_mut();
        headers.insert("ishibumi-added", placed.added.into());
        if let Some(first) = placed.first {
            headers.insert("ishibumi-first", first.into());
        }
        Ok(answer)
    }

    fn submitted_proof(
        &self,
        placed: &Placed,
        published: &Published,
        signatures: Signatures,
    ) -> Result<String, Problem> {
        self.proof_text(placed.index, published, placed.added == 0, signatures)
    }

    /// The proofs of `placed`. New records are proven together: with the tiles read and hashed anew
    /// for each of them, proving a batch would cost many times what writing it did.
    fn submitted_proofs(
        &self,
        placed: &[Placed],
        published: &Published,
        signatures: Signatures,
    ) -> Result<Vec<String>, Problem> {
        let new = placed.iter().filter(|placed| placed.added > 0);
        let new: Vec<u64> = new.map(|placed| placed.index).collect();
        let size = published.checkpoint().size;
        let mut proofs = self
            .proof_texts(&new, size, published.note(), signatures)?
            .into_iter();
        let proof = |placed: &Placed| match placed.added {
            0 => self.submitted_proof(placed, published, signatures),
            _ => proofs.next().ok_or_else(stopped),
        };
        placed.iter().map(proof).collect()
    }

    async fn batch(
        self: &Arc<Self>,
        submission: Submission,
        body: Bytes,
    ) -> Result<Reply, Problem> {
        let artifacts = read_batch(&body, self.batch_items_max)?;
        let admitted = self.admit_all(&submission.submitter, artifacts).await?;
        let (items, refused): (Vec<_>, Vec<_>) = {
            let mut items = Vec::new();
            let refused: Vec<Option<Problem>> = admitted
                .into_iter()
                .map(|item| match item {
                    Ok(item) => {
                        items.push(item);
                        None
                    }
                    Err(refusal) => Some(Problem::from(refusal)),
                })
                .collect();
            (items, refused)
        };
        let placed = if items.is_empty() {
            Vec::new()
        } else {
            self.stage(items).await?
        };
        let last = placed.iter().map(|placed| placed.index).max();
        let published = match (submission.query.wait, last) {
            (Wait::Quorum, Some(last)) => self.covered(last).await?,
            _ => None,
        };
        let mut proofs = match &published {
            Some(published) => self.batch_proofs(&submission, &placed, published).await?,
            None => Vec::new(),
        }
        .into_iter();
        let mut placed = placed.iter();
        let results = refused
            .into_iter()
            .map(|refused| match refused {
                Some(problem) => {
                    self.metrics
                        .submissions
                        .with_label_values(&[problem.name])
                        .inc();
                    Ok(json!({ "error": problem.to_json() }))
                }
                None => {
                    self.metrics
                        .submissions
                        .with_label_values(&["accepted"])
                        .inc();
                    let placed = placed.next().ok_or_else(stopped)?;
                    Ok(item_json(placed, proofs.next()))
                }
            })
            .collect::<Result<Vec<Value>, Problem>>()?;
        let proven = published.is_some() || last.is_none();
        let status = if proven {
            StatusCode::OK
        } else {
            StatusCode::ACCEPTED
        };
        let body = format!("{}\n", json!({ "results": results }));
        Ok(no_store(reply(status, "application/json", body)))
    }

    /// A part at a time, since the proofs of thousands of records take as long as their admission
    /// did.
    async fn batch_proofs(
        self: &Arc<Self>,
        submission: &Submission,
        placed: &[Placed],
        published: &Published,
    ) -> Result<Vec<String>, Problem> {
        let signatures = submission.query.signatures;
        let mut proofs = Vec::new();
        for part in placed.chunks(PROOFS_A_TURN) {
            let (app, part, published) = (Arc::clone(self), part.to_vec(), published.clone());
            let prove = move || app.submitted_proofs(&part, &published, signatures);
            let proven = self.in_turn(&submission.submitter, Length::Short, prove);
            proofs.extend(proven.await??);
        }
        Ok(proofs)
    }

    async fn stage(&self, items: Vec<Item>) -> Result<Vec<Placed>, Problem> {
        self.handle.submit(items).await.map_err(|e| not_taken(&e))
    }

    async fn covered(&self, index: u64) -> Result<Option<Published>, Problem> {
        let covered = self.handle.covered(index, self.quorum_deadline).await;
        covered.map_err(|e| not_taken(&e))
    }
}

fn item_json(placed: &Placed, proof: Option<String>) -> Value {
    let mut value = place_json(placed.index, placed.leaf);
    value["added"] = placed.added.into();
    if let Some(proof) = proof {
        value["tlog_proof"] = proof.into();
    }
    value
}

fn not_taken(error: &SubmitError) -> Problem {
    let (name, seconds) = match error {
        SubmitError::NoRoom(_) => return Problem::no_room(error.to_string()),
        SubmitError::Full { .. } => ("pool-full", 1),
        SubmitError::Forked(_) => return Problem::forked(),
        SubmitError::Stopped(_) => ("stopped", 10),
    };
    let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, name, error.to_string());
    problem.retry_after_seconds = Some(seconds);
    problem
}

fn stopped() -> Problem {
    let detail = "the log stopped accepting; send again later";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", detail)
}
