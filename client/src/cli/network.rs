//! What the commands share that talk to a log.

use std::future::Future;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use ishibumi::fetch::ApiError;
use ishibumi_wire::HttpNet;

use super::{Exit, Failure};

/// Runs `work` on a runtime of this thread. Only commands that need the network come here.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| Failure::unavailable(format!("no event loop from the system: {error}")))?
        .block_on(work)
}

/// The real network.
pub(crate) fn net() -> Arc<HttpNet> {
    Arc::new(HttpNet::new())
}

/// Checks that `text` is the URL of a log.
pub(crate) fn log_url(text: &str) -> Result<String, String> {
    let parsed = url::Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() && parsed.query().is_none()
    {
        Ok(text.to_owned())
    } else {
        Err("expected the http or https URL of a log, such as https://log.example/2026".to_owned())
    }
}

/// A bar on standard error, if that is a terminal.
pub(crate) fn progress_bar(total: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let template =
        format!("{{bar:40}} {{human_pos}}/{{human_len}} {unit} ({{per_sec}}, {{eta}} left)");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

/// What an answer of the log's API means for the exit code, and what to do about it.
pub(crate) fn api_failure(error: &ApiError) -> Failure {
    match error {
        ApiError::Refused {
            status: 401 | 403, ..
        } => Failure::usage(error)
            .advice("--token-file names the file with the bearer token that the operator gave you"),
        ApiError::Refused { status: 404, .. } => Failure::unavailable(error)
            .advice("the log holds no such record: submit the artifact, or ask another log"),
        ApiError::Refused {
            status: 400..=499, ..
        } => Failure::new(Exit::Disproven, error),
        ApiError::Late { .. } => Failure::new(Exit::Indeterminate, error)
            .advice("nothing is lost: fetch the proof later with ishibumi evidence get"),
        ApiError::Silent(_) => {
            Failure::unavailable(error).advice("is the URL right, and does the log run?")
        }
        _ => Failure::unavailable(error),
    }
}
