//! BoringSSL's library for paths: its chains with the errors that they should give, and signatures
//! with odd keys, parameters and values. Which purpose a TLS peer must have, and kinds of trust
//! other than an anchor's, are not decided here.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ishibumi_artifact::key;
use ishibumi_artifact::time::Time;

use crate::paths::Question;
use crate::report::{Answer, Suite};

/// Errors about what a TLS server's or client's certificate is for.
const OF_A_PURPOSE: [&str; 5] = [
    "extended key usage",
    "should not be a CA",
    "digitalSignature bit set for rcsMlsClient",
    "max_path_length reached by caller",
    "rcsMlsClient key purpose",
];

pub(crate) fn run(place: &Path) -> Suite {
    let mut suite = Suite::default();
    let folder = place.join("pki/testdata/verify_certificate_chain_unittest");
    let mut tests = Vec::new();
    for inner in std::fs::read_dir(&folder).unwrap() {
        let inner = inner.unwrap().path();
        if inner.is_dir() {
            let files = std::fs::read_dir(&inner)
                .unwrap()
                .map(|it| it.unwrap().path());
            tests.extend(files.filter(|path| path.extension().is_some_and(|it| it == "test")));
        }
    }
    tests.sort();
    for test in &tests {
        let id = test.strip_prefix(&folder).unwrap().display().to_string();
        run_chain(&id, test, &mut suite);
    }
    run_signatures(&place.join("pki"), &mut suite);
    suite
}

/// The blocks of a text in PEM, with any text between them and lines of any length.
fn blocks(text: &str) -> Vec<(&str, Vec<u8>)> {
    let mut parts = text.split("-----BEGIN ");
    parts.next();
    let read = parts.map(|part| {
        let (label, rest) = part.split_once("-----").unwrap();
        let (body, _) = rest.split_once("-----END").unwrap();
        let body: String = body.split_whitespace().collect();
        (label, BASE64_STANDARD.decode(body).unwrap())
    });
    read.collect()
}

fn run_chain(id: &str, test: &Path, suite: &mut Suite) {
    let text = std::fs::read_to_string(test).unwrap();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim).unwrap_or_default()
    };
    let trust = value("last_cert_trust:");
    if !trust.starts_with("TRUSTED_ANCHOR") || trust.contains("LEAF") {
        return suite.skip("trust in a leaf, or distrust: there are anchors only");
    }
    let errors: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("ERROR: "))
        .collect();
    let is_of_a_purpose = |error: &&str| OF_A_PURPOSE.iter().any(|it| error.contains(it));
    if !errors.is_empty() && errors.iter().all(is_of_a_purpose) {
        return suite.skip("what a TLS peer's certificate must be for, or must not be");
    }
    let chain = test.with_file_name(value("chain:"));
    let chain = std::fs::read_to_string(chain).unwrap();
    let certificates = blocks(&chain)
        .into_iter()
        .filter(|(label, _)| *label == "CERTIFICATE");
    let mut certificates: Vec<Vec<u8>> = certificates.map(|(_, octets)| octets).collect();
    if certificates.len() < 2 {
        return suite.skip("trust in a leaf, or distrust: there are anchors only");
    }
    let anchors = vec![certificates.pop().unwrap()];
    let end = certificates.remove(0);
    let question = Question {
        end,
        others: certificates,
        anchors,
        at: seconds(value("utc_time:")),
        ..Question::default()
    };
    suite.case(id, Answer::of(errors.is_empty()), question.ask());
}

/// YYMMDDHHMMSSZ, or the suite's own day.
fn seconds(text: &str) -> i64 {
    let text = if text == "DEFAULT" {
        "211005120000Z"
    } else {
        text
    };
    Time::from_utc_time(text.as_bytes()).unwrap().unix_seconds()
}

/// `RunTestCase(SUCCESS, "file.pem")` in the suite's own program says what each file should give.
fn run_signatures(pki: &Path, suite: &mut Suite) {
    let program = std::fs::read_to_string(pki.join("verify_signed_data_unittest.cc")).unwrap();
    let program: String = program.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cases: Vec<(&str, &str)> = Vec::new();
    for call in program.split("RunTestCase(").skip(1) {
        let result = call.split([',', ')']).next().unwrap_or_default();
        let file = call
            .split(')')
            .next()
            .and_then(|call| call.split('"').nth(1));
        if let Some(file) = file.filter(|_| result == "SUCCESS" || result == "FAILURE") {
            cases.push((file, result));
        }
    }
    cases.sort_unstable();
    cases.dedup();
    for (file, result) in cases {
        let text =
            std::fs::read_to_string(pki.join("testdata/verify_signed_data_unittest").join(file));
        let text = text.unwrap();
        let blocks = blocks(&text);
        let block = |name: &str| {
            let found = blocks.iter().find(|(label, _)| *label == name);
            found
                .map(|(_, octets)| octets.as_slice())
                .unwrap_or_default()
        };
        let ours = match bits(block("SIGNATURE")) {
            Some(value) => {
                let (key, algorithm) = (block("PUBLIC KEY"), block("ALGORITHM"));
                key::verify(key, algorithm, block("DATA"), value).map_err(|it| it.to_string())
            }
            None => Err("a BIT STRING that is not made of whole octets".to_owned()),
        };
        let theirs = Answer::of(result == "SUCCESS");
        match &ours {
            Err(said) if theirs == Answer::Accept && said.contains("an RSA key of 1024 bits") => {
                suite.skip("RSA of 1,024 bits, which is refused for its size");
            }
            _ => suite.case(format!("signed-data/{file}"), theirs, ours),
        }
    }
}

/// Octets of a BIT STRING with no unused bits.
fn bits(der: &[u8]) -> Option<&[u8]> {
    let (3, rest) = (*der.first()?, der.get(1..)?) else {
        return None;
    };
    let digits = match *rest.first()? {
        first if first < 0x80 => 1,
        first => 1 + usize::from(first & 0x7f),
    };
    rest.get(digits..)?.strip_prefix(&[0])
}
