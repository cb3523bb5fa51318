//! The age of a checkpoint, by this machine's clock: what it says about today.
//!
//! A checkpoint proves what was there. Whether it is still the newest cannot be told for a time
//! after its cosignatures; a server that shows one of last year hides a year. So its age is
//! reported wherever it stands for the log's state, and `--max-age` makes an old one insufficient.
//! The freshness of the whole quorum counts: a single witness makes no old tree fresh.

use clap::Args;
use ishibumi_cli::render::rfc3339;
use ishibumi_tlog::TrustedCheckpoint;
use serde_json::{Value, json};

use super::{Exit, dated};

/// How far a witness's clock may be ahead of this machine's, in seconds.
const CLOCK_TOLERANCE_S: u64 = 60;

const UNITS: [(&str, u64); 5] = [
    ("s", 1),
    ("m", 60),
    ("h", 3_600),
    ("d", 86_400),
    ("w", 604_800),
];

/// Until when a checkpoint counts for today's state.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct MaxAge {
    /// How old the quorum's newest word about the checkpoint may be, such as 90m, 24h or 7d; of an
    /// older one the exit code is 4
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    max_age: Option<u64>,
}

fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let has_form = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| has_form);
    let seconds = number
        .zip(unit)
        .map(|(number, (_, of))| number.checked_mul(*of));
    seconds.flatten().ok_or_else(|| {
        format!("{text:?} is no number with a unit, such as 90s, 15m, 24h, 7d or 4w")
    })
}

/// The age of a checkpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    /// The time of the quorum's freshest view, in seconds since the Epoch; `None` where no quorum
    /// was asked for.
    fresh: Option<u64>,
    /// The newest cosignature that counts.
    newest: Option<u64>,
    now: u64,
    most: Option<u64>,
}

impl MaxAge {
    /// The age of `head` now.
    pub(crate) fn of(self, head: &TrustedCheckpoint) -> Age {
        let now = dated::clock().unix_seconds();
        Age {
            fresh: head.fresh(),
            newest: head.newest(),
            now: u64::try_from(now).unwrap_or(0),
            most: self.max_age,
        }
    }
}

impl Age {
    fn seconds(self) -> Option<u64> {
        self.fresh.map(|fresh| self.now.saturating_sub(fresh))
    }

    fn is_ahead(self) -> bool {
        let latest = self.now.saturating_add(CLOCK_TOLERANCE_S);
        self.fresh.is_some_and(|fresh| fresh > latest)
    }

    /// Whether it is too old for `--max-age`, or its age is unknown.
    pub(crate) fn is_too_old(self) -> bool {
        let Some(most) = self.most else { return false };
        self.is_ahead() || self.seconds().is_none_or(|age| age > most)
    }

    /// The exit code that follows from the age.
    pub(crate) fn exit(self) -> Exit {
        if self.is_too_old() {
            Exit::Indeterminate
        } else {
            Exit::Proven
        }
    }

    /// One sentence.
    pub(crate) fn sentence(self, english: bool) -> String {
        let Some(age) = self.seconds() else {
            let said = match (english, self.is_too_old()) {
                (true, false) => "no quorum is asked for, so its age is not known",
                (true, true) => {
                    "no quorum is asked for, so its age is not known: TOO OLD for --max-age"
                }
                (false, false) => "定足数を求めないため、新しさは不明です",
                (false, true) => {
                    "定足数を求めないため、新しさは不明です（--max-age を満たしません）"
                }
            };
            return said.to_owned();
        };
        let at = rfc3339(self.fresh.unwrap_or_default());
        let (shown, newest) = (shown(age, english), self.newest_shown(english));
        match (english, self.is_ahead(), self.is_too_old()) {
            (true, true, _) => format!(
                "cosigned at {at}, which has not come by this machine's clock: one of the clocks is wrong"
            ),
            (true, false, false) => format!("cosigned {shown} ago, at {at}{newest}"),
            (true, false, true) => {
                format!(
                    "TOO OLD: cosigned {shown} ago, at {at}{newest}; what came since is not known"
                )
            }
            (false, true, _) => {
                format!(
                    "連署時刻 {at} はこの端末の時計ではまだ来ていません。どちらかの時計が誤っています"
                )
            }
            (false, false, false) => format!("{shown}前（{at}）に連署{newest}"),
            (false, false, true) => format!(
                "古すぎます：{shown}前（{at}）の連署です{newest}。その後の状態は分かりません"
            ),
        }
    }

    fn newest_shown(self, english: bool) -> String {
        match self.newest.filter(|newest| Some(*newest) != self.fresh) {
            Some(newest) if english => format!(" (one witness at {})", rfc3339(newest)),
            Some(newest) => format!("（証人 1 者は {}）", rfc3339(newest)),
            None => String::new(),
        }
    }

    /// The age as JSON.
    pub(crate) fn json(self) -> Value {
        json!({
            "seconds": self.seconds(),
            "cosigned": self.fresh.map(rfc3339),
            "newest_cosignature": self.newest.map(rfc3339),
            "newest_cosignature_seconds": self.newest.map(|newest| self.now.saturating_sub(newest)),
            "max_seconds": self.most,
            "too_old": self.is_too_old(),
            "in_the_future": self.is_ahead(),
        })
    }
}

/// An age in the largest unit of which there are two.
fn shown(age: u64, english: bool) -> String {
    let words = [
        (86_400, "days", "日"),
        (3_600, "hours", "時間"),
        (60, "minutes", "分"),
    ];
    let fitting = words.into_iter().find(|(of, _, _)| age >= 2 * of);
    let (of, en, ja) = fitting.unwrap_or((1, "seconds", "秒"));
    let count = age / of;
    if english {
        format!("{count} {en}")
    } else {
        format!("{count}{ja}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(fresh: Option<u64>, max_age: Option<u64>) -> Age {
        Age {
            fresh,
            newest: fresh,
            now: 1_000_000,
            most: max_age,
        }
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("90s", 90),
            ("15m", 900),
            ("24h", 86_400),
            ("2w", 1_209_600),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "h",
            "90",
            "1.5h",
            "-1h",
            "+1h",
            "1 h",
            "1y",
            "99999999999999999w",
            "１h",
        ] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_known_to_be_young_enough_is() {
        let hour = Some(3_600);
        assert!(!age(Some(1), None).is_too_old(), "nothing was asked");
        assert!(!age(Some(1_000_000 - 3_600), hour).is_too_old());
        assert!(age(Some(1_000_000 - 3_601), hour).is_too_old());
        assert!(age(None, hour).is_too_old(), "no quorum, no age");
        assert!(!age(Some(1_000_060), hour).is_too_old());
        assert!(age(Some(1_000_061), hour).is_too_old(), "from the future");
    }

    #[test]
    fn every_sentence_is_in_both_languages() {
        for fresh in [None, Some(1), Some(999_999), Some(2_000_000)] {
            for most in [None, Some(10)] {
                let (en, ja) = [true, false].map(|it| age(fresh, most).sentence(it)).into();
                assert!(en.is_ascii() && !ja.is_ascii(), "{en} {ja}");
            }
        }
        assert_eq!(shown(86_400, true), "24 hours");
        assert_eq!(shown(200_000, false), "2日");
    }
}
