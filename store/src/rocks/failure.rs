//! How failures of the database are worded.

use std::path::Path;

use crate::StoreError;

pub(super) fn failed(doing: &'static str, cause: String) -> StoreError {
    StoreError::Failed { doing, cause }
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
