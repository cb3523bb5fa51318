//! `--accept-sha1 DATE`: SHA-1 by a dated rule, as the caller states it.
//!
//! A SHA-1 signature is worth something only if it existed while SHA-1 was sound. No log was there
//! to prove it, so the holder of the artifact has to state since when it existed: an archive's
//! date, a notary's. A date after the end of SHA-1 is refused. The statement reaches no further
//! than its day: a token, list, response or certificate that states a later time for itself did not
//! exist then.

use core::str::FromStr;

use ishibumi_artifact::Anchors;
use ishibumi_artifact::rules::{AlgorithmRules, SHA1_END, end_of_day};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::written::day;
use serde::Deserialize;

use super::day::no_day;

/// The help of every command that has the option.
pub(crate) const HELP: &str = "Accept SHA-1 in what existed on DATE (YYYY-MM-DD, before 2016-01-01), on your own word; what says of \
     itself that it is later is refused";

/// A day before SHA-1's end on which the caller knows that the artifacts were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ExistedOn(Time);

impl FromStr for ExistedOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // At the end of that day it had existed.
        let time = day(text).and_then(|day| end_of_day(&day));
        let time = time.ok_or_else(|| no_day(text))?;
        if time >= SHA1_END {
            return Err(format!(
                "SHA-1 counts for what existed before 2016-01-01, and {text} is not before it / SHA-1 は 2016-01-01 より前に存在したものだけが対象です"
            ));
        }
        Ok(Self(time))
    }
}

impl TryFrom<String> for ExistedOn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl ExistedOn {
    /// The anchors, with the rule.
    pub(crate) fn accepted_by(self, anchors: Anchors) -> Anchors {
        let rules = AlgorithmRules::default().with_sha1_until(SHA1_END);
        anchors.with_algorithm_rules(rules.with_word_of_existence(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_exists_and_is_early_enough() {
        for good in ["2015-12-31", "2009/2/28", "19990101"] {
            assert!(good.parse::<ExistedOn>().is_ok(), "{good}");
        }
        let mistyped = ["", "2009-02-29", "28.2.2009", "2009022", "-2009-02-2"];
        for bad in mistyped.into_iter().chain(["2016-01-01", "2026-11-24"]) {
            assert!(bad.parse::<ExistedOn>().is_err(), "{bad}");
        }
    }
}
