//! How an audit ends that could not be done, or that found the log to be wrong.

use std::path::Path;

use ishibumi::fetch::{AuditError, SourceError};

use super::super::{Exit, Failure, evidence, files, trust};

/// How an audit that did not succeed ends; evidence is written before anything is said.
pub(super) fn failure(error: &AuditError, state: Option<&Path>) -> Failure {
    match error {
        AuditError::Misbehaviour { evidence, .. } => {
            let failure = Failure::new(Exit::Disproven, error);
            let Some(state) = state else { return failure };
            let name = state.file_name().unwrap_or_default().to_string_lossy();
            let kind = evidence.misbehaviour.name();
            let path = state.with_file_name(format!("{name}.{kind}"));
            let is_same = |there: &[u8]| evidence.is_shown_by(there);
            match files::keep_evidence(&path, evidence.encode().as_bytes(), is_same) {
                Ok(path) => failure.advice(format!(
                    "both checkpoints are kept in {}: show them to the log's other users",
                    path.display()
                )),
                Err(unwritten) => failure.advice(format!(
                    "the evidence could not be kept: {}",
                    unwritten.message
                )),
            }
        }
        AuditError::Source(SourceError::Missing(_)) => Failure::unavailable(error)
            .advice("a log has to serve every tile and bundle below its checkpoint"),
        AuditError::Source(_) => Failure::unavailable(error),
        AuditError::Head(head) => trust::head_failure(head, error),
        AuditError::Entry(entry) => evidence::entry_failure(entry),
        _ => Failure::new(Exit::Disproven, error),
    }
}
