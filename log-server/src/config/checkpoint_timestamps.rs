//! The table `[checkpoint_anchors]`: which TSAs stamp the log's checkpoints, and how often.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ishibumi_artifact::TimestampQuery;
use ishibumi_artifact::hash::HashAlgorithm;
use serde::{Deserialize, Serialize};

use super::provider::{check_files, check_short_name};
use super::read::Complaints;
use super::values::{FileIfAny, Files, HashWord, Millis, Seconds, Text};

/// The `[checkpoint_anchors]` table.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointTimestampsConfig {
    /// At most this often is a TSA asked, as long as it answers.
    #[serde(rename = "interval_s", with = "Seconds::<1, { 31 * 86_400 }>")]
    pub interval: Duration,
    /// How long a TSA has for one answer.
    #[serde(rename = "deadline_ms", with = "Millis::<100, 120_000>")]
    pub deadline: Duration,
    /// Who is asked.
    #[serde(rename = "tsa")]
    pub tsas: Vec<TsaConfig>,
}

impl Default for CheckpointTimestampsConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(3_600),
            deadline: Duration::from_secs(10),
            tsas: Vec::new(),
        }
    }
}

/// A `[[checkpoint_anchors.tsa]]` table.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TsaConfig {
    /// Its short name in metrics, status and alarms.
    #[serde(with = "Text")]
    pub name: String,
    /// Where queries go, `http` or `https`.
    #[serde(with = "Text")]
    pub url: String,
    /// Files with its trust anchors, PEM or DER.
    #[serde(default, with = "Files")]
    pub anchors: Vec<PathBuf>,
    /// Files with certificates that are known without being trusted, PEM or DER.
    #[serde(default, with = "Files")]
    pub intermediates: Vec<PathBuf>,
    /// Under which hash checkpoints are stamped.
    #[serde(default = "sha256", with = "HashWord")]
    pub hash: HashAlgorithm,
    /// The TSA policy that is asked for, dotted; empty for the TSA's own.
    #[serde(default, with = "Text", skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// A file with the value of the `Authorization` header, for a TSA that wants one.
    #[serde(default, with = "FileIfAny", skip_serializing_if = "Option::is_none")]
    pub authorization_file: Option<PathBuf>,
}

const fn sha256() -> HashAlgorithm {
    HashAlgorithm::Sha256
}

impl CheckpointTimestampsConfig {
    /// Makes its paths whole, from `base`.
    pub(super) fn resolve(&mut self, base: &Path) {
        for tsa in &mut self.tsas {
            let files = tsa.anchors.iter_mut().chain(&mut tsa.intermediates);
            for file in files.chain(&mut tsa.authorization_file) {
                *file = base.join(&file);
            }
        }
    }

    pub(super) fn check(&self, complaints: &mut Complaints) {
        for (number, tsa) in self.tsas.iter().enumerate() {
            let key = format!("checkpoint_anchors.tsa[{number}]");
            tsa.check(&key, complaints);
            let mut before = self.tsas[..number].iter();
            if before.any(|other| other.name == tsa.name) {
                let what = format!("{:?} is already the name of another TSA", tsa.name);
                complaints.add(&format!("{key}.name"), what);
            }
        }
    }
}

impl TsaConfig {
    fn check(&self, key: &str, complaints: &mut Complaints) {
        let at = |name: &str| format!("{key}.{name}");
        check_short_name(&at("name"), &self.name, complaints);
        let is_http = url::Url::parse(&self.url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_http {
            complaints.add(&at("url"), "is no http or https URL");
        }
        check_files(&at("anchors"), &self.anchors, complaints);
        if self.anchors.is_empty() {
            let what = "is empty: name the file with the root certificate of the TSA";
            complaints.add(&at("anchors"), what);
        }
        check_files(&at("intermediates"), &self.intermediates, complaints);
        if !self.policy.is_empty() {
            let asks = TimestampQuery::over(HashAlgorithm::Sha256, &[], [0; 8]);
            if !asks.is_ok_and(|query| query.with_policy(&self.policy).is_ok()) {
                let what = "is no object identifier such as 0.4.0.2023.1.1";
                complaints.add(&at("policy"), what);
            }
        }
        let authorization = self.authorization_file.as_slice();
        check_files(&at("authorization_file"), authorization, complaints);
    }
}
