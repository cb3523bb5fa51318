//! x509-limbo: paths of TLS servers and clients, made by pyca. What rests on a host name, on the
//! profile of the CA/Browser Forum, or on a limit that its caller sets is not decided here.

use std::path::Path;

use ishibumi_artifact::time::Time;
use serde::Deserialize;

use crate::paths::Question;
use crate::report::{Answer, Suite};

#[derive(Deserialize)]
struct Limbo {
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    features: Vec<String>,
    trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    expected_result: String,
    max_chain_depth: Option<u32>,
    #[serde(default)]
    crls: Vec<String>,
}

/// Refused there for what only the name that a client asks for, or its purpose, tells.
const OF_THE_PEER: [&str; 2] = [
    "rfc5280::eku::ee-wrong-eku",
    "rfc5280::ca-as-leaf-wrong-san",
];

impl Case {
    fn why_not(&self) -> Option<&'static str> {
        let has = |feature: &str| self.features.iter().any(|it| it == feature);
        let is_refused = self.expected_result == "FAILURE";
        if self.id.starts_with("bettertls::") {
            return Some("BetterTLS, which runs by itself");
        }
        if self.max_chain_depth.is_some() {
            return Some("max-chain-depth: the longest path is the caller's there, and fixed here");
        }
        if has("rfc5280-incompatible-with-webpki") {
            return Some(
                "rfc5280-incompatible-with-webpki: their answer is the Web's, not RFC 5280's",
            );
        }
        if self.features.iter().any(|it| it.starts_with("pedantic")) && is_refused {
            return Some("pedantic-*: what an issuer must not do, and a verifier need not check");
        }
        if self.id.starts_with("webpki::") && is_refused {
            return Some("webpki::*: host names, or the profile of the CA/Browser Forum");
        }
        if OF_THE_PEER.contains(&self.id.as_str()) {
            return Some("the name or purpose that the peer is asked for");
        }
        None
    }
}

pub(crate) fn run(place: &Path) -> Suite {
    let text = std::fs::read(place).unwrap();
    let limbo: Limbo = serde_json::from_slice(&text).unwrap();
    let mut suite = Suite::default();
    let octets = |all: &[String]| all.iter().map(|it| it.clone().into_bytes()).collect();
    for case in &limbo.testcases {
        if let Some(why) = case.why_not() {
            suite.skip(why);
            continue;
        }
        let question = Question {
            end: case.peer_certificate.clone().into_bytes(),
            others: octets(&case.untrusted_intermediates),
            anchors: octets(&case.trusted_certs),
            lists: octets(&case.crls),
            at: case.validation_time.as_deref().map_or(NOW, seconds),
            ..Question::default()
        };
        let theirs = Answer::of(case.expected_result == "SUCCESS");
        suite.case(&case.id, theirs, question.ask());
    }
    suite
}

/// Where a case names no time, any will do that lies within its certificates: 2026-01-01.
const NOW: i64 = 1_767_225_600;

/// Of `2024-01-01T00:00:00+00:00` or `...Z`.
fn seconds(text: &str) -> i64 {
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    let time = Time::from_generalized(format!("{digits}Z").as_bytes()).unwrap();
    time.unix_seconds()
}
