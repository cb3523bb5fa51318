//! `evidence pack` of a folder: files that are left out are named, and the exit code says that
//! there were some.

use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{Ran, ishibumi, pdf};
use ishibumi_artifact::ArtifactType;
use serde_json::Value;

/// Two tokens with proofs and documents in `folder`, one of them in a subfolder; nothing else.
fn scene() -> Pki {
    let (pki, mut log) = (Pki::new(), Log::new());
    let anchors = pki.anchors();
    let mut indices = Vec::new();
    for name in ["lease", "contract"] {
        pki.stamp(name, &format!("{name}\n"));
        let token = pki.read(&format!("{name}.tst"));
        indices.push((
            name,
            log.submit(ArtifactType::TimestampToken, &token, &anchors),
        ));
    }
    log.grow(9);
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    fs::create_dir_all(pki.path("folder/sub")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = now.as_secs() + 60;
    for ((name, index), place) in indices.into_iter().zip(["folder", "folder/sub"]) {
        let proof = log.proof(index, &[time; 3]);
        fs::write(pki.path(&format!("{place}/{name}.tst.tlog-proof")), proof).unwrap();
        fs::copy(
            pki.path(&format!("{name}.tst")),
            pki.path(&format!("{place}/{name}.tst")),
        )
        .unwrap();
    }
    fs::copy(pki.path("lease.txt"), pki.path("folder/lease.txt")).unwrap();
    // Found by its hash alone, in another folder than the token.
    fs::copy(pki.path("contract.txt"), pki.path("folder/scan 1.bin")).unwrap();
    pki
}

fn pack(pki: &Pki, options: &str) -> Ran {
    let _ = fs::remove_file(pki.path("out.zip"));
    let line = format!(
        "evidence pack --without-revocation --policy policy.txt --anchors anchors --out out.zip {options}"
    );
    ishibumi(pki.folder(), &line)
}

fn left_out(packed: &Value) -> BTreeSet<(String, String)> {
    let all = packed["left_out"].as_array().unwrap().iter();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    all.map(|one| (text(one, "file"), text(one, "kind")))
        .collect()
}

#[test]
fn documents_are_found_as_a_batch_finds_them() {
    let pki = scene();
    let packed = pack(&pki, "--json folder").expect(0).json();
    assert_eq!(
        (&packed["items"], &packed["documents"]),
        (&2.into(), &2.into())
    );
    assert_eq!(packed["left_out"], Value::Array(Vec::new()));
    let line =
        "evidence verify --without-revocation --json --policy policy.txt --anchors anchors out.zip";
    let verified = ishibumi(pki.folder(), line).expect(0).json();
    let items = verified["items"].as_array().unwrap().iter();
    let documents: BTreeSet<_> = items.filter_map(|it| it["document"].as_str()).collect();
    assert_eq!(documents, BTreeSet::from(["lease.txt", "scan 1.bin"]));
    // A copy of a document is a document of the token, too.
    fs::copy(pki.path("lease.txt"), pki.path("folder/copy.txt")).unwrap();
    pack(&pki, "folder").expect(0);
    // A single token brings the document beside it, unless that is not wanted.
    let packed = pack(&pki, "--json folder/lease.tst").expect(0).json();
    assert_eq!(packed["documents"], 1);
    let packed = pack(&pki, "--json --no-documents folder").expect(0).json();
    assert_eq!(packed["documents"], 0);
}

#[test]
fn whatever_is_left_out_is_named() {
    let pki = scene();
    fs::copy(pki.path("contract.tst"), pki.path("folder/proofless.tst")).unwrap();
    fs::write(pki.path("folder/notes.txt"), "nobody's document\n").unwrap();
    fs::write(pki.path("folder/.hidden"), "of the system\n").unwrap();
    fs::write(pki.path("folder/old.evidence.zip"), "PK").unwrap();
    std::os::unix::fs::symlink("..", pki.path("folder/link")).unwrap();
    let mut stamped = pdf::page("stamped");
    pdf::stamp(&mut stamped, &pki, "inside");
    fs::write(pki.path("folder/stamped.pdf"), stamped).unwrap();
    fs::remove_file(pki.path("folder/scan 1.bin")).unwrap();
    let packed = pack(&pki, "--json folder").expect(4).json();
    let expected = [
        ("folder/link", "unreadable"),
        ("folder/notes.txt", "unproven"),
        ("folder/old.evidence.zip", "evidence-file"),
        ("folder/proofless.tst", "no-proof"),
        ("folder/stamped.pdf", "time-stamps-in-pdf"),
        ("folder/sub/contract.tst", "no-document"),
    ];
    let expected = expected.map(|(file, kind)| (file.to_owned(), kind.to_owned()));
    assert_eq!(left_out(&packed), BTreeSet::from(expected));
    assert!(pki.path("out.zip").exists());
    let text = pack(&pki, "folder").expect(4).stdout;
    assert!(text.contains("LEFT OUT: 6"), "{text}");
    let text = pack(&pki, "--lang ja folder").expect(4).stdout;
    assert!(text.contains("格納していないもの：6 件"), "{text}");
}

#[test]
fn a_document_beside_a_token_with_another_hash_is_no_silence() {
    let pki = scene();
    fs::write(pki.path("folder/lease.txt"), "another lease\n").unwrap();
    let packed = pack(&pki, "--json folder").expect(1).json();
    let expected = [
        ("folder/lease.tst", "no-document"),
        ("folder/lease.txt", "other-hash"),
    ];
    let expected = expected.map(|(file, kind)| (file.to_owned(), kind.to_owned()));
    assert_eq!(left_out(&packed), BTreeSet::from(expected));
    // The right one under another name makes up for the token, and the wrong one is still named.
    fs::copy(pki.path("lease.txt"), pki.path("folder/lease, signed.txt")).unwrap();
    let packed = pack(&pki, "--json folder").expect(1).json();
    assert_eq!(left_out(&packed).len(), 1);
    assert_eq!(packed["documents"], 2);
}
