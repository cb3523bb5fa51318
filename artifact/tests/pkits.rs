//! NIST PKITS 2011: certification paths and revocation lists with a known answer each.
//!
//! The data come with `cryptography-vectors`, the table of cases with `pyhanko-certvalidator`; both
//! are fetched by `scripts/fetch-corpus.sh`, and without them nothing is tested, loudly. A case
//! passes if path validation and revocation of every certificate of the path together say what
//! PKITS says. [`DIFFERENT`] names the cases that this crate decides otherwise on purpose
//! (docs/corpus.md).

use std::path::{Path as FilePath, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::revocation::{RevocationState, revocation_state};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate, Crl, Path, VerifiedCrl};
use serde::Deserialize;

/// 2020-01-01, within the validity of everything that is meant to be valid.
const AT: i64 = 1_577_836_800;

/// DSA keys (4.1.4, 4.1.5): the algorithm is not accepted at all.
const DIFFERENT: [&str; 2] = ["40104", "40105"];

#[derive(Deserialize)]
struct Case {
    id: String,
    name: String,
    cert: String,
    #[serde(default)]
    other_certs: Vec<String>,
    #[serde(default)]
    crls: Vec<String>,
    error: Option<serde_json::Value>,
    #[serde(default)]
    params: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    user_initial_policy_set: Vec<String>,
    initial_explicit_policy: bool,
    initial_policy_mapping_inhibit: bool,
    initial_any_policy_inhibit: bool,
}

fn main() -> ExitCode {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus/files/pkits");
    let Ok(text) = std::fs::read_to_string(folder.join("cases.json")) else {
        println!("!!! NOT TESTED: PKITS is not here. Fetch it: scripts/fetch-corpus.sh");
        return ExitCode::SUCCESS;
    };
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let (mut passed, mut explained, mut failed) = (0, 0, 0);
    for case in &cases {
        let verdict = judge(&folder, case);
        let is_expected = verdict.is_ok() == case.error.is_none();
        if is_expected {
            passed += 1;
        } else {
            let known = DIFFERENT.contains(&case.id.as_str());
            *(if known { &mut explained } else { &mut failed }) += 1;
            println!(
                "{} {} {}: PKITS says {}, found {}",
                if known { "different" } else { "FAILED" },
                case.id,
                case.name,
                if case.error.is_none() {
                    "valid"
                } else {
                    "invalid"
                },
                verdict.err().unwrap_or_else(|| "valid".into())
            );
        }
    }
    println!("pkits: {passed} passed, {explained} different on purpose, {failed} failed");
    if failed == 0 && passed > 200 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn judge(folder: &FilePath, case: &Case) -> Result<(), String> {
    let certificate = |name: &str| {
        Certificate::parse(&std::fs::read(folder.join("certs").join(name)).unwrap())
            .map_err(|error| format!("{name}: {error}"))
    };
    let end = Arc::new(certificate(&case.cert)?);
    let others: Result<Vec<_>, _> = case
        .other_certs
        .iter()
        .map(|name| certificate(name))
        .collect();
    let root = certificate("TrustAnchorRootCertificate.crt")?;
    let anchors = Anchors::from_certificates([root]).with_intermediates(others?);
    let policies = PolicyRules {
        acceptable: case
            .params
            .user_initial_policy_set
            .iter()
            .map(|policy| ObjectIdentifier::new(policy).unwrap())
            .collect(),
        require_explicit: case.params.initial_explicit_policy,
        inhibit_mapping: case.params.initial_policy_mapping_inhibit,
        inhibit_any: case.params.initial_any_policy_inhibit,
    };
    let at = Time::from_unix(AT);
    let path =
        Path::find(&end, &[], &anchors, Some(at), &policies).map_err(|error| error.to_string())?;

    let names = case.crls.iter().map(String::as_str);
    let mut refusals = Vec::new();
    let mut lists: Vec<VerifiedCrl> = Vec::new();
    for name in names.chain(["TrustAnchorRootCRL.crl"]) {
        let bytes = std::fs::read(folder.join("crls").join(name)).unwrap();
        match Crl::parse(&bytes).and_then(|list| list.verify(&anchors)) {
            Ok(list) => lists.push(list),
            Err(error) => refusals.push(error.to_string()),
        }
    }
    let certificates = path.certificates();
    for certificate in &certificates[..certificates.len() - 1] {
        let state = revocation_state(certificate, &lists, &anchors, at);
        if state != RevocationState::NotRevoked {
            return Err(format!("{}: {state:?} {refusals:?}", certificate.subject()));
        }
    }
    Ok(())
}
