//! Attacks upon renewed evidence files: octets changed with their checksums made right, parts
//! exchanged or taken away.

use crate::support::log::Log;
use crate::support::renewal::{ENDS, GOLDEN, PLAIN, Scene, dated, proven, read};
use ishibumi::RevocationRule;
use ishibumi::evidence::renewal::{Renewed, Terms};
use ishibumi::succession::Policies;
use ishibumi_artifact::evidence_record::Imprint;
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::rules::{AlgorithmEnds, end_of_day};
use ishibumi_artifact::{ArtifactType, EvidenceRecord};
use ishibumi_tlog::Policy;

/// `file` with the octet at `at` of its entry `content` changed, and the checksums made right.
fn changed(file: &[u8], content: &[u8], at: usize) -> Vec<u8> {
    let start = file.windows(content.len()).position(|it| it == content);
    let range = start.map(|start| start..start + content.len()).unwrap();
    let old = crc32fast::hash(content).to_le_bytes();
    let mut octets = file.to_vec();
    octets[range.start + at] ^= 0x04;
    // Damage alone is seen.
    assert!(Renewed::open(&octets).is_err());
    let new = crc32fast::hash(&octets[range]).to_le_bytes();
    let places = (0..octets.len() - 4).filter(|&it| octets[it..it + 4] == old);
    let places: Vec<usize> = places.collect();
    assert_eq!(places.len(), 2, "before the entry and in the directory");
    for place in places {
        octets[place..place + 4].copy_from_slice(&new);
    }
    octets
}

/// Octets in the record, changed: by the rules of 2060 nothing is proven but by the golden chain.
#[test]
fn no_octet_of_a_record_can_be_changed_to_any_effect() {
    let golden = read(GOLDEN);
    let record = read("renewal/evidencerecord.ers");
    let truth = proven(&golden, ENDS, "2060-01-01");
    let mut without_effect = 0;
    for at in (0..record.len()).step_by(5) {
        let found = proven(&changed(&golden, &record, at), ENDS, "2060-01-01");
        if found == truth {
            // Nothing signs the certificates beside the last token, nor its unsigned parts.
            without_effect += 1;
        } else {
            assert_eq!(found, (0, None), "octet {at}");
        }
    }
    assert!(without_effect < 20, "{without_effect}");
}

/// Octets in a newer proof, changed: either it is refused, or it proves what it proved; and where
/// Ed25519 has ended nothing else does.
#[test]
fn no_octet_of_a_newer_proof_can_be_changed_to_any_effect() {
    let scene = Scene::new();
    let mut log = Log::new();
    let token = scene.pki.read("contract.tst");
    log.submit(ArtifactType::TimestampToken, &token, &scene.pki.anchors());
    log.grow(30);
    let times = [scene.now + 9, scene.now + 10];
    let note = log.mixed_note(log.size(), &times, &times);
    let proof = log.proof_under(scene.index, note);
    let mut renewed = Renewed::open(&scene.pki.read(PLAIN)).unwrap();
    assert!(renewed.add_proof(proof.as_bytes()).unwrap());
    assert!(!renewed.add_proof(proof.as_bytes()).unwrap());
    let file = renewed.encode().unwrap();
    let text = {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&file[..])).unwrap();
        let mut entry = archive
            .by_name("META-INF/proofs/1.tlog-multiproof")
            .unwrap();
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut text).unwrap();
        text
    };
    let policy = Policy::parse(log.mixed_policy().as_bytes()).unwrap();
    let policies = Policies::new(policy, Vec::new()).unwrap();
    let anchors = scene.pki.anchors();
    let proven = |octets: &[u8]| {
        let terms = Terms {
            policies: &policies,
            anchors: &anchors,
            rule: RevocationRule::NotAsked,
            revocation: &[],
            ends: AlgorithmEnds::parse(&dated("ed25519 @soon")).unwrap(),
            now: end_of_day(&dated("@then")).unwrap(),
        };
        let verdict = Renewed::open(octets).ok()?.verify(&terms, |_| ());
        let report = verdict.items.into_iter().next()?.report.ok()?;
        report.is_proven().then(|| report.statement().cloned())
    };
    let truth = proven(&file);
    assert!(truth.is_some());
    let mut harmless = 0;
    for at in (0..text.len()).step_by(7) {
        let found = proven(&changed(&file, &text, at));
        if found.is_some() {
            // A witness's key name or an Ed25519 line that is not needed: the statement is the
            // same.
            let (found, truth) = (found.flatten().unwrap(), truth.clone().flatten().unwrap());
            assert_eq!(
                (found.leaf, found.root, found.size),
                (truth.leaf, truth.root, truth.size)
            );
            assert!(found.not_after >= truth.not_after, "octet {at}");
            harmless += 1;
        }
    }
    assert!(harmless * 4 < text.len() / 7, "{harmless}");
}

/// Parts exchanged between files, or taken away: the rest proves what it holds, and no more.
#[test]
fn parts_of_renewed_files_cannot_be_exchanged() {
    let golden = Renewed::open(&read(GOLDEN)).unwrap();
    let scene = Scene::new();
    // The golden record around other evidence.
    let mut other = Renewed::open(&scene.pki.read(PLAIN)).unwrap();
    other.set_record(golden.record().unwrap().clone());
    let (count, time) = proven(&other.encode().unwrap(), "", "2060-01-01");
    assert_eq!((count, time), (0, None));
    // Records of other data around the golden evidence, also such as are sound by themselves.
    for name in ["one.ers", "renewed.ers", "rehashed.ers"] {
        let mut swapped = golden.clone();
        let record = read(&format!("evidence-record/{name}"));
        swapped.set_record(EvidenceRecord::parse(&record).unwrap());
        let found = proven(&swapped.encode().unwrap(), ENDS, "2060-01-01");
        assert_eq!(found, (0, None), "{name}");
    }
    // Without its last links it is as if it had not been renewed.
    let tokens: Vec<Vec<u8>> = golden
        .record()
        .unwrap()
        .tokens()
        .map(|it| it.1.to_vec())
        .collect();
    let imprint = Imprint::of_data(HashAlgorithm::Sha256, golden.evidence());
    let one = EvidenceRecord::begin(&imprint, &tokens[0]).unwrap();
    let two = one.renew_timestamp(&tokens[1]).unwrap();
    for (record, at, ok) in [
        (&one, "2034-12-31", true),
        (&one, "2060-01-01", false),
        (&two, "2045-12-31", true),
        (&two, "2060-01-01", false),
    ] {
        let mut cut = golden.clone();
        cut.set_record(record.clone());
        let (count, time) = proven(&cut.encode().unwrap(), ENDS, at);
        assert_eq!((count == 2, time.is_some()), (ok, ok), "{at}");
    }
    // The last token stamps the exact octets of the chains before it: put together anew, in another
    // spelling, they are others.
    let all = two.renew_hash_tree(HashAlgorithm::Sha512, golden.evidence(), &tokens[2]);
    assert_eq!(all.unwrap_err().code(), "imprint-mismatch");
}
