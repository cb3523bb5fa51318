//! One evidence set, one octet changed at a time: never accepted with the same statement.
//!
//! The statement is record, log, tree size, root, witnesses counted, and T. Of the proof, every
//! octet takes all 255 other values; of the artifact, every octet one. Changes that may survive are
//! counted here and explained, so that their number cannot grow unnoticed.

use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi::verify::{
    Answer, Evidence, Extent, InPdf, Report, RevocationRule, SubIndication, Verifier,
};
use ishibumi_artifact::{Anchors, ArtifactType};
use ishibumi_tlog::Policy;

struct Set {
    policy: Policy,
    anchors: Anchors,
    artifact: Vec<u8>,
    proof: Vec<u8>,
}

impl Set {
    fn new() -> Self {
        let pki = Pki::new();
        pki.stamp("contract", "we agree\n");
        let artifact = pki.read("contract.tst");
        let anchors = pki.anchors().with_memo(64);
        let mut log = Log::new();
        let index = log.submit(ArtifactType::TimestampToken, &artifact, &anchors);
        log.grow(9);
        // Long after the stamp, and before the unit's certificate expires.
        let time = 1_000_000
            + std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs();
        let proof = log.proof(index, &[time, time + 1, time + 2]).into_bytes();
        let policy = Policy::parse(log.policy().as_bytes()).unwrap();
        Self {
            policy,
            anchors,
            artifact,
            proof,
        }
    }

    fn verify(&self, artifact: &[u8], proof: &[u8]) -> Report {
        let verifier = Verifier::builder(&self.policy, &self.anchors)
            .revocation(RevocationRule::NotAsked)
            .build();
        let evidence = Evidence::new(artifact, proof).artifact_type(ArtifactType::TimestampToken);
        verifier.verify(evidence).unwrap()
    }
}

#[test]
fn every_octet_of_the_proof_counts() {
    let set = Set::new();
    let good = set.verify(&set.artifact, &set.proof);
    assert!(good.is_proven(), "{good:?}");
    let statement = good.statement().unwrap();
    let half = set.proof.len() / 2;
    let attack = |places: std::ops::Range<usize>| {
        let mut dropped = 0;
        for place in places {
            let mut proof = set.proof.clone();
            for change in 1..=255 {
                proof[place] = set.proof[place] ^ change;
                let report = set.verify(&set.artifact, &proof);
                let Some(other) = report.statement().filter(|_| report.is_proven()) else {
                    continue;
                };
                assert_ne!(other, statement, "octet {place} changed by {change:#04x}");
                // Only a surplus cosignature can go, by becoming a stranger's.
                assert_eq!(
                    other.witnesses.len(),
                    2,
                    "octet {place} changed by {change:#04x}"
                );
                assert_eq!(
                    (other.leaf, other.root, other.index),
                    (statement.leaf, statement.root, statement.index)
                );
                dropped += 1;
            }
        }
        dropped
    };
    let dropped: usize = std::thread::scope(|scope| {
        let second = scope.spawn(|| attack(half..set.proof.len()));
        attack(0..half) + second.join().unwrap()
    });
    // Names and key ids of three witnesses: some changes give another valid line.
    assert!(dropped > 0);
}

#[test]
fn every_octet_of_the_artifact_counts_or_is_reported() {
    let set = Set::new();
    let good = set.verify(&set.artifact, &set.proof);
    assert!(good.is_proven());
    let mut survived = Vec::new();
    for place in 0..set.artifact.len() {
        for change in [0x01, 0x80] {
            let mut artifact = set.artifact.clone();
            artifact[place] ^= change;
            let report = set.verify(&artifact, &set.proof);
            if !report.is_proven() {
                continue;
            }
            // Same record, so the octet is one that no wrapping of a token keeps. It is reported.
            assert_eq!(report.statement(), good.statement(), "octet {place}");
            assert_eq!(report.facts(), good.facts(), "octet {place}");
            assert_ne!(
                report.artifact_digest(),
                good.artifact_digest(),
                "octet {place}"
            );
            survived.push(place);
        }
    }
    survived.dedup();
    // Outside of content, signed attributes and signature lie the CMS version, the set of digest
    // algorithms, and certificates that the verifier has from its anchors anyway.
    println!(
        "{} of {} octets are wrapping",
        survived.len(),
        set.artifact.len()
    );
    let anchored = set.anchors.anchors()[0].der();
    let carried = set
        .artifact
        .windows(anchored.len())
        .position(|part| part == anchored);
    let carried = carried.expect("the token carries its CA's certificate");
    let elsewhere: Vec<_> = survived
        .iter()
        .filter(|place| !(carried..carried + anchored.len()).contains(*place))
        .collect();
    assert!(elsewhere.len() <= 40, "{elsewhere:?}");
}

/// Where a token stands in a PDF is the caller's word, which cannot make another document right.
#[test]
fn a_standing_in_a_pdf_does_not_undo_a_comparison() {
    let set = Set::new();
    let standing = InPdf {
        number: 1,
        over_signature: false,
        covered: 9,
        length: 9,
        extent: Extent::Whole,
        holds: Some(true),
    };
    let report = |mut document: Option<&[u8]>| {
        let verifier = Verifier::builder(&set.policy, &set.anchors)
            .revocation(RevocationRule::NotAsked)
            .build();
        let mut evidence = Evidence::new(&set.artifact, &set.proof);
        if let Some(document) = &mut document {
            evidence = evidence.document(document);
        }
        verifier.verify(evidence).unwrap().inside_pdf(standing)
    };
    let other = report(Some(b"we disagree\n"));
    assert_eq!(
        other.about_document(),
        Answer::Against(SubIndication::HashFailure)
    );
    assert!(!other.is_proven());
    // The control: nothing was compared, and the caller did.
    assert!(report(None).is_proven());
}
