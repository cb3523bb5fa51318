//! BetterTLS by Netflix: the path that is found among many, and name constraints over DNS names and
//! addresses. Exported by its own program. Host names are compared by the connecting program, not
//! here: cases that are to be refused for their host name alone do not apply.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ishibumi_artifact::Certificate;
use serde::Deserialize;

use crate::paths::Question;
use crate::report::{Answer, Suite};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    trust_root: String,
    suites: std::collections::BTreeMap<String, Cases>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cases {
    test_cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    id: u32,
    certificates: Vec<String>,
    required_features: Vec<String>,
    expected: String,
}

pub(crate) fn run(place: &Path) -> Suite {
    let text = std::fs::read(place).unwrap();
    let export: Export = serde_json::from_slice(&text).unwrap();
    let mut suite = Suite::default();
    let decoded = |text: &String| BASE64_STANDARD.decode(text).unwrap();
    let root = decoded(&export.trust_root);
    // Everything begins a day before the suite was made; what has expired ended an hour before.
    let made = Certificate::from_der(&root).unwrap().not_before();
    for (name, cases) in &export.suites {
        for case in &cases.test_cases {
            let octets: Vec<Vec<u8>> = case.certificates.iter().map(decoded).collect();
            let (end, others) = octets.split_first().unwrap();
            let asks_host = case
                .required_features
                .iter()
                .any(|it| it.starts_with("VALIDATE_"));
            if asks_host && !names::are_violated(end, &others[0]) {
                suite.skip("VALIDATE_DNS, VALIDATE_IP: only the host name is wrong");
                continue;
            }
            let theirs = Answer::of(case.expected == "ACCEPT");
            let rests_on = |reason: &str| case.required_features.iter().any(|it| it == reason);
            if rests_on("INVALID_REASON_BAD_EKU") && theirs == Answer::Refuse {
                suite.skip("INVALID_REASON_BAD_EKU: a CA for other purposes than a TLS server's");
                continue;
            }
            let question = Question {
                end: end.clone(),
                others: others.to_vec(),
                anchors: vec![root.clone()],
                at: made.unix_seconds() + 86_400,
                ..Question::default()
            };
            suite.case(format!("{name}/{}", case.id), theirs, question.ask());
        }
    }
    suite
}

/// Whether a DNS name or address of a certificate lies outside of its issuer's name constraints:
/// told once more and simply, so that cases that are wrong in their host name as well can be told
/// from those that are wrong in it alone.
mod names {
    use x509_cert::Certificate;
    use x509_cert::der::Decode;
    use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
    use x509_cert::ext::pkix::name::GeneralName;
    use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};

    fn is_within(name: &GeneralName, subtree: &GeneralSubtree) -> Option<bool> {
        match (name, &subtree.base) {
            (GeneralName::DnsName(name), GeneralName::DnsName(base)) => {
                let (name, base) = (name.as_str(), base.as_str());
                Some(name == base || name.ends_with(&format!(".{base}")))
            }
            (GeneralName::IpAddress(name), GeneralName::IpAddress(base)) => {
                let base = base.as_bytes();
                Some(name.as_bytes().get(..3) == base.get(..3))
            }
            _ => None,
        }
    }

    pub(super) fn are_violated(end: &[u8], issuer: &[u8]) -> bool {
        let (Ok(end), Ok(issuer)) = (Certificate::from_der(end), Certificate::from_der(issuer))
        else {
            return false;
        };
        let names = end.tbs_certificate().get_extension::<SubjectAltName>();
        let limits = issuer.tbs_certificate().get_extension::<NameConstraints>();
        let (Ok(Some((_, names))), Ok(Some((_, limits)))) = (names, limits) else {
            return false;
        };
        let permitted = limits.permitted_subtrees.unwrap_or_default();
        let excluded = limits.excluded_subtrees.unwrap_or_default();
        names.0.iter().any(|name| {
            let mut fits = permitted
                .iter()
                .filter_map(|it| is_within(name, it))
                .peekable();
            let is_limited = fits.peek().is_some();
            let is_permitted = !is_limited || fits.any(|it| it);
            let is_excluded = excluded.iter().any(|it| is_within(name, it) == Some(true));
            !is_permitted || is_excluded
        })
    }
}
