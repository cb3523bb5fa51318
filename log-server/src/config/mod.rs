//! The configuration: one TOML file, read once at start.
//!
//! Every problem in it is found and named in one go ([`ConfigError`]), with its key and what to write
//! instead; nothing is guessed and no unknown key is passed over. Paths are relative to the file.

mod checkpoint_timestamps;
mod provider;
mod reader;
mod show;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use checkpoint_timestamps::{CheckpointTimestampsConfig, TsaConfig};
use ishibumi_archive::regular;
use ishibumi_store::CACHE_LEN;
use ishibumi_tlog::protocol::add_entries::REQUEST_PACKAGES_MAX;
use ishibumi_wire::Limits;
pub use provider::{KINDS, ProviderConfig, Quota, RescueConfig, SHA1_TOKEN, StatusConfig};
use reader::Reader;

/// The longest configuration, in octets.
const CONFIG_LEN_MAX: usize = 1 << 20;

/// What `key_file_ml_dsa_44` is set to for a log that signs with Ed25519 alone.
pub const NO_KEY: &str = "none";

/// Where the ML-DSA-44 key lies if nothing is said: beside `key_file`, with this behind its name.
const ML_DSA_44_ENDING: &str = ".ml-dsa-44";

/// What is in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log's name: the first line of its checkpoints and the name of its key.
    pub origin: String,
    /// Where the database lies.
    pub data_dir: PathBuf,
    /// Where the head file lies: never inside of `data_dir`, so that restoring one does not restore
    /// the other.
    pub head_dir: PathBuf,
    /// The log's Ed25519 key; the head file is named by it.
    pub key_file: PathBuf,
    /// The log's ML-DSA-44 key, which signs beside the other; `None` for a log that does without.
    pub key_file_ml_dsa_44: Option<PathBuf>,
    /// The trust policy that the log itself follows: its witnesses, their URLs, its quorum.
    pub policy_file: PathBuf,
    /// Where the public interface listens.
    pub listen: SocketAddr,
    /// Where metrics and status are served; keep it private.
    pub admin_listen: SocketAddr,
    /// Names by which the admin listener may be called, beside addresses and `localhost`.
    pub admin_hosts: Vec<String>,
    /// How batches are formed and cosigned.
    pub sequencing: Sequencing,
    /// Limits of the public interface.
    pub limits: Limits,
    /// The longest body of a submission, in octets.
    pub body_len_max: usize,
    /// The most items in one batch submission.
    pub batch_items_max: usize,
    /// Takes opaque records, for laboratories and load tests. Never in production.
    pub lab_accept_opaque: bool,
    /// Takes a policy with `quorum none`. Never in production.
    pub lab_allow_no_quorum: bool,
    /// Takes TSAs that share an anchor or a key. Never in production.
    pub lab_allow_related_tsas: bool,
    /// Witnesses, by key name, whose words against this log do not count. What they show does.
    pub distrusted_witnesses: Vec<String>,
    /// Which of the policy's witnesses are mirrors, by their names in the policy: they are sent records.
    pub mirrors: Vec<String>,
    /// What one request to a mirror may be.
    pub upload: UploadLimits,
    /// Memory, room and care of the store.
    pub store: StoreConfig,
    /// Who may submit what.
    pub providers: Vec<ProviderConfig>,
    /// What anybody may submit for providers that have ended.
    pub rescue: RescueConfig,
    /// Which TSAs stamp the log's checkpoints.
    pub checkpoint_timestamps: CheckpointTimestampsConfig,
}

/// Memory, room and care of the store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Octets that its caches may take.
    pub cache_len: usize,
    /// Octets that are left free on the disks of data and head file.
    pub reserve_octets: u64,
    /// Within which time old data that changed is found; zero: nobody looks.
    pub scrub_period: Duration,
}

/// How batches are formed, signed and cosigned.
#[derive(Clone, Debug)]
pub struct Sequencing {
    /// A batch closes when it has this many records.
    pub batch_records_max: usize,
    /// A batch closes when its first record has waited this long.
    pub batch_age: Duration,
    /// Records that may wait to be staged; more submissions are answered with 503.
    pub pool_records_max: usize,
    /// How long a submission waits for the quorum before it is answered with 202.
    pub quorum_deadline: Duration,
    /// How long a witness has to answer one request.
    pub witness_deadline: Duration,
    /// At most this often is a published checkpoint kept for ever.
    pub keep_interval: Duration,
    /// An unchanged head is cosigned anew this often.
    pub recosign_interval: Duration,
    /// How often a witness that is not asked for anything is asked for what it has; never if zero.
    pub look_interval: Duration,
    /// After how long without its quorum the log says that it is not ready.
    pub quorum_alarm: Duration,
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
    pub fn parse(text: &str, base: &Path) -> Result<Self, Vec<String>> {
        let table: toml::Table = text
            .parse()
            .map_err(|error| vec![format!("not TOML: {error}")])?;
        let mut r = Reader::new(table, "");
        let path = |value: String| base.join(value);

        let origin = r.string("origin");
        let data_dir = path(r.string("data_dir"));
        let head_dir = path(r.string("head_dir"));
        let key_name = r.string("key_file");
        let beside = r.string_or(
            "key_file_ml_dsa_44",
            &format!("{key_name}{ML_DSA_44_ENDING}"),
        );
        let key_file_ml_dsa_44 = (beside != NO_KEY).then(|| path(beside));
        let key_file = path(key_name);
        let policy_file = path(r.string("policy_file"));
        let listen = r.address("listen", "127.0.0.1:8080");
        let admin_listen = r.address("admin_listen", "127.0.0.1:8081");
        let admin_hosts = r.strings_or_empty("admin_hosts");
        let distrusted_witnesses = r.strings_or_empty("distrusted_witnesses");

        let mut table = r.table("sequencing");
        let sequencing = sequencing(&mut table);
        r.close(table);

        let mirrors = r.strings_or_empty("mirrors");
        let mut table = r.table("upload");
        let upload = upload(&mut table);
        r.close(table);

        let mut table = r.table("store");
        let store = store(&mut table);
        r.close(table);

        let mut table = r.table("limits");
        let limits = limits(&mut table);
        let body_len_max = table.count("body_len_max", 16 << 20, 1 << 10..=1 << 28);
        let batch_items_max = table.count("batch_items_max", 4096, 1..=65_536);
        r.close(table);

        let mut lab = r.table("lab");
        let lab_accept_opaque = lab.flag("accept_opaque");
        let lab_allow_no_quorum = lab.flag("allow_no_quorum");
        let lab_allow_related_tsas = lab.flag("allow_related_tsas");
        r.close(lab);

        let providers = providers(&mut r, base, lab_accept_opaque);
        let mut table = r.table("rescue");
        let rescue = provider::rescue(&mut table);
        r.close(table);
        let mut table = r.table("checkpoint_anchors");
        let checkpoint_timestamps = checkpoint_timestamps::read(&mut table, base);
        r.close(table);

        // Keys that are missing were named already; without them both are the folder of the file.
        let given = data_dir != base.join("") && head_dir != base.join("");
        if given && absolute(&head_dir).starts_with(absolute(&data_dir)) {
            r.problem(
                "head_dir",
                "lies inside of data_dir: a restored data directory would bring its own head file \
                 and hide that it is old; put it elsewhere, best on another disk",
            );
        }
        if body_len_max > limits.bodies_len_max {
            r.problem(
                "limits.body_len_max",
                "is more than limits.bodies_len_max, so never taken",
            );
        }
        if key_file_ml_dsa_44.as_ref() == Some(&key_file) {
            let what = "is the same file as key_file: one file holds one key";
            r.problem("key_file_ml_dsa_44", what);
        }
        if listen == admin_listen && listen.port() != 0 {
            r.problem("admin_listen", "is the same address as listen");
        }
        r.finish()?;
        Ok(Self {
            origin,
            data_dir,
            head_dir,
            key_file,
            key_file_ml_dsa_44,
            policy_file,
            listen,
            admin_listen,
            admin_hosts,
            sequencing,
            limits,
            body_len_max,
            batch_items_max,
            lab_accept_opaque,
            lab_allow_no_quorum,
            lab_allow_related_tsas,
            distrusted_witnesses,
            mirrors,
            upload,
            store,
            providers,
            rescue,
            checkpoint_timestamps,
        })
    }
}

/// The tables of providers; no two have one id.
fn providers(r: &mut Reader, base: &Path, lab_accept_opaque: bool) -> Vec<ProviderConfig> {
    let mut providers: Vec<ProviderConfig> = Vec::new();
    for mut table in r.tables("provider") {
        let read = provider::provider(&mut table, base, lab_accept_opaque);
        if providers.iter().any(|other| other.id == read.id) {
            let what = format!("{:?} is already the id of another provider", read.id);
            table.problem("id", &what);
        }
        providers.push(read);
        r.close(table);
    }
    providers
}

fn sequencing(s: &mut Reader) -> Sequencing {
    Sequencing {
        batch_records_max: s.count("batch_records_max", 4096, 1..=1_000_000),
        batch_age: s.millis("batch_age_ms", 1, 0..=10_000),
        pool_records_max: s.count("pool_records_max", 200_000, 1..=10_000_000),
        quorum_deadline: s.millis("quorum_deadline_ms", 10_000, 100..=60_000),
        witness_deadline: s.millis("witness_deadline_ms", 5_000, 100..=60_000),
        keep_interval: s.millis("keep_interval_ms", 60_000, 0..=3_600_000),
        recosign_interval: s.millis("recosign_interval_ms", 60_000, 1_000..=3_600_000),
        look_interval: s.millis("look_interval_ms", 2_000, 0..=3_600_000),
        quorum_alarm: s.millis("quorum_alarm_ms", 30_000, 0..=3_600_000),
    }
}

fn store(s: &mut Reader) -> StoreConfig {
    let reserve = s.count("reserve_octets", 1 << 30, 0..=1 << 60);
    StoreConfig {
        cache_len: s.count("cache_len", CACHE_LEN, 1 << 20..=1 << 40),
        reserve_octets: u64::try_from(reserve).unwrap_or(u64::MAX),
        scrub_period: s.millis("scrub_period_ms", 86_400_000, 0..=2_678_400_000),
    }
}

/// What one request to a mirror may be.
#[derive(Clone, Debug)]
pub struct UploadLimits {
    /// How long the mirror has for one answer.
    pub deadline: Duration,
    /// The most packages, of 256 records each.
    pub packages_max: usize,
    /// No package is added to a request that has this many octets.
    pub len_max: usize,
}

fn upload(u: &mut Reader) -> UploadLimits {
    UploadLimits {
        deadline: u.millis("deadline_ms", 60_000, 100..=600_000),
        packages_max: u.count(
            "packages_max",
            REQUEST_PACKAGES_MAX,
            1..=REQUEST_PACKAGES_MAX,
        ),
        len_max: u.count("len_max", 4 << 20, 1 << 10..=1 << 30),
    }
}

fn limits(l: &mut Reader) -> Limits {
    let defaults = Limits::default();
    Limits {
        head_deadline: l.millis("head_deadline_ms", 10_000, 100..=120_000),
        body_deadline: l.millis("body_deadline_ms", 30_000, 100..=600_000),
        stall_deadline: l.millis("stall_deadline_ms", 15_000, 100..=600_000),
        connections_max: l.count("connections_max", defaults.connections_max, 1..=100_000),
        bodies_len_max: l.count("bodies_len_max", defaults.bodies_len_max, 1 << 20..=1 << 31),
        drain_deadline: l.millis("drain_deadline_ms", 20_000, 0..=600_000),
        linger_deadline: l.millis("linger_deadline_ms", 1_000, 0..=60_000),
        linger_len_max: l.count("linger_len_max", defaults.linger_len_max, 0..=1 << 31),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path)
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
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
