//! Verifies a time-stamp token with its proof and its document, offline:
//!
//!     verify_token POLICY ANCHOR TOKEN PROOF DOCUMENT [LIST ...]

use std::process::ExitCode;
use std::{env, fs, io};

use ishibumi::artifact::{Anchors, Certificate};
use ishibumi::tlog::Policy;
use ishibumi::{Evidence, RevocationData, Verifier};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [policy, anchor, token, proof, document, lists @ ..] = &arguments[..] else {
        return Err("usage: verify_token POLICY ANCHOR TOKEN PROOF DOCUMENT [LIST ...]".into());
    };
    let policy = Policy::parse(&fs::read(policy)?)?;
    let anchors = Anchors::from_certificates([Certificate::parse(&fs::read(anchor)?)?]);
    let read = |path: &String| Ok((path.clone(), fs::read(path)?));
    let lists: Vec<_> = lists.iter().map(read).collect::<io::Result<_>>()?;
    let given = lists
        .iter()
        .map(|(name, octets)| RevocationData::new(name, octets));
    let given: Vec<_> = given.collect();
    let (token, proof) = (fs::read(token)?, fs::read(proof)?);
    let mut document = fs::File::open(document)?;

    let verifier = Verifier::builder(&policy, &anchors).build();
    let evidence = Evidence::new(&token, &proof)
        .document(&mut document)
        .revocation(&given);
    match verifier.verify(evidence)?.into_proven() {
        Ok(proven) => {
            let existence = proven.existence().ok_or("the policy proves no time")?;
            println!("existed before {}", existence.not_after);
            Ok(ExitCode::SUCCESS)
        }
        Err(report) => {
            let why = report.deciding().map(|check| check.detail.as_str());
            println!(
                "{}: {}",
                report.indication().word(),
                why.unwrap_or_default()
            );
            Ok(ExitCode::FAILURE)
        }
    }
}
