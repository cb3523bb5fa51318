//! Where a mirror pulls from, as the command line says it.

use std::path::Path;

use ishibumi_archive::regular;
use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::FILE_LEN_MAX;
use ishibumi_witness::mirror::Source;

use super::failure::Failure;

pub(super) fn source(url: &str, policy: Option<&Path>) -> Result<Source, Failure> {
    let known = ["http://", "https://"].iter().any(|s| url.starts_with(s));
    if !known || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let usage = format!("--url: {url:?} is not an http or https URL");
        return Err(Failure::usage(&usage));
    }
    let policy = policy.map(|path| {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(&format!("--policy {}: {error}", path.display()))
        };
        let text = regular::read_text(path, FILE_LEN_MAX).map_err(|error| wrong(&error))?;
        Policy::parse(text.as_bytes()).map_err(|error| wrong(&error))?;
        Ok::<_, Failure>(text)
    });
    Ok(Source {
        url: Some(url.trim_end_matches('/').to_owned()),
        policy: policy.transpose()?.unwrap_or_default(),
    })
}
