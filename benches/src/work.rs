//! The submitted bodies, no two alike, and the record that each artifact has to become.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ishibumi_artifact::record::Opaque;
use ishibumi_artifact::{Anchors, ArtifactType, Body, Certificate, Record, record_of};

use crate::error::LoadError;
use crate::options::{Kind, Options};

const BATCH: &str = "application/vnd.ishibumi.batch";

/// Type octets of batch items (docs/formats/submission-api.md).
const TOKEN_CODE: u8 = 2;
const OPAQUE_CODE: u8 = 255;

/// One submission.
pub(crate) struct Submission {
    /// The request's body.
    pub(crate) body: Bytes,
    /// How many artifacts it holds.
    pub(crate) artifacts: u64,
    /// The first artifact in it, which a sample checks.
    pub(crate) first: Bytes,
}

/// Makes submissions.
pub(crate) struct Work {
    source: Source,
    batch: bool,
    per_submission: u64,
    anchors: Anchors,
}

enum Source {
    /// A number that no other run has, how many were made, and what fills up the rest.
    Opaque {
        run: [u8; 8],
        made: u64,
        filler: Vec<u8>,
    },
    Tokens(std::vec::IntoIter<Bytes>),
}

impl Work {
    /// Reads the tokens, if tokens are to be submitted.
    pub(crate) fn new(options: &Options) -> Result<Self, LoadError> {
        let source = match options.kind {
            Kind::Opaque => {
                let mut run = [0; 8];
                getrandom::fill(&mut run).map_err(|e| LoadError::Usage(e.to_string()))?;
                Source::Opaque {
                    run,
                    made: 0,
                    filler: vec![0xa5; usize::from(options.record_bytes) - 16],
                }
            }
            Kind::Tokens => {
                let folder = options.tokens.as_deref().ok_or_else(|| {
                    LoadError::Usage("--kind tokens needs --tokens DIR".to_owned())
                })?;
                Source::Tokens(read_tokens(folder)?.into_iter())
            }
        };
        let anchors = match &options.anchors {
            Some(file) => Certificate::parse_bundle(&read(file)?)
                .map_err(|error| LoadError::Usage(format!("{}: {error}", file.display())))?,
            None => Vec::new(),
        };
        Ok(Self {
            source,
            batch: options.batch > 1,
            per_submission: options.per_submission(),
            anchors: Anchors::from_certificates(anchors),
        })
    }

    /// The `Content-Type` of all submissions.
    pub(crate) fn media_type(&self) -> &'static str {
        match self.source {
            _ if self.batch => BATCH,
            Source::Opaque { .. } => "application/octet-stream",
            Source::Tokens(_) => ArtifactType::TimestampToken.media_type(),
        }
    }

    /// The next submission; `None` once the tokens are used up.
    pub(crate) fn next(&mut self) -> Option<Submission> {
        let first = self.artifact()?;
        if !self.batch {
            return Some(Submission {
                body: first.clone(),
                artifacts: 1,
                first,
            });
        }
        let mut body = Vec::new();
        let mut artifacts = 0;
        let mut next = Some(first.clone());
        while let Some(artifact) = next {
            body.push(self.code());
            body.extend(
                u32::try_from(artifact.len())
                    .unwrap_or(u32::MAX)
                    .to_be_bytes(),
            );
            body.extend_from_slice(&artifact);
            artifacts += 1;
            next = if artifacts < self.per_submission {
                self.artifact()
            } else {
                None
            };
        }
        Some(Submission {
            body: body.into(),
            artifacts,
            first,
        })
    }

    fn code(&self) -> u8 {
        match self.source {
            Source::Opaque { .. } => OPAQUE_CODE,
            Source::Tokens(_) => TOKEN_CODE,
        }
    }

    fn artifact(&mut self) -> Option<Bytes> {
        match &mut self.source {
            Source::Opaque { run, made, filler } => {
                *made += 1;
                Some([&run[..], &made.to_be_bytes(), filler].concat().into())
            }
            Source::Tokens(tokens) => tokens.next(),
        }
    }

    /// The octets of the record that `artifact` has to become.
    pub(crate) fn record(&self, artifact: &[u8]) -> Result<Vec<u8>, String> {
        let record = match self.source {
            Source::Opaque { .. } => {
                let opaque = Opaque::new("opaque", artifact).map_err(|e| e.to_string())?;
                Record::from(Body::Opaque(opaque))
            }
            Source::Tokens(_) => record_of(ArtifactType::TimestampToken, artifact, &self.anchors)
                .map_err(|e| e.to_string())?,
        };
        Ok(record.encode())
    }
}

fn read_tokens(folder: &Path) -> Result<Vec<Bytes>, LoadError> {
    let fail = |error: std::io::Error| LoadError::Usage(format!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(fail)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tst"))
        .collect();
    if files.is_empty() {
        let why = format!("{}: no *.tst in it; run `tokens`", folder.display());
        return Err(LoadError::Usage(why));
    }
    files.sort();
    files
        .iter()
        .map(|file| read(file).map(Bytes::from))
        .collect()
}

/// A file's octets, with its name in the error.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(file).map_err(|error| LoadError::Usage(format!("{}: {error}", file.display())))
}
