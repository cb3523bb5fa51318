//! `--accept-sha1 DATE`: the caller's statement reaches what existed on that day, and no artifact
//! that states a later time for itself.

use std::fs;

use crate::support::ishibumi;
use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::rules::{AlgorithmRules, SHA1_END};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate};
use serde_json::Value;

/// A log that took everything, signed by any algorithm.
fn logged(pki: &Pki, name: &str, kind: ArtifactType, anchors: &Anchors) {
    let rules = AlgorithmRules::default().with_sha1_until(SHA1_END);
    let rules = rules.with_proof_of_existence(SHA1_END);
    let anchors = anchors.clone().with_algorithm_rules(rules);
    let mut log = Log::new();
    let index = log.submit(kind, &pki.read(name), &anchors);
    log.grow(9);
    let proof = log.proof(index, &[1_900_000_000; 3]);
    fs::write(pki.path(&format!("{name}.tlog-proof")), proof).unwrap();
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
}

fn verify(pki: &Pki, name: &str, accept: &str, code: i32) -> Value {
    let line = format!(
        "verify --without-revocation --json --policy policy.txt --anchors anchors {accept} {name}"
    );
    let value = ishibumi(pki.folder(), &line).expect(code).json();
    if code == 4 {
        let sub = &value["sub_indication"];
        assert_eq!(sub, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "{value:#}");
    }
    value
}

/// Each artifact of 2012 and of 2026: the older counts by the statement, the younger does not, and
/// says why.
fn judged(pki: &Pki, name: &str, year: u16) {
    verify(pki, name, "", 4);
    verify(pki, name, "--accept-sha1 2011-12-31", 4);
    if year == 2012 {
        verify(pki, name, "--accept-sha1 2015-12-31", 0);
        return;
    }
    let value = verify(pki, name, "--accept-sha1 2015-12-31", 4);
    let said = value["checks"].to_string();
    assert!(
        said.contains("says of itself that it is of a later time"),
        "{said}"
    );
}

#[test]
fn a_word_about_2015_reaches_nothing_of_2026() {
    let pki = Pki::new();
    // A CA that was there in 2012, with the key of the one of today.
    pki.openssl("req -new -key ca.key -subj /C=JP/O=Test/CN=CA -out old.csr");
    pki.openssl(
        "ca -batch -notext -selfsign -keyfile ca.key -config pki.cnf -extensions ca_extensions \
         -startdate 20000101000000Z -enddate 20991231235959Z -in old.csr -out old.crt",
    );
    for copy in ["ca.crt", "anchors/ca.crt"] {
        fs::copy(pki.path("old.crt"), pki.path(copy)).unwrap();
    }
    pki.unit("clock");
    let trusted = ["ca.crt", "clock.crt"].map(|name| Certificate::parse(&pki.read(name)).unwrap());
    let anchors = Anchors::from_certificates(trusted);
    let sha1 = HashAlgorithm::Sha1;
    let digest = sha1.digest(b"a contract\n");
    for year in [2012, 2026] {
        let name = format!("token-{year}.tst");
        let time = format!("{year}0301000000Z");
        pki.stamp_at("clock", &name, (sha1, &digest), &time, "sha1");
        logged(&pki, &name, ArtifactType::TimestampToken, &anchors);
        judged(&pki, &name, year);
        // A sound imprint in a weak signature.
        let name = format!("signed-{year}.tst");
        let sound = HashAlgorithm::Sha256.digest(b"a contract\n");
        let stamped = (HashAlgorithm::Sha256, &sound[..]);
        pki.stamp_at("clock", &name, stamped, &time, "sha1");
        logged(&pki, &name, ArtifactType::TimestampToken, &anchors);
        judged(&pki, &name, year);

        pki.write_index("index.txt", &[]);
        let name = format!("list-{year}.crl");
        pki.openssl(&format!(
            "ca -config pki.cnf -gencrl -md sha1 -crl_lastupdate {year}0301000000Z \
             -crl_nextupdate {year}0401000000Z -out {name}"
        ));
        logged(&pki, &name, ArtifactType::Crl, &anchors);
        judged(&pki, &name, year);

        let name = format!("seal-{year}.crt");
        pki.openssl(&format!(
            "ca -batch -notext -config pki.cnf -md sha1 -extensions seal_extensions \
             -startdate {year}0301000000Z -enddate 20351231235959Z -in seal.csr -out {name}"
        ));
        logged(&pki, &name, ArtifactType::Certificate, &anchors);
        judged(&pki, &name, year);
    }
    // OpenSSL answers with the time of now.
    pki.openssl("ocsp -no_nonce -reqout request.der -issuer ca.crt -cert seal.crt");
    pki.openssl(
        "ocsp -index index.txt -CA ca.crt -rsigner ca.crt -rkey ca.key -rmd sha1 -reqin request.der \
         -respout now.ors -ndays 700",
    );
    logged(&pki, "now.ors", ArtifactType::OcspResponse, &anchors);
    judged(&pki, "now.ors", 2026);
}
