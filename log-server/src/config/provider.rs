//! The tables about who may submit: `[[provider]]` and `[rescue]`.

use std::path::{Path, PathBuf};

use ishibumi_artifact::record::{STATUS_CHANGES_MAX, StatementCode};
use ishibumi_artifact::time::Time;
use ishibumi_tlog::hash::Hash;

use super::reader::Reader;

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

/// The states that `status` may hold.
const STATES: [StatementCode; 5] = [
    StatementCode::ACCEPTED,
    StatementCode::SUSPENDED,
    StatementCode::TERMINATING,
    StatementCode::TERMINATED,
    StatementCode::SUCCESSOR,
];

/// Most octets of a name: what a record holds.
const NAME_LEN_MAX: usize = 255;

/// A `[[provider]]` table.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Its short name in the log's records, metrics and errors.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its name in Japanese, or empty.
    pub name_ja: String,
    /// Files with its trust anchors, PEM or DER.
    pub anchors: Vec<PathBuf>,
    /// Files with certificates that are known without being trusted, PEM or DER.
    pub intermediates: Vec<PathBuf>,
    /// Files with certificates of OCSP responders that answer for its CAs without a certificate of theirs for
    /// the purpose (RFC 6960 4.2.2.2 (1)), PEM or DER.
    pub responders: Vec<PathBuf>,
    /// What it may submit.
    pub kinds: Vec<String>,
    /// SHA-256 of the bearer tokens that it authenticates with. The tokens themselves are never stored.
    pub token_sha256: Vec<Hash>,
    /// Its states, in order of time; empty means accepted.
    pub status: Vec<StatusConfig>,
    /// How much it may submit.
    pub quota: Quota,
    /// A token whose genTime lies longer before its inclusion is suspected of backdating, in seconds;
    /// 0 if none is.
    pub backdating_s: u32,
}

/// An entry of a provider's `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusConfig {
    /// The state.
    pub state: StatementCode,
    /// From when it holds.
    pub from: Time,
    /// Who takes over; empty if nobody is named.
    pub successor: String,
}

/// How many records may be submitted; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Records a minute.
    pub per_minute: u32,
    /// Records a day.
    pub per_day: u32,
}

/// The `[rescue]` table: what anybody who holds its token may do for providers that have ended.
#[derive(Clone, Debug, Default)]
pub struct RescueConfig {
    /// Whether artifacts of terminated providers are taken at all.
    pub rescue: bool,
    /// SHA-256 of the bearer tokens for rescue.
    pub token_sha256: Vec<Hash>,
    /// How much may be rescued.
    pub quota: Quota,
}

/// Reads a `[[provider]]` table.
pub(super) fn provider(p: &mut Reader, base: &Path, lab_accept_opaque: bool) -> ProviderConfig {
    let id = p.string("id");
    if id.len() > 64 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        p.problem("id", "has at most 64 ASCII letters, digits and hyphens");
    }
    let name = p.string_or("name", &id);
    let name_ja = p.string_or("name_ja", "");
    for (key, name) in [("name", &name), ("name_ja", &name_ja)] {
        if name.len() > NAME_LEN_MAX {
            p.problem(key, &format!("is longer than {NAME_LEN_MAX} octets"));
        }
    }
    let anchors = files(p, "anchors", base);
    let intermediates = files(p, "intermediates", base);
    let responders = files(p, "responders", base);
    let kinds = p.strings("kinds");
    for kind in kinds.iter().filter(|kind| !KINDS.contains(&kind.as_str())) {
        p.problem(
            "kinds",
            &format!("{kind:?} is none of {}", KINDS.join(", ")),
        );
    }
    if kinds.is_empty() {
        p.problem(
            "kinds",
            "is empty: a provider that may submit nothing is suspended by its status",
        );
    }
    let takes = |word: &str| kinds.iter().any(|kind| kind == word);
    if takes(SHA1_TOKEN) && !takes("timestamp-token") {
        p.problem(
            "kinds",
            &format!("{SHA1_TOKEN:?} needs \"timestamp-token\" beside it"),
        );
    }
    if anchors.is_empty() && kinds.iter().any(|kind| kind != "opaque") {
        p.problem(
            "anchors",
            "is empty: name at least one file with a trust anchor",
        );
    }
    if kinds.iter().any(|kind| kind == "opaque") && !lab_accept_opaque {
        p.problem("kinds", "\"opaque\" needs lab.accept_opaque = true");
    }
    ProviderConfig {
        token_sha256: tokens(p, true),
        status: status(p),
        quota: quota(p),
        backdating_s: p.number("backdating_s", 7 * 86_400),
        id,
        name,
        name_ja,
        anchors,
        intermediates,
        responders,
        kinds,
    }
}

/// Reads the `[rescue]` table.
pub(super) fn rescue(r: &mut Reader) -> RescueConfig {
    let rescue = RescueConfig {
        rescue: r.flag("rescue"),
        token_sha256: tokens(r, false),
        quota: quota(r),
    };
    if rescue.rescue && rescue.token_sha256.is_empty() {
        let what =
            "is empty: rescue = true needs the hash of a token; `ishibumi-log token` makes one";
        r.problem("token_sha256", what);
    }
    if rescue.rescue && rescue.quota == Quota::default() {
        let what = "is missing: rescue = true needs per_minute or per_day";
        r.problem("quota", what);
    }
    rescue
}

/// The files that `key` names; each has to be there.
pub(super) fn files(p: &mut Reader, key: &str, base: &Path) -> Vec<PathBuf> {
    let names = p.strings_or_empty(key).into_iter();
    let files: Vec<PathBuf> = names.map(|file| base.join(file)).collect();
    for missing in files.iter().filter(|file| !file.is_file()) {
        p.problem(key, &format!("there is no file {}", missing.display()));
    }
    files
}

fn tokens(p: &mut Reader, required: bool) -> Vec<Hash> {
    let key = "token_sha256";
    let texts = if required {
        p.strings(key)
    } else {
        p.strings_or_empty(key)
    };
    let mut hashes = Vec::new();
    for text in texts {
        match Hash::from_hex(&text) {
            Some(hash) => hashes.push(hash),
            None => p.problem(
                key,
                "has an entry that is not 64 lowercase hexadecimal digits; \
                 `ishibumi-log token` makes a token and prints its hash",
            ),
        }
    }
    hashes
}

fn quota(p: &mut Reader) -> Quota {
    let mut table = p.table("quota");
    let quota = Quota {
        per_minute: table.number("per_minute", 0),
        per_day: table.number("per_day", 0),
    };
    p.close(table);
    quota
}

fn status(p: &mut Reader) -> Vec<StatusConfig> {
    let mut status: Vec<StatusConfig> = Vec::new();
    for mut table in p.tables("status") {
        let word = table.string("state");
        let state = STATES.into_iter().find(|state| state.name() == Some(&word));
        let from = table.moment("from");
        let successor = table.string_or("successor", "");
        if state.is_none() {
            let words: Vec<_> = STATES.iter().filter_map(|state| state.name()).collect();
            table.problem(
                "state",
                &format!("{word:?} is none of {}", words.join(", ")),
            );
        }
        if successor.len() > 64 {
            table.problem("successor", "is longer than 64 octets");
        }
        if state == Some(StatementCode::SUCCESSOR) && successor.is_empty() {
            table.problem("successor", "is missing: say which provider takes over");
        }
        if let (Some(from), Some(before)) = (from, status.last())
            && from <= before.from
        {
            table.problem("from", "is not later than that of the entry before");
        }
        if let (Some(state), Some(from)) = (state, from) {
            status.push(StatusConfig {
                state,
                from,
                successor,
            });
        }
        p.close(table);
    }
    if status.len() > STATUS_CHANGES_MAX {
        let what = format!("has more than {STATUS_CHANGES_MAX} entries; drop the oldest");
        p.problem("status", &what);
    }
    status
}
