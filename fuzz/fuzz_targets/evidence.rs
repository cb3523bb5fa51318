//! Evidence files: whatever is read is laid out again to the same file, but for the pages in it;
//! and under the golden policy and anchor nothing but the golden items is ever proven. Checksums
//! are not compared here (`cfg(fuzzing)`), so that changes get past them to everything behind.

#![no_main]

use std::sync::LazyLock;

use ishibumi::{RevocationRule, Verifier};
use ishibumi::evidence::Collection;
use ishibumi_artifact::{Anchors, Certificate};
use ishibumi_tlog::Policy;
use libfuzzer_sys::fuzz_target;

const GOLDEN: &[u8] = include_bytes!("../../testdata/evidence/golden.evidence.zip");

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    Policy::parse(include_bytes!("../../testdata/evidence/policy.txt")).unwrap()
});

fn proven(collection: &Collection) -> Vec<(u64, Vec<u8>)> {
    let anchor = include_bytes!("../../testdata/evidence/anchor.crt");
    let anchors = Anchors::from_certificates([Certificate::parse(anchor).unwrap()])
        .with_intermediates(collection.known_certificates());
    let verifier = Verifier::builder(&POLICY, &anchors)
        .revocation(RevocationRule::NotAsked)
        .build();
    let verdicts = collection.verify(&verifier, |_| ());
    let items = collection.items.iter().zip(verdicts);
    let proven = items.filter(|(_, verdict)| verdict.report.as_ref().is_ok_and(|it| it.is_proven()));
    proven
        .map(|(item, _)| (item.proofs[0].index, item.proofs[0].entry.clone()))
        .collect()
}

static TRUTH: LazyLock<Vec<(u64, Vec<u8>)>> = LazyLock::new(|| {
    let truth = proven(&Collection::decode(GOLDEN).unwrap());
    assert_eq!(truth.len(), 2);
    truth
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(collection) = Collection::decode(bytes) else {
        return;
    };
    let written = collection.encode().unwrap();
    assert_eq!(Collection::decode(&written).unwrap(), collection);
    for item in proven(&collection) {
        assert!(TRUTH.contains(&item));
    }
});
