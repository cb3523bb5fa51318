//! The published evidence file: this version reads it, and says the same about it as ever. A new
//! version may explain it better, but otherwise writes the same file for this content, octet by
//! octet.
//!
//! `ISHIBUMI_BLESS=1` writes the folder anew; the diff is then to be reviewed like any change of a
//! format.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::ishibumi;
use crate::support::log::Log;
use ishibumi::Verifier;
use ishibumi::evidence::{Collection, File, LoggedEntry, Verdict, pack_item, status_data};
use ishibumi::succession::Policies;
use ishibumi::verify::{Answer, Work};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate};
use ishibumi_tlog::Policy;
use serde_json::Value;

/// Nine days after the golden token's genTime.
const TIMES: [u64; 3] = [1_796_100_000, 1_796_100_060, 1_796_100_120];

fn published(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

fn read(path: &str) -> Vec<u8> {
    fs::read(published(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The golden records' artifacts in a log with fixed keys.
fn collection() -> (Collection, String) {
    let certificate = |name: &str| Certificate::parse(&read(name)).unwrap();
    let anchors = Anchors::from_certificates([certificate("records/root.crt")])
        .with_intermediates([certificate("records/issuing.crt")]);
    let mut log = Log::new();
    let mut logged = Vec::new();
    for (kind, name) in [
        (ArtifactType::TimestampToken, "token.tst"),
        (ArtifactType::Certificate, "seal.crt"),
        (ArtifactType::OcspResponse, "issuing.ors"),
    ] {
        let octets = read(&format!("records/{name}"));
        logged.push((name, log.submit(kind, &octets, &anchors), octets));
    }
    log.grow(50);
    let mut collection = Collection::default();
    for (name, index, octets) in logged {
        let proof = log.proof(index, &TIMES);
        let (certificates, anchor) = if name == "issuing.ors" {
            let data = status_data(octets, Some(proof.as_bytes()), &anchors).unwrap();
            collection.revocation.push(data.content);
            (data.certificates, data.anchor)
        } else {
            let packed = pack_item(File::new(name, octets), proof.as_bytes(), &anchors).unwrap();
            collection.items.push(packed.content);
            (packed.certificates, packed.anchor)
        };
        collection.certificates.extend(certificates);
        collection.anchors.extend(anchor);
    }
    let opened = LoggedEntry::read(log.record(0).to_vec(), log.proof(0, &TIMES).as_bytes());
    collection.statements.push(opened.unwrap().into());
    let policy = log.policy();
    collection.policies.push(policy.clone().into_bytes());
    (collection, policy)
}

/// The directory as it was written before: no entry is of UNIX.
fn of_before(octets: &[u8]) -> Vec<u8> {
    let mut before = octets.to_vec();
    let row = [b"PK\x01\x02", &[0x0a, 0x03][..]].concat();
    let rows: Vec<usize> = (0..octets.len() - row.len())
        .filter(|at| octets[*at..].starts_with(&row))
        .collect();
    for at in rows {
        before[at + 5] = 0;
        before[at + 38..at + 42].fill(0);
    }
    before
}

/// Names that are not ASCII: written so that every tool opens them, and read as they were written
/// before.
#[test]
fn the_published_file_with_japanese_names_is_read_in_both_spellings() {
    let (mut made, _) = collection();
    for item in &mut made.items {
        let name = format!("\u{5951}\u{7d04}\u{66f8} {}", item.artifact.name);
        item.artifact = File::new(&name, item.artifact.octets.clone());
    }
    let octets = made.encode().unwrap();
    if std::env::var_os("ISHIBUMI_BLESS").is_some() {
        fs::write(published("evidence/japanese.evidence.zip"), &octets).unwrap();
        fs::write(
            published("evidence/japanese-before.evidence.zip"),
            of_before(&octets),
        )
        .unwrap();
    }
    let (now, before) = (
        read("evidence/japanese.evidence.zip"),
        read("evidence/japanese-before.evidence.zip"),
    );
    assert!(of_before(&now) == before && now != before);
    let golden = Collection::decode(&now).unwrap();
    assert_eq!(golden, Collection::decode(&before).unwrap());
    assert!(golden.encode().unwrap() == octets);
    for name in ["japanese.evidence.zip", "japanese-before.evidence.zip"] {
        let line = format!(
            "evidence verify --without-revocation --policy policy.txt --anchors anchor.crt {name}"
        );
        let said = ishibumi(&published("evidence"), &line).expect(0).stdout;
        assert!(
            said.contains("\u{5951}\u{7d04}\u{66f8} token.tst"),
            "{said}"
        );
    }
}

#[test]
fn the_published_file_is_read_and_says_what_it_said() {
    let (made, policy) = collection();
    let octets = made.encode().unwrap();
    if std::env::var_os("ISHIBUMI_BLESS").is_some() {
        fs::create_dir_all(published("evidence")).unwrap();
        fs::write(published("evidence/golden.evidence.zip"), &octets).unwrap();
        fs::write(published("evidence/policy.txt"), policy).unwrap();
        fs::write(published("evidence/anchor.crt"), read("records/root.crt")).unwrap();
    }
    let golden = Collection::decode(&read("evidence/golden.evidence.zip")).unwrap();
    // Written again by this version, both are one file: what differs is at most the pages inside.
    assert!(golden.encode().unwrap() == octets);
    assert_eq!(golden, Collection::decode(&octets).unwrap());

    let verify = "evidence verify --without-revocation --json --policy policy.txt --anchors anchor.crt golden.evidence.zip";
    let json = ishibumi(&published("evidence"), verify);
    let json: Value = json.json();
    let words: Vec<&str> = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["report"]["indication"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["TOTAL-PASSED", "TOTAL-PASSED"], "{json:#}");
    assert_eq!(json["statements"][0]["proven"], true);
    assert_eq!(
        json["items"][1]["report"]["statement"]["not_after"],
        "2026-12-01T04:41:00Z"
    );
}

/// Thirty artifacts under one checkpoint, with one response: what they share is verified once.
#[test]
fn what_artifacts_share_is_verified_once() {
    let (mut collection, policy) = collection();
    let items = collection.items.clone();
    let fifteen = std::iter::repeat_n(items, 15).flatten();
    collection.items = fifteen.collect();
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let policies = Policies::new(policy.clone(), Vec::new()).unwrap();
    let anchor = Certificate::parse(&read("records/root.crt")).unwrap();
    let anchors = Anchors::from_certificates([anchor])
        .with_intermediates(collection.known_certificates())
        .with_memo(100);
    let verifier = Verifier::builder(&policy, &anchors).build();
    let verdicts = collection.verify(&verifier, |_| ());
    assert_eq!(verdicts.len(), 30);
    let existed = |verdict: &Verdict| {
        let report = verdict.report.as_ref().unwrap();
        matches!(report.existed(), Answer::InFavour(_))
    };
    assert!(verdicts.iter().all(existed));
    let proven = collection.verify_statements(&verifier, &policies);
    assert!(proven.iter().all(|statement| statement.proven.is_ok()));
    // The token and the certificate have paths of their own, in which the response's signer may be.
    let once = Work {
        checkpoints: 1,
        status_sets: 2,
    };
    assert_eq!(verifier.work(), once);
    let _ = collection.verify(&verifier, |_| ());
    assert_eq!(verifier.work(), once);

    // The control: a verifier that shares nothing verifies it anew.
    let alone = Verifier::builder(&policy, &anchors).build();
    let _ = collection.verify(&alone, |_| ());
    assert_eq!(alone.work(), once);
    let _ = collection.verify(&alone.under(policies.first()), |_| ());
    assert_eq!(alone.work(), once);
    assert_eq!(alone.under(policies.first()).work().checkpoints, 0);
}
