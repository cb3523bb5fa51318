//! Renewed evidence files: a file that is read is written back as it came but for the README, the
//! evidence file in it is kept, and of the golden evidence no other time is ever proven. Checksums
//! are not compared here (`cfg(fuzzing)`).

#![no_main]

use std::sync::LazyLock;

use ishibumi::RevocationRule;
use ishibumi::evidence::renewal::{Renewed, Terms};
use ishibumi::succession::Policies;
use ishibumi_artifact::rules::{AlgorithmEnds, end_of_day};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate};
use ishibumi_tlog::Policy;
use libfuzzer_sys::fuzz_target;

const GOLDEN: &[u8] = include_bytes!("../../testdata/renewal/golden.evidence.zip");

static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
    let policy = include_bytes!("../../testdata/evidence/policy.txt");
    Policies::new(Policy::parse(policy).unwrap(), Vec::new()).unwrap()
});

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let anchors: [&[u8]; 2] = [
        include_bytes!("../../testdata/evidence/anchor.crt"),
        include_bytes!("../../testdata/renewal/anchor.crt"),
    ];
    Anchors::from_certificates(anchors.map(|anchor| Certificate::parse(anchor).unwrap()))
});

/// SHA-256 ends, so that nothing but the record proves anything.
fn proven(renewed: &Renewed) -> (usize, Option<Time>) {
    let terms = Terms {
        policies: &POLICIES,
        anchors: &ANCHORS,
        rule: RevocationRule::NotAsked,
        revocation: &[],
        ends: AlgorithmEnds::parse("sha-256 2045-12-31").unwrap(),
        now: end_of_day("2060-01-01").unwrap(),
    };
    let verdict = renewed.verify(&terms, |_| ());
    let items = verdict.items.iter();
    let count = items.filter(|it| it.report.as_ref().is_ok_and(|it| it.is_proven())).count();
    (count, verdict.renewals.and_then(|it| it.proven.ok()))
}

static TRUTH: LazyLock<(usize, Option<Time>)> = LazyLock::new(|| {
    let truth = proven(&Renewed::open(GOLDEN).unwrap());
    assert_eq!(truth.0, 2);
    truth
});

fuzz_target!(|octets: &[u8]| {
    let Ok(renewed) = Renewed::open(octets) else {
        return;
    };
    let written = renewed.encode().unwrap();
    assert_eq!(Renewed::open(&written).unwrap(), renewed);
    let (count, time) = proven(&renewed);
    assert!(count == 0 || time == TRUTH.1);
    assert!(time.is_none() || time == TRUTH.1);
});
