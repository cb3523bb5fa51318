//! `POST /add-entries`: reads a body as it comes, and appends package by package.
//!
//! No more than one package is in memory. Whatever ends a body early, what was appended stays
//! appended, and the client is told from where to go on. An error is answered as soon as it is
//! known.

use http::StatusCode;
use ishibumi_store::{Clock, Registers};
use ishibumi_tlog::protocol::add_entries::{Event, UploadReader};
use ishibumi_tlog::protocol::encode_signatures;
use ishibumi_tlog::protocol::mirror_info::{self, MirrorInfo};
use ishibumi_wire::{BodyError, BodyStream, Reply, reply};

use super::api::Api;
use super::core::{Mirror, Upload, UploadRefusal};
use crate::host::{TEXT, no_store, text};

/// The part of an upload that has come so far.
#[derive(Default)]
struct Progress {
    reader: UploadReader,
    upload: Option<Upload>,
    /// Packages that were appended, or were there.
    packages: u64,
}

pub(super) async fn add_entries<R: Registers, C: Clock>(
    api: &Api<R, C>,
    body: &mut BodyStream,
) -> Reply {
    let mut progress = Progress::default();
    match progress.take_in(api, body).await {
        Ok(()) => progress.finish(api).await,
        Err(End::Answer(answer)) => answer,
        Err(End::Early(status, reason)) => progress.broken_off(api, status, &reason).await,
    }
}

/// Why an upload ended before its last package.
enum End {
    /// With this answer.
    Answer(Reply),
    /// The body did. The status is for a body of which nothing is of use.
    Early(StatusCode, String),
}

impl Progress {
    /// Reads and appends until the last package is in.
    async fn take_in<R: Registers, C: Clock>(
        &mut self,
        api: &Api<R, C>,
        body: &mut BodyStream,
    ) -> Result<(), End> {
        while !self.reader.is_complete() {
            let piece = body.piece().await.map_err(|error| body_end(&error))?;
            let Some(piece) = piece else {
                let reason = "the body ends before its first package does";
                return Err(End::Early(StatusCode::BAD_REQUEST, reason.to_owned()));
            };
            let mut rest = &piece[..];
            loop {
                let event = self.reader.read(&mut rest);
                let event = event
                    .map_err(|error| End::Early(StatusCode::BAD_REQUEST, error.to_string()))?;
                match event {
                    None => break,
                    Some(Event::Head(head)) => {
                        let begin = move |mirror: &Mirror<R, C>| mirror.begin(&head);
                        self.upload = Some(done(api, api.host.patiently(begin).await)?);
                    }
                    Some(Event::Package(package)) => {
                        let Some(upload) = self.upload.clone() else {
                            continue;
                        };
                        let append = move |mirror: &Mirror<R, C>| mirror.append(&upload, package);
                        done(api, api.host.patiently(append).await)?;
                        self.packages += 1;
                    }
                }
                body.settle();
            }
        }
        Ok(())
    }

    /// The answer to an upload that is whole.
    async fn finish<R: Registers, C: Clock>(self, api: &Api<R, C>) -> Reply {
        let Some(upload) = self.upload else {
            return text(StatusCode::BAD_REQUEST, "the body has no head");
        };
        let finish = move |mirror: &Mirror<R, C>| mirror.finish(&upload);
        match done(api, api.host.patiently(finish).await) {
            Ok(lines) => no_store(reply(StatusCode::OK, TEXT, encode_signatures(&lines))),
            Err(End::Answer(answer)) => answer,
            Err(End::Early(status, reason)) => text(status, &reason),
        }
    }

    /// The answer to a body that ended early: where to go on, if any of it was of use.
    async fn broken_off<R: Registers, C: Clock>(
        self,
        api: &Api<R, C>,
        status: StatusCode,
        reason: &str,
    ) -> Reply {
        let Some(upload) = self.upload.filter(|_| self.packages > 0) else {
            return text(status, reason);
        };
        let standing = move |mirror: &Mirror<R, C>| mirror.standing(&upload);
        match done(api, api.host.patiently(standing).await) {
            Ok(info) => info_reply(StatusCode::ACCEPTED, &info),
            Err(End::Answer(answer)) => answer,
            Err(End::Early(status, reason)) => text(status, &reason),
        }
    }
}

fn body_end(error: &BodyError) -> End {
    let status = match error {
        BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
        BodyError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    End::Early(status, error.to_string())
}

/// The result of the upload, or the answer that refuses it (C2SP tlog-mirror, "Processing").
// The error is an answer on its way out, once per refused upload.
#[allow(clippy::result_large_err)]
fn done<R: Registers, C: Clock, T>(
    api: &Api<R, C>,
    outcome: Result<Result<T, UploadRefusal>, Reply>,
) -> Result<T, End> {
    let refusal = match outcome {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(refusal)) => refusal,
        Err(answer) => return Err(End::Answer(answer)),
    };
    let answer = match &refusal {
        UploadRefusal::UnknownOrigin(_) => text(StatusCode::NOT_FOUND, &refusal.to_string()),
        UploadRefusal::NoPending(_) | UploadRefusal::Forged { .. } => {
            text(StatusCode::UNPROCESSABLE_ENTITY, &refusal.to_string())
        }
        UploadRefusal::Conflict { info, .. } => info_reply(StatusCode::CONFLICT, info),
        UploadRefusal::Refused(refusal) => api.refusal(refusal),
    };
    Err(End::Answer(answer))
}

fn info_reply(status: StatusCode, info: &MirrorInfo) -> Reply {
    no_store(reply(status, mirror_info::CONTENT_TYPE, info.encode()))
}
