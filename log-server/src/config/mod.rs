//! The configuration: one TOML file, read once at start.
//!
//! [`Config`] is the file: each key is one field, with its bounds, and its default in the `Default`
//! of its table; `--print-config` writes the same structure back. Every problem is found and named
//! in one go ([`ConfigError`]), with its key and what to write instead; nothing is guessed and no
//! unknown key is passed over. Paths are relative to the file.

mod checkpoint_timestamps;
mod provider;
mod read;
mod tables;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub use checkpoint_timestamps::{CheckpointTimestampsConfig, TsaConfig};
use ishibumi_archive::regular;
pub use provider::{KINDS, ProviderConfig, Quota, RescueConfig, SHA1_TOKEN, StatusConfig};
use read::Complaints;
use serde::{Deserialize, Serialize};
pub use tables::{LabConfig, LimitsConfig, Sequencing, StoreConfig, UploadLimits};
pub use values::NO_KEY;
use values::{Address, File, FileOr, Text, Texts};

/// The longest configuration, in octets.
const CONFIG_LEN_MAX: usize = 1 << 20;

/// Where the ML-DSA-44 key lies if nothing is said: beside `key_file`, with this behind its name.
const ML_DSA_44_ENDING: &str = ".ml-dsa-44";

/// The configuration that is in force.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The log's name: the first line of its checkpoints and the name of its key.
    #[serde(with = "Text")]
    pub origin: String,
    /// Where the database lies.
    #[serde(with = "File")]
    pub data_dir: PathBuf,
    /// Where the head file lies: never inside of `data_dir`, so that restoring one does not restore
    /// the other.
    #[serde(with = "File")]
    pub head_dir: PathBuf,
    /// The log's Ed25519 key; the head file is named by it.
    #[serde(with = "File")]
    pub key_file: PathBuf,
    /// The log's ML-DSA-44 key, which signs beside the other; `None` for a log that does without.
    #[serde(default = "beside", with = "FileOr")]
    pub key_file_ml_dsa_44: Option<PathBuf>,
    /// The trust policy that the log itself follows: its witnesses, their URLs, its quorum.
    #[serde(with = "File")]
    pub policy_file: PathBuf,
    /// Where the public interface listens.
    #[serde(default = "public_address", with = "Address")]
    pub listen: SocketAddr,
    /// Where metrics and status are served; keep it private.
    #[serde(default = "admin_address", with = "Address")]
    pub admin_listen: SocketAddr,
    /// Names by which the admin listener may be called, beside addresses and `localhost`.
    #[serde(default, with = "Texts")]
    pub admin_hosts: Vec<String>,
    /// How batches are formed and cosigned.
    #[serde(default)]
    pub sequencing: Sequencing,
    /// Limits of the public interface.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Settings that are never used in production.
    #[serde(default)]
    pub lab: LabConfig,
    /// Witnesses, by key name, whose claims against this log do not count. Their proofs do.
    #[serde(default, with = "Texts")]
    pub distrusted_witnesses: Vec<String>,
    /// Which of the policy's witnesses are mirrors, by their names in the policy: they are sent
    /// records.
    #[serde(default, with = "Texts")]
    pub mirrors: Vec<String>,
    /// Limits on one request to a mirror.
    #[serde(default)]
    pub upload: UploadLimits,
    /// Memory, disk space and upkeep of the store.
    #[serde(default)]
    pub store: StoreConfig,
    /// Who may submit what.
    #[serde(rename = "provider", default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderConfig>,
    /// What holders of the rescue token may submit for providers that have ended.
    #[serde(default)]
    pub rescue: RescueConfig,
    /// Which TSAs stamp the log's checkpoints.
    #[serde(rename = "checkpoint_anchors", default)]
    pub checkpoint_timestamps: CheckpointTimestampsConfig,
}

/// Stands for the path beside `key_file`, which [`Config::resolve`] knows.
#[expect(
    clippy::unnecessary_wraps,
    reason = "serde asks for a value of the field's type"
)]
fn beside() -> Option<PathBuf> {
    Some(PathBuf::new())
}

fn public_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8080).into()
}

fn admin_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8081).into()
}

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}: {} {}:\n{}", .path.display(), .problems.len(),
        if .problems.len() == 1 { "problem" } else { "problems" },
        .problems.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// One sentence each, with the key it is about.
    pub problems: Vec<String>,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, or with every complaint about its text.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let fail = |problem: String| ConfigError {
            path: path.into(),
            problems: vec![problem],
        };
        let text = regular::read_text(path, CONFIG_LEN_MAX);
        let text = text.map_err(|error| fail(error.to_string()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, base).map_err(|problems| ConfigError {
            path: path.into(),
            problems,
        })
    }

    /// Checks the text of a configuration whose paths are relative to `base`.
    ///
    /// # Errors
    /// One sentence for each fault of the text, with the key that it is about.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Vec<String>> {
        let table: toml::Table = text
            .parse()
            .map_err(|error| vec![format!("not TOML: {error}")])?;
        let mut complaints = Complaints::default();
        let mut config: Option<Self> = read::read(table, &mut complaints);
        if let Some(config) = &mut config {
            config.resolve(base);
            config.check(&mut complaints);
        }
        complaints.unless(config)
    }

    /// The configuration in force; reading it gives the same one again.
    ///
    /// # Panics
    /// Never: a configuration that was read can be written, and so can every default.
    pub fn to_toml(&self) -> String {
        // By way of a table, which sorts its keys.
        let table = toml::to_string(self).map_err(|error| error.to_string());
        let table = table.and_then(|text| {
            text.parse::<toml::Table>()
                .map_err(|error| error.to_string())
        });
        table
            .expect("every value was read from a table, or is a default that one may hold")
            .to_string()
    }

    /// Makes the paths whole, from `base`, and fills in what stands for something else.
    fn resolve(&mut self, base: &Path) {
        if self.key_file_ml_dsa_44 == beside() {
            let name = format!("{}{ML_DSA_44_ENDING}", self.key_file.display());
            self.key_file_ml_dsa_44 = Some(name.into());
        }
        let paths = [
            &mut self.data_dir,
            &mut self.head_dir,
            &mut self.key_file,
            &mut self.policy_file,
        ];
        for path in paths.into_iter().chain(&mut self.key_file_ml_dsa_44) {
            *path = base.join(&path);
        }
        for provider in &mut self.providers {
            provider.resolve(base);
        }
        self.checkpoint_timestamps.resolve(base);
    }

    /// Checks that concern several keys at once.
    fn check(&self, complaints: &mut Complaints) {
        for (number, provider) in self.providers.iter().enumerate() {
            let key = format!("provider[{number}]");
            provider.check(&key, self.lab.accept_opaque, complaints);
            let mut before = self.providers[..number].iter();
            if before.any(|other| other.id == provider.id) {
                let what = format!("{:?} is already the id of another provider", provider.id);
                complaints.add(&format!("{key}.id"), what);
            }
        }
        self.rescue.check(complaints);
        self.checkpoint_timestamps.check(complaints);
        let is_given = !complaints.is_unread("data_dir");
        if is_given && absolute(&self.head_dir).starts_with(absolute(&self.data_dir)) {
            complaints.add(
                "head_dir",
                "lies inside of data_dir: a restored data directory would bring its own head file \
                 and hide that it is old; put it elsewhere, best on another disk",
            );
        }
        if self.limits.body_len_max > self.limits.bodies_len_max {
            let what = "is more than limits.bodies_len_max, so never taken";
            complaints.add("limits.body_len_max", what);
        }
        if self.key_file_ml_dsa_44.as_ref() == Some(&self.key_file) {
            let what = "is the same file as key_file: one file holds one key";
            complaints.add("key_file_ml_dsa_44", what);
        }
        if self.listen == self.admin_listen && self.listen.port() != 0 {
            complaints.add("admin_listen", "is the same address as listen");
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path)
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn minimal(extra: &str) -> String {
        format!(
            "origin = \"log.example\"\ndata_dir = \"data\"\nhead_dir = \"heads\"\n\
             key_file = \"log.key\"\npolicy_file = \"Cargo.toml\"\n{extra}"
        )
    }

    fn parse(text: &str) -> Result<Config, Vec<String>> {
        Config::parse(text, Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    #[test]
    fn a_minimal_configuration_has_defaults() {
        let config = parse(&minimal("")).unwrap();
        assert_eq!(config.sequencing.batch_records_max, 4096);
        assert_eq!(config.listen.port(), 8080);
    }

    #[test]
    fn every_error_is_named() {
        let problems = parse(&minimal(
            "listen = \"nowhere\"\nlisten_adress = \"127.0.0.1:1\"\n[sequencing]\nbatch_age_ms = \"soon\"\n\
             [[provider]]\nid = \"a b\"\nkinds = [\"timestamps\"]\ntoken_sha256 = [\"xyz\"]",
        ))
        .unwrap_err();
        for key in [
            "listen",
            "listen_adress",
            "sequencing.batch_age_ms",
            "provider[0].id",
            "provider[0].kinds",
            "provider[0].token_sha256",
            "provider[0].anchors",
        ] {
            assert!(
                problems.iter().any(|p| p.starts_with(&format!("{key} "))),
                "{key}: {problems:?}"
            );
        }
    }

    /// Behind a key that cannot be read everything else is still looked at, and nothing is said
    /// twice.
    #[test]
    fn what_cannot_be_read_hides_nothing_else() {
        let text = "head_dir = \"h\"\nkey_file = \"\"\npolicy_file = 3\nsequencing = 5\nmirrors = \"m\"\n\
                    [limits]\nfoo = 1\n[lab]\naccept_opaque = \"yes\"\n\
                    [[provider]]\nid = \"a\"\ntoken_sha256 = []\nanchors = [\"Cargo.toml\"]\nquota = [1, 2]\n\
                    status = [{ state = \"successor\" }]\n\
                    [[checkpoint_anchors.tsa]]\nanchors = [\"nowhere\"]\n";
        let mut problems = parse(text).unwrap_err();
        problems.sort();
        let nowhere = Path::new(env!("CARGO_MANIFEST_DIR")).join("nowhere");
        let there_is_none = format!(
            "checkpoint_anchors.tsa[0].anchors there is no file {}",
            nowhere.display()
        );
        let wanted = [
            &there_is_none,
            "checkpoint_anchors.tsa[0].name is missing",
            "checkpoint_anchors.tsa[0].url is missing",
            "data_dir is missing",
            "key_file is \"\", expected a text in quotes",
            "lab.accept_opaque is \"yes\", expected true or false",
            "limits.foo is not a known key; see docs/configuration.md",
            "mirrors is \"m\", expected a list of texts",
            "origin is missing",
            "policy_file is 3, expected a text in quotes",
            "provider[0].kinds is missing",
            "provider[0].quota is [1, 2], expected a table or a list of texts",
            "provider[0].status[0].from is missing",
            "provider[0].status[0].successor is missing: say which provider takes over",
            "sequencing is 5, expected a table",
        ];
        assert_eq!(problems, wanted);
    }

    #[test]
    fn the_second_key_lies_beside_the_first_unless_told_otherwise() {
        let key = |extra: &str| {
            let config = parse(&minimal(extra)).unwrap();
            let again = parse(&config.to_toml()).unwrap();
            assert_eq!(again.key_file_ml_dsa_44, config.key_file_ml_dsa_44);
            config.key_file_ml_dsa_44
        };
        let base = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(key(""), Some(base.join("log.key.ml-dsa-44")));
        let named = key("key_file_ml_dsa_44 = \"pq.key\"");
        assert_eq!(named, Some(base.join("pq.key")));
        assert_eq!(key("key_file_ml_dsa_44 = \"none\""), None);
        for wrong in ["\"log.key\"", "false"] {
            let problems = parse(&minimal(&format!("key_file_ml_dsa_44 = {wrong}"))).unwrap_err();
            assert!(
                problems[0].starts_with("key_file_ml_dsa_44 "),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn the_head_file_may_not_lie_in_the_data_directory() {
        let inside = minimal("").replace("\"heads\"", "\"data/heads\"");
        assert!(parse(&inside).unwrap_err()[0].starts_with("head_dir "));
    }

    #[test]
    fn a_registry_entry_is_checked_as_a_whole() {
        let provider = "[[provider]]\nid = \"n\"\nkinds = [\"crl\"]\nanchors = [\"Cargo.toml\"]\n\
             token_sha256 = []\nname_ja = \"北\"\nquota = { per_minute = 5 }\nbackdating_s = 60\n";
        let good = format!(
            "{provider}status = [\n{{ state = \"accepted\", from = 2026-01-01T00:00:00Z }},\n\
             {{ state = \"successor\", from = 2027-01-01T00:00:00Z, successor = \"m\" }}]\n"
        );
        let config = parse(&minimal(&good)).unwrap();
        let read = &config.providers[0];
        assert_eq!(read.status.len(), 2);
        assert_eq!(read.quota.per_minute, 5);
        assert_eq!(
            config.to_toml(),
            parse(&config.to_toml()).unwrap().to_toml()
        );

        let bad = format!(
            "{provider}status = [\n{{ state = \"retired\", from = 2026-01-01 }},\n\
             {{ state = \"accepted\", from = 2026-01-01T00:00:00Z }},\n\
             {{ state = \"successor\", from = 2026-01-01T00:00:00Z }}]\n[rescue]\nrescue = true\n"
        );
        let problems = parse(&minimal(&bad)).unwrap_err();
        for key in [
            "provider[0].status[0].state",
            "provider[0].status[0].from",
            "provider[0].status[2].from",
            "provider[0].status[2].successor",
            "rescue.token_sha256",
            "rescue.quota",
        ] {
            assert!(
                problems.iter().any(|p| p.starts_with(&format!("{key} "))),
                "{key}: {problems:?}"
            );
        }
    }

    #[test]
    fn tsas_are_checked_one_by_one() {
        let good = "[checkpoint_anchors]\ninterval_s = 60\n[[checkpoint_anchors.tsa]]\nname = \"a\"\n\
             url = \"http://127.0.0.1/tsa?x=1\"\nanchors = [\"Cargo.toml\"]\nhash = \"sha512\"\n\
             policy = \"1.2.3\"\nauthorization_file = \"Cargo.toml\"\n";
        let config = parse(&minimal(good)).unwrap();
        assert_eq!(
            config.checkpoint_timestamps.interval,
            Duration::from_secs(60)
        );
        let again = parse(&config.to_toml()).unwrap();
        assert_eq!(config.to_toml(), again.to_toml());
        assert_eq!(again.checkpoint_timestamps.tsas[0].policy, "1.2.3");

        let bad = "[checkpoint_anchors]\ninterval_s = 0\n[[checkpoint_anchors.tsa]]\nname = \"a b\"\n\
             url = \"ftp://x\"\nhash = \"sha1\"\npolicy = \"p\"\nauthorization_file = \"nowhere\"\n\
             [[checkpoint_anchors.tsa]]\nname = \"a b\"\nurl = \"http://x\"\nanchors = [\"nowhere\"]\n";
        let problems = parse(&minimal(bad)).unwrap_err();
        for key in [
            "interval_s",
            "tsa[0].name",
            "tsa[0].url",
            "tsa[0].anchors",
            "tsa[0].hash",
            "tsa[0].policy",
            "tsa[0].authorization_file",
            "tsa[1].name",
            "tsa[1].anchors",
        ] {
            let named = format!("checkpoint_anchors.{key} ");
            assert!(
                problems.iter().any(|p| p.starts_with(&named)),
                "{key}: {problems:?}"
            );
        }
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same() {
        let config = parse(&minimal("[sequencing]\nbatch_age_ms = 7")).unwrap();
        let again = parse(&config.to_toml()).unwrap();
        assert_eq!(config.to_toml(), again.to_toml());
        assert_eq!(again.sequencing.batch_age, Duration::from_millis(7));
    }
}
