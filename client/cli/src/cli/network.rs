//! What the commands share that talk to a log.

use std::fmt::Display;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use ishibumi::fetch::{ApiError, Refused, Source};
use ishibumi_archive::{ArchiveReader, ArchiveReaderError, reader};
use ishibumi_cli::render::Language;
use ishibumi_wire::HttpNet;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Exit, Failure};

/// Runs `work` on a runtime of this thread. Only commands that need the network come here.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(work)
}

/// A runtime of this thread.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|error| Failure::unavailable(format!("no event loop from the system: {error}")))
}

/// The real network.
pub(crate) fn net() -> Arc<HttpNet> {
    Arc::new(HttpNet::new())
}

/// Checks that `text` is an `http` or `https` URL.
pub(crate) fn http_url(text: &str) -> Result<url::Url, String> {
    let parsed = url::Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() {
        Ok(parsed)
    } else {
        Err("expected an http or https URL".to_owned())
    }
}

/// Checks that `text` is the URL of a log.
pub(crate) fn log_url(text: &str) -> Result<String, String> {
    if http_url(text).is_ok_and(|parsed| parsed.query().is_none()) {
        Ok(text.to_owned())
    } else {
        Err("expected the http or https URL of a log, such as https://log.example/2026".to_owned())
    }
}

/// The sources that were named: URLs of logs and mirrors, and archives.
pub(crate) fn sources(named: &[String]) -> Result<Vec<Source>, Failure> {
    let net = net();
    let source = |name: &String| {
        if let Some(path) = reader::path_of(name).map_err(Failure::usage)? {
            if !path.exists() {
                let message = format!("{name}: no such directory or file, and not a URL");
                return Err(Failure::unavailable(message));
            }
            return archive(&path);
        }
        let url = log_url(name).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        Ok(Source::url(net.clone(), &url))
    };
    named.iter().map(source).collect()
}

/// The archive at `path`: a directory, a ZIP volume, or a directory of volumes.
pub(crate) fn archive(path: &Path) -> Result<Source, Failure> {
    let place = ArchiveReader::open(path).map_err(|error| match error {
        ArchiveReaderError::Volume { .. } | ArchiveReaderError::Mixed { .. } => {
            Failure::new(Exit::Disproven, error)
                .advice("the copy is damaged, not the log: take this volume from another copy")
        }
        _ => Failure::unavailable(error),
    })?;
    Ok(Source::archive(place))
}

/// Says on standard error which sources did not give the answer that another one gave.
pub(crate) fn tell_refused<E: Display>(refused: &[Refused<E>], language: Language) {
    for Refused { source, error } in refused {
        let error = language.said(&error.to_string());
        let what = language.pick(" did not help: ", " からは得られませんでした：");
        super::tell(&format!("{source}{what}{error}"));
    }
}

/// The refusals as JSON.
pub(crate) fn refused_json<E: Display>(refused: &[Refused<E>]) -> Value {
    let refused = refused.iter();
    refused
        .map(|Refused { source, error }| json!({ "source": source, "error": error.to_string() }))
        .collect()
}

/// How a command ends that no source helped: as the one does that says most, false answers before
/// insufficient ones before none; what the others failed with is told beside it.
pub(crate) fn nobody<E>(refused: &[Refused<E>], failure: impl Fn(&str, &E) -> Failure) -> Failure {
    let alone = refused.len() == 1;
    let failures = refused.iter().map(|Refused { source, error }| {
        let failure = failure(source, error);
        let message = format!("{source}: {}", failure.message);
        let message = if alone { failure.message } else { message };
        Failure { message, ..failure }
    });
    let weight = |failure: &Failure| match failure.exit {
        Exit::Disproven => 0,
        Exit::Indeterminate => 1,
        _ => 2,
    };
    let mut failures: Vec<Failure> = failures.collect();
    failures.sort_by_key(weight);
    let mut failures = failures.into_iter();
    let Some(gravest) = failures.next() else {
        return Failure::usage("no source was named")
            .advice("--from names a log, mirror or folder");
    };
    gravest.lines(failures.map(|other| other.message))
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
        // A portal or proxy on the way refuses, too: the log said nothing.
        ApiError::Refused { problem, .. } if !problem.is_named() => Failure::unavailable(error)
            .advice("that is no answer of a log: is the URL right, and does something on the way answer in its place?"),
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
