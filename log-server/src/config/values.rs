//! How values are written in the file: each type reads one form, says what it expected when it
//! meets another one ([`super::read`] says what was there), and writes it back.

#![expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a field by reference, whatever its type"
)]

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::record::StatementCode;
use ishibumi_artifact::time::Time;
use ishibumi_tlog::hash::Hash;
use serde::de::{Deserialize as _, Deserializer, Error};
use serde::ser::{Error as _, Serialize as _, Serializer};
use toml::Value;
use toml::value::Datetime;

/// Value of `key_file_ml_dsa_44` for a log that signs with Ed25519 alone.
pub const NO_KEY: &str = "none";

/// The value, if `read` understands it; otherwise an error that says what was expected.
fn value<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: impl Display,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    read(&value).ok_or_else(|| D::Error::custom(format_args!("expected {expected}")))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    value(deserializer, "a text in quotes", |value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    })
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    value(deserializer, "a list of texts", |value| {
        let items = value.as_array()?.iter();
        items.map(|item| item.as_str().map(str::to_owned)).collect()
    })
}

/// A text that is not empty.
pub(super) struct Text;

impl Text {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
        text(d)
    }

    pub(super) fn serialize<S: Serializer>(text: &str, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(text)
    }
}

/// Texts.
pub(super) struct Texts;

impl Texts {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
        texts(d)
    }

    pub(super) fn serialize<S: Serializer>(texts: &[String], s: S) -> Result<S::Ok, S::Error> {
        texts.serialize(s)
    }
}

/// A path.
pub(super) struct File;

impl File {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
        text(d).map(PathBuf::from)
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&path.display())
    }
}

/// A path, or the word for none.
pub(super) struct FileOr;

impl FileOr {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        let text = text(d)?;
        Ok((text != NO_KEY).then(|| PathBuf::from(text)))
    }

    pub(super) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match path {
            Some(path) => File::serialize(path, s),
            None => s.serialize_str(NO_KEY),
        }
    }
}

/// A path that may be left out.
pub(super) struct FileIfAny;

impl FileIfAny {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        File::deserialize(d).map(Some)
    }

    pub(super) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_ref()
            .map(|path| path.display().to_string())
            .serialize(s)
    }
}

/// Paths.
pub(super) struct Files;

impl Files {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<PathBuf>, D::Error> {
        Ok(texts(d)?.into_iter().map(PathBuf::from).collect())
    }

    pub(super) fn serialize<S: Serializer>(paths: &[PathBuf], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(paths.iter().map(|path| path.display().to_string()))
    }
}

/// An address with a port.
pub(super) struct Address;

impl Address {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<SocketAddr, D::Error> {
        let expected = "an address like \"127.0.0.1:8080\"";
        value(d, expected, |value| value.as_str()?.parse().ok())
    }

    pub(super) fn serialize<S: Serializer>(address: &SocketAddr, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(address)
    }
}

/// Yes or no.
pub(super) struct Flag;

impl Flag {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
        value(d, "true or false", Value::as_bool)
    }

    pub(super) fn serialize<S: Serializer>(flag: &bool, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bool(*flag)
    }
}

/// A whole number within bounds.
pub(super) struct Count<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Count<MIN, MAX> {
    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
        d: D,
    ) -> Result<T, D::Error> {
        let expected = format!("a whole number from {MIN} to {MAX}");
        value(d, expected, |value| {
            let number = u64::try_from(value.as_integer()?).ok()?;
            let within = (MIN..=MAX).contains(&number);
            T::try_from(number).ok().filter(|_| within)
        })
    }

    pub(super) fn serialize<S: Serializer, T: Copy + TryInto<i64>>(
        count: &T,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.serialize_i64((*count).try_into().unwrap_or(i64::MAX))
    }
}

/// A time in milliseconds, within bounds.
pub(super) struct Millis<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Millis<MIN, MAX> {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        Count::<MIN, MAX>::deserialize(d).map(Duration::from_millis)
    }

    pub(super) fn serialize<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
        Count::<MIN, MAX>::serialize(&time.as_millis(), s)
    }
}

/// A time in seconds, within bounds.
pub(super) struct Seconds<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Seconds<MIN, MAX> {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        Count::<MIN, MAX>::deserialize(d).map(Duration::from_secs)
    }

    pub(super) fn serialize<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
        Count::<MIN, MAX>::serialize(&time.as_secs(), s)
    }
}

/// SHA-256 hashes of bearer tokens, in hexadecimal.
pub(super) struct Hashes;

impl Hashes {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Hash>, D::Error> {
        let hashes = texts(d)?.into_iter().map(|text| Hash::from_hex(&text));
        hashes.collect::<Option<_>>().ok_or_else(|| {
            D::Error::custom(
                "has an entry that is not 64 lowercase hexadecimal digits; `ishibumi-log token` makes a token and \
                 prints its hash",
            )
        })
    }

    pub(super) fn serialize<S: Serializer>(hashes: &[Hash], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(hashes.iter().map(Hash::to_string))
    }
}

/// The states of a provider, by their names in records.
const STATES: [StatementCode; 5] = [
    StatementCode::ACCEPTED,
    StatementCode::SUSPENDED,
    StatementCode::TERMINATING,
    StatementCode::TERMINATED,
    StatementCode::SUCCESSOR,
];

/// A state of a provider.
pub(super) struct State;

impl State {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<StatementCode, D::Error> {
        let word = text(d)?;
        let known = STATES.into_iter().find(|state| state.name() == Some(&word));
        known.ok_or_else(|| {
            let words: Vec<_> = STATES.iter().filter_map(|state| state.name()).collect();
            D::Error::custom(format_args!("{word:?} is none of {}", words.join(", ")))
        })
    }

    pub(super) fn serialize<S: Serializer>(state: &StatementCode, s: S) -> Result<S::Ok, S::Error> {
        let unnamed = || S::Error::custom("a state without a name");
        s.serialize_str(state.name().ok_or_else(unnamed)?)
    }
}

/// A moment in UTC, to the second.
pub(super) struct Moment;

impl Moment {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        let wrong = || {
            D::Error::custom(
                "expected a moment like 2026-01-01T00:00:00Z, without quotes, in UTC, to the second",
            )
        };
        let text = Datetime::deserialize(d).map_err(|_| wrong())?.to_string();
        let octets: Vec<u8> = text.bytes().filter(|b| !b"-:T".contains(b)).collect();
        let whole = octets.len() == "20260101000000Z".len();
        let time = Time::from_generalized(&octets).ok().filter(|_| whole);
        time.ok_or_else(wrong)
    }

    pub(super) fn serialize<S: Serializer>(time: &Time, s: S) -> Result<S::Ok, S::Error> {
        // The form of both is RFC 3339's, and what was read was a moment.
        let moment: Datetime = time.to_string().parse().map_err(S::Error::custom)?;
        moment.serialize(s)
    }
}

/// The hash algorithms that a checkpoint may be stamped under.
const HASHES: [(&str, HashAlgorithm); 3] = [
    ("sha256", HashAlgorithm::Sha256),
    ("sha384", HashAlgorithm::Sha384),
    ("sha512", HashAlgorithm::Sha512),
];

/// A hash algorithm.
pub(super) struct HashWord;

impl HashWord {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<HashAlgorithm, D::Error> {
        let word = text(d)?;
        let known = HASHES.iter().find(|(known, _)| *known == word);
        known.map(|(_, hash)| *hash).ok_or_else(|| {
            D::Error::custom(format_args!("{word:?} is none of sha256, sha384, sha512"))
        })
    }

    pub(super) fn serialize<S: Serializer>(hash: &HashAlgorithm, s: S) -> Result<S::Ok, S::Error> {
        let known = HASHES.iter().find(|(_, known)| known == hash);
        let unnamed = || S::Error::custom("a hash without a name");
        s.serialize_str(known.ok_or_else(unnamed)?.0)
    }
}
