//! The tables of plain numbers: each key with its bounds, and the defaults.

use std::time::Duration;

use ishibumi_store::CACHE_LEN;
use ishibumi_tlog::protocol::add_entries::REQUEST_PACKAGES_MAX;
use ishibumi_wire::Limits;
use serde::{Deserialize, Serialize};

use super::values::{Count, Flag, Millis};

/// `[store]`: memory, disk space and upkeep of the store.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Octets that its caches may take.
    #[serde(with = "Count::<{ 1 << 20 }, { 1 << 40 }>")]
    pub cache_len: usize,
    /// Octets that are left free on the disks of data and head file.
    #[serde(with = "Count::<0, { 1 << 60 }>")]
    pub reserve_octets: u64,
    /// Within which time old data that changed is found; zero turns the search off.
    #[serde(rename = "scrub_period_ms", with = "Millis::<0, 2_678_400_000>")]
    pub scrub_period: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_len: CACHE_LEN,
            reserve_octets: 1 << 30,
            scrub_period: Duration::from_secs(86_400),
        }
    }
}

/// `[sequencing]`: how batches are formed, signed and cosigned.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sequencing {
    /// A batch closes when it has this many records.
    #[serde(with = "Count::<1, 1_000_000>")]
    pub batch_records_max: usize,
    /// A batch closes when its first record has waited this long.
    #[serde(rename = "batch_age_ms", with = "Millis::<0, 10_000>")]
    pub batch_age: Duration,
    /// Records that may wait to be staged; more submissions are answered with 503.
    #[serde(with = "Count::<1, 10_000_000>")]
    pub pool_records_max: usize,
    /// How long a submission waits for the quorum before it is answered with 202.
    #[serde(rename = "quorum_deadline_ms", with = "Millis::<100, 60_000>")]
    pub quorum_deadline: Duration,
    /// How long a witness has to answer one request.
    #[serde(rename = "witness_deadline_ms", with = "Millis::<100, 60_000>")]
    pub witness_deadline: Duration,
    /// At most this often is a published checkpoint kept for ever.
    #[serde(rename = "keep_interval_ms", with = "Millis::<0, 3_600_000>")]
    pub keep_interval: Duration,
    /// An unchanged head is cosigned anew this often.
    #[serde(rename = "recosign_interval_ms", with = "Millis::<1_000, 3_600_000>")]
    pub recosign_interval: Duration,
    /// How often a witness that is not asked for anything is asked for what it has; never if zero.
    #[serde(rename = "look_interval_ms", with = "Millis::<0, 3_600_000>")]
    pub look_interval: Duration,
    /// After how long without its quorum the log says that it is not ready.
    #[serde(rename = "quorum_alarm_ms", with = "Millis::<0, 3_600_000>")]
    pub quorum_alarm: Duration,
}

impl Default for Sequencing {
    fn default() -> Self {
        Self {
            batch_records_max: 4096,
            batch_age: Duration::from_millis(1),
            pool_records_max: 200_000,
            quorum_deadline: Duration::from_secs(10),
            witness_deadline: Duration::from_secs(5),
            keep_interval: Duration::from_secs(60),
            recosign_interval: Duration::from_secs(60),
            look_interval: Duration::from_secs(2),
            quorum_alarm: Duration::from_secs(30),
        }
    }
}

/// `[upload]`: what one request to a mirror may be.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadLimits {
    /// How long the mirror has for one answer.
    #[serde(rename = "deadline_ms", with = "Millis::<100, 600_000>")]
    pub deadline: Duration,
    /// The most packages, of 256 records each.
    #[serde(with = "Count::<1, { REQUEST_PACKAGES_MAX as u64 }>")]
    pub packages_max: usize,
    /// No package is added to a request that has this many octets.
    #[serde(with = "Count::<{ 1 << 10 }, { 1 << 30 }>")]
    pub len_max: usize,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            packages_max: REQUEST_PACKAGES_MAX,
            len_max: 4 << 20,
        }
    }
}

/// `[limits]`: what connections and requests of the public interface may cost.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// [`Limits::head_deadline`].
    #[serde(rename = "head_deadline_ms", with = "Millis::<100, 120_000>")]
    pub head_deadline: Duration,
    /// [`Limits::body_deadline`].
    #[serde(rename = "body_deadline_ms", with = "Millis::<100, 600_000>")]
    pub body_deadline: Duration,
    /// [`Limits::stall_deadline`].
    #[serde(rename = "stall_deadline_ms", with = "Millis::<100, 600_000>")]
    pub stall_deadline: Duration,
    /// [`Limits::connections_max`].
    #[serde(with = "Count::<1, 100_000>")]
    pub connections_max: usize,
    /// [`Limits::bodies_len_max`].
    #[serde(with = "Count::<{ 1 << 20 }, { 1 << 31 }>")]
    pub bodies_len_max: usize,
    /// [`Limits::drain_deadline`].
    #[serde(rename = "drain_deadline_ms", with = "Millis::<0, 600_000>")]
    pub drain_deadline: Duration,
    /// [`Limits::linger_deadline`].
    #[serde(rename = "linger_deadline_ms", with = "Millis::<0, 60_000>")]
    pub linger_deadline: Duration,
    /// [`Limits::linger_len_max`].
    #[serde(with = "Count::<0, { 1 << 31 }>")]
    pub linger_len_max: usize,
    /// The longest body of a submission, in octets.
    #[serde(with = "Count::<{ 1 << 10 }, { 1 << 28 }>")]
    pub body_len_max: usize,
    /// The most items in one batch submission.
    #[serde(with = "Count::<1, 65_536>")]
    pub batch_items_max: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let of_the_server = Limits::default();
        Self {
            head_deadline: of_the_server.head_deadline,
            body_deadline: of_the_server.body_deadline,
            stall_deadline: of_the_server.stall_deadline,
            connections_max: of_the_server.connections_max,
            bodies_len_max: of_the_server.bodies_len_max,
            drain_deadline: of_the_server.drain_deadline,
            linger_deadline: of_the_server.linger_deadline,
            linger_len_max: of_the_server.linger_len_max,
            body_len_max: 16 << 20,
            batch_items_max: 4096,
        }
    }
}

impl LimitsConfig {
    /// The limits for the listening server.
    pub const fn of_the_server(&self) -> Limits {
        Limits {
            head_deadline: self.head_deadline,
            body_deadline: self.body_deadline,
            stall_deadline: self.stall_deadline,
            connections_max: self.connections_max,
            bodies_len_max: self.bodies_len_max,
            drain_deadline: self.drain_deadline,
            linger_deadline: self.linger_deadline,
            linger_len_max: self.linger_len_max,
        }
    }
}

/// `[lab]`: for laboratories and load tests, never in production.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabConfig {
    /// Takes opaque records.
    #[serde(with = "Flag")]
    pub accept_opaque: bool,
    /// Takes a policy with `quorum none`.
    #[serde(with = "Flag")]
    pub allow_no_quorum: bool,
    /// Takes TSAs that share an anchor or a key.
    #[serde(with = "Flag")]
    pub allow_related_tsas: bool,
}
