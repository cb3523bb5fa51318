//! `ishibumi-witness mirror import`: a mirror out of an archive.

use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use ishibumi_archive::{ArchiveReader, reader, regular};
use ishibumi_tlog::policy::FILE_LEN_MAX;
use ishibumi_tlog::{Hash, Policy};
use ishibumi_witness::mirror::import::{self, ImportError};
use ishibumi_witness::mirror::{MirrorHome, MirrorMetrics, PullError, Source};
use serde_json::json;
use tokio::sync::watch;

use super::common::{Common, Printed};
use super::failure::Failure;
use super::logs;
use super::mirror_source::source;
use super::serve;

pub(super) fn run(
    common: &Common,
    from: &str,
    policy: &Path,
    url: Option<&str>,
) -> Result<Printed, Failure> {
    let wrong = |error: String| Failure::usage(&format!("--policy {}: {error}", policy.display()));
    let text =
        regular::read_text(policy, FILE_LEN_MAX).map_err(|error| wrong(error.to_string()))?;
    let parsed = Policy::parse(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let source = match url {
        Some(url) => source(url, Some(policy))?,
        None => Source {
            url: None,
            policy: text,
        },
    };
    let path = reader::path_of(from).map_err(|error| Failure::usage(&error))?;
    let path = path.ok_or_else(|| {
        Failure::usage(&format!(
            "--from {from}: an archive is a path; a URL is followed by add-log"
        ))
    })?;
    let place = ArchiveReader::open(&path).map_err(|error| Failure::refused(&error))?;
    let home = MirrorHome::at(&common.dir);
    // Check that there is a mirror and that it does not run, before hours of reading.
    drop(home.open_logs(logs::silent())?);
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} records verified")
    {
        bar.set_style(style);
    }
    let verified = import::verify(place, &parsed, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let archive = verified.map_err(|error| failure(&error))?;
    let Some((first, others)) = archive.keys.split_first() else {
        return Err(Failure::usage(&"the policy has no key of this log"));
    };
    home.add_log(first, Some(&source))?;
    for key in others {
        home.open_logs(logs::silent())?.add_log_key(key)?;
    }
    let metrics = Arc::new(MirrorMetrics::new().map_err(|error| Failure::refused(&error))?);
    let mirror = Arc::new(home.open(metrics.alarms())?);
    let runtime = serve::runtime()?;
    let (_stop, stopped) = watch::channel(false);
    let log = Hash::of(first.name().as_bytes());
    let pulled = {
        let _entered = runtime.enter();
        import::import(&mirror, &metrics, log, &archive, &stopped)
    };
    let pulled = pulled.map_err(|error| failure(&error))?;
    let origin = first.name();
    Ok(Printed {
        text: format!(
            "{origin}: size {}; {} entries, {} blobs and {} kept checkpoints are new; {} blobs are missing\n",
            pulled.size, pulled.entries, pulled.blobs, pulled.kept, pulled.missing_blobs,
        ),
        json: json!({
            "origin": origin,
            "size": pulled.size,
            "entries": pulled.entries,
            "blobs": pulled.blobs,
            "missing_blobs": pulled.missing_blobs,
            "kept": pulled.kept,
        }),
    })
}

fn failure(error: &ImportError) -> Failure {
    let later = match error {
        ImportError::Unavailable(_) => true,
        ImportError::Pull { error, .. } => {
            matches!(**error, PullError::Stopped | PullError::Remote { .. })
        }
        _ => false,
    };
    if later {
        Failure::unavailable(error)
    } else {
        Failure::refused(error)
    }
}
