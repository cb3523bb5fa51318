//! The tables about who may submit: `[[provider]]` and `[rescue]`.

use std::path::{Path, PathBuf};

use ishibumi_artifact::record::{STATUS_CHANGES_MAX, StatementCode};
use ishibumi_artifact::time::Time;
use ishibumi_tlog::hash::Hash;
use serde::{Deserialize, Serialize};

use super::read::Complaints;
use super::values::{Count, Files, Flag, Hashes, Moment, State, Text, Texts};

/// Beside `timestamp-token`: tokens that are signed over SHA-1 are taken too, each under a mark.
pub const SHA1_TOKEN: &str = "timestamp-token-sha1";

/// The words that `kinds` may hold.
pub const KINDS: [&str; 6] = [
    "timestamp-token",
    SHA1_TOKEN,
    "certificate",
    "crl",
    "ocsp-response",
    "opaque",
];

/// Most octets of a name: what a record holds.
const NAME_LEN_MAX: usize = 255;

/// A `[[provider]]` table.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Its short name in the log's records, metrics and errors.
    #[serde(with = "Text")]
    pub id: String,
    /// Its name for people; its short name if none is given.
    #[serde(default, with = "Text")]
    pub name: String,
    /// Its name in Japanese, or empty.
    #[serde(default, with = "Text", skip_serializing_if = "String::is_empty")]
    pub name_ja: String,
    /// Files with its trust anchors, PEM or DER.
    #[serde(default, with = "Files")]
    pub anchors: Vec<PathBuf>,
    /// Files with certificates that are known without being trusted, PEM or DER.
    #[serde(default, with = "Files")]
    pub intermediates: Vec<PathBuf>,
    /// Files with certificates of OCSP responders that answer for its CAs without a certificate of
    /// theirs for the purpose (RFC 6960 4.2.2.2 (1)), PEM or DER.
    #[serde(default, with = "Files")]
    pub responders: Vec<PathBuf>,
    /// The kinds of artifacts that it may submit.
    #[serde(with = "Texts")]
    pub kinds: Vec<String>,
    /// SHA-256 of the bearer tokens that it authenticates with. The tokens themselves are never
    /// stored.
    #[serde(with = "Hashes")]
    pub token_sha256: Vec<Hash>,
    /// Its states, in order of time; empty means accepted.
    #[serde(default)]
    pub status: Vec<StatusConfig>,
    /// How much it may submit.
    #[serde(default)]
    pub quota: Quota,
    /// A token whose genTime lies longer before its inclusion is suspected of backdating, in
    /// seconds; 0 if none is.
    #[serde(default = "week", with = "Count::<0, { u32::MAX as u64 }>")]
    pub backdating_s: u32,
}

const fn week() -> u32 {
    7 * 86_400
}

/// An entry of a provider's `status`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatusConfig {
    /// The state.
    #[serde(with = "State")]
    pub state: StatementCode,
    /// From when it holds.
    #[serde(with = "Moment")]
    pub from: Time,
    /// Name of the provider that takes over; empty if none is named.
    #[serde(default, with = "Text", skip_serializing_if = "String::is_empty")]
    pub successor: String,
}

/// How many records may be submitted; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Records a minute.
    #[serde(with = "Count::<0, { u32::MAX as u64 }>")]
    pub per_minute: u32,
    /// Records a day.
    #[serde(with = "Count::<0, { u32::MAX as u64 }>")]
    pub per_day: u32,
}

/// The `[rescue]` table: what holders of its token may submit for providers that have ended.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RescueConfig {
    /// Whether artifacts of terminated providers are taken at all.
    #[serde(with = "Flag")]
    pub rescue: bool,
    /// SHA-256 of the bearer tokens for rescue.
    #[serde(with = "Hashes")]
    pub token_sha256: Vec<Hash>,
    /// How much may be rescued.
    pub quota: Quota,
}

impl ProviderConfig {
    /// Makes its paths whole, from `base`.
    pub(super) fn resolve(&mut self, base: &Path) {
        if self.name.is_empty() {
            self.name.clone_from(&self.id);
        }
        let files = self.anchors.iter_mut().chain(&mut self.intermediates);
        for file in files.chain(&mut self.responders) {
            *file = base.join(&file);
        }
    }

    /// Adds to `complaints` what is wrong with the table under `key`.
    pub(super) fn check(&self, key: &str, accept_opaque: bool, complaints: &mut Complaints) {
        let at = |name: &str| format!("{key}.{name}");
        check_short_name(&at("id"), &self.id, complaints);
        for (name, text) in [("name", &self.name), ("name_ja", &self.name_ja)] {
            if text.len() > NAME_LEN_MAX {
                complaints.add(&at(name), format!("is longer than {NAME_LEN_MAX} octets"));
            }
        }
        check_files(&at("anchors"), &self.anchors, complaints);
        check_files(&at("intermediates"), &self.intermediates, complaints);
        check_files(&at("responders"), &self.responders, complaints);
        self.check_kinds(&at("kinds"), accept_opaque, complaints);
        if self.anchors.is_empty() && self.kinds.iter().any(|kind| kind != "opaque") {
            let what = "is empty: name at least one file with a trust anchor";
            complaints.add(&at("anchors"), what);
        }
        self.check_status(&at("status"), complaints);
    }

    fn check_kinds(&self, key: &str, accept_opaque: bool, complaints: &mut Complaints) {
        let unknown = |kind: &&String| !KINDS.contains(&kind.as_str());
        for kind in self.kinds.iter().filter(unknown) {
            complaints.add(key, format!("{kind:?} is none of {}", KINDS.join(", ")));
        }
        if self.kinds.is_empty() {
            let what = "is empty: a provider that may submit nothing is suspended by its status";
            complaints.add(key, what);
        }
        let takes = |word: &str| self.kinds.iter().any(|kind| kind == word);
        if takes(SHA1_TOKEN) && !takes("timestamp-token") {
            let what = format!("{SHA1_TOKEN:?} needs \"timestamp-token\" beside it");
            complaints.add(key, what);
        }
        if takes("opaque") && !accept_opaque {
            complaints.add(key, "\"opaque\" needs lab.accept_opaque = true");
        }
    }

    fn check_status(&self, key: &str, complaints: &mut Complaints) {
        for (number, change) in self.status.iter().enumerate() {
            let at = |name: &str| format!("{key}[{number}].{name}");
            if change.successor.len() > 64 {
                complaints.add(&at("successor"), "is longer than 64 octets");
            }
            if change.state == StatementCode::SUCCESSOR && change.successor.is_empty() {
                let what = "is missing: say which provider takes over";
                complaints.add(&at("successor"), what);
            }
            let before = self.status[..number].last();
            if before.is_some_and(|before| change.from <= before.from) {
                let what = "is not later than that of the entry before";
                complaints.add(&at("from"), what);
            }
        }
        if self.status.len() > STATUS_CHANGES_MAX {
            let what = format!("has more than {STATUS_CHANGES_MAX} entries; drop the oldest");
            complaints.add(key, what);
        }
    }
}

impl RescueConfig {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        if self.rescue && self.token_sha256.is_empty() {
            let what =
                "is empty: rescue = true needs the hash of a token; `ishibumi-log token` makes one";
            complaints.add("rescue.token_sha256", what);
        }
        if self.rescue && self.quota == Quota::default() {
            let what = "is missing: rescue = true needs per_minute or per_day";
            complaints.add("rescue.quota", what);
        }
    }
}

/// A short name that stands in metrics and records.
pub(super) fn check_short_name(key: &str, name: &str, complaints: &mut Complaints) {
    if name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        complaints.add(key, "has at most 64 ASCII letters, digits and hyphens");
    }
}

/// Each of `files` has to be there.
pub(super) fn check_files(key: &str, files: &[PathBuf], complaints: &mut Complaints) {
    for missing in files.iter().filter(|file| !file.is_file()) {
        complaints.add(key, format!("there is no file {}", missing.display()));
    }
}
