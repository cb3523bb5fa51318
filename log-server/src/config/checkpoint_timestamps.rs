//! The table `[checkpoint_anchors]`: which TSAs stamp the log's checkpoints, and how often.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ishibumi_artifact::TimestampQuery;
use ishibumi_artifact::hash::HashAlgorithm;

use super::reader::Reader;

/// The hash algorithms that a checkpoint may be stamped under, as they are written.
const HASHES: [(&str, HashAlgorithm); 3] = [
    ("sha256", HashAlgorithm::Sha256),
    ("sha384", HashAlgorithm::Sha384),
    ("sha512", HashAlgorithm::Sha512),
];

/// The `[checkpoint_anchors]` table.
#[derive(Clone, Debug)]
pub struct CheckpointTimestampsConfig {
    /// At most this often is a TSA asked, as long as it answers.
    pub interval: Duration,
    /// How long a TSA has for one answer.
    pub deadline: Duration,
    /// Who is asked.
    pub tsas: Vec<TsaConfig>,
}

/// A `[[checkpoint_anchors.tsa]]` table.
#[derive(Clone, Debug)]
pub struct TsaConfig {
    /// Its short name in metrics, status and alarms.
    pub name: String,
    /// Where queries go, `http` or `https`.
    pub url: String,
    /// Files with its trust anchors, PEM or DER.
    pub anchors: Vec<PathBuf>,
    /// Files with certificates that are known without being trusted, PEM or DER.
    pub intermediates: Vec<PathBuf>,
    /// Under which hash checkpoints are stamped.
    pub hash: HashAlgorithm,
    /// The TSA policy that is asked for, dotted; empty for the TSA's own.
    pub policy: String,
    /// A file with the value of the `Authorization` header, for a TSA that wants one.
    pub authorization_file: Option<PathBuf>,
}

/// How a hash is written in the configuration.
pub(super) fn hash_word(hash: HashAlgorithm) -> &'static str {
    let mut words = HASHES.iter();
    let found = words.find(|(_, known)| *known == hash);
    found.map_or("", |(word, _)| word)
}

/// Reads the table.
pub(super) fn read(a: &mut Reader, base: &Path) -> CheckpointTimestampsConfig {
    let interval = a.count("interval_s", 3_600, 1..=31 * 86_400);
    let deadline = a.millis("deadline_ms", 10_000, 100..=120_000);
    let mut tsas: Vec<TsaConfig> = Vec::new();
    for mut table in a.tables("tsa") {
        let read = tsa(&mut table, base);
        if tsas.iter().any(|other| other.name == read.name) {
            let what = format!("{:?} is already the name of another TSA", read.name);
            table.problem("name", &what);
        }
        tsas.push(read);
        a.close(table);
    }
    CheckpointTimestampsConfig {
        interval: Duration::from_secs(interval as u64),
        deadline,
        tsas,
    }
}

fn tsa(t: &mut Reader, base: &Path) -> TsaConfig {
    let name = t.string("name");
    if name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        t.problem("name", "has at most 64 ASCII letters, digits and hyphens");
    }
    let url = t.string("url");
    let is_http = url::Url::parse(&url)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_http && !url.is_empty() {
        t.problem("url", "is no http or https URL");
    }
    let anchors = super::provider::files(t, "anchors", base);
    if anchors.is_empty() {
        let what = "is empty: name the file with the root certificate of the TSA";
        t.problem("anchors", what);
    }
    let intermediates = super::provider::files(t, "intermediates", base);
    let word = t.string_or("hash", "sha256");
    let hash = HASHES.iter().find(|(known, _)| *known == word);
    if hash.is_none() {
        let what = format!("{word:?} is none of sha256, sha384, sha512");
        t.problem("hash", &what);
    }
    let policy = t.string_or("policy", "");
    if !policy.is_empty() {
        let asks = TimestampQuery::over(HashAlgorithm::Sha256, &[], [0; 8]);
        if !asks.is_ok_and(|query| query.with_policy(&policy).is_ok()) {
            t.problem("policy", "is no object identifier such as 0.4.0.2023.1.1");
        }
    }
    let file = t.string_or("authorization_file", "");
    let authorization_file = (!file.is_empty()).then(|| base.join(file));
    if let Some(missing) = authorization_file.as_ref().filter(|file| !file.is_file()) {
        let what = format!("there is no file {}", missing.display());
        t.problem("authorization_file", &what);
    }
    TsaConfig {
        name,
        url,
        anchors,
        intermediates,
        hash: hash.map_or(HashAlgorithm::Sha256, |(_, hash)| *hash),
        policy,
        authorization_file,
    }
}
