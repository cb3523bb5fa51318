//! Batch verification through the real binary, on OpenSSL's tokens: each kind of trouble is a row.

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::ishibumi;
use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi_artifact::ArtifactType;

const VERIFY: &str =
    "verify --without-revocation --json --policy policy.txt --anchors anchors --batch batch";

/// Good, tampered and proofless tokens, with documents; an evidence file, and a damaged one.
fn scene() -> Pki {
    let pki = Pki::new();
    let (anchors, mut log) = (pki.anchors(), Log::new());
    let mut indices = Vec::new();
    for name in ["good", "tampered", "proofless", "packed"] {
        pki.stamp(name, &format!("{name}\n"));
        let token = pki.read(&format!("{name}.tst"));
        indices.push((
            log.submit(ArtifactType::TimestampToken, &token, &anchors),
            name,
        ));
    }
    log.grow(21);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    fs::create_dir_all(pki.path("batch/sub")).unwrap();
    for (index, name) in indices {
        let proof = log.proof(index, &[now + 60, now + 61, now + 65]);
        fs::write(pki.path(&format!("{name}.tst.tlog-proof")), proof).unwrap();
    }
    let pack = "evidence pack --without-revocation --policy policy.txt --anchors anchors --document packed.txt --out batch/sub/a.evidence.zip packed.tst";
    ishibumi(pki.folder(), pack).expect(0);
    for name in ["good", "tampered", "proofless"] {
        for extension in ["txt", "tst", "tst.tlog-proof"] {
            let file = format!("{name}.{extension}");
            if file != "proofless.tst.tlog-proof" {
                fs::copy(pki.path(&file), pki.path(&format!("batch/{file}"))).unwrap();
            }
        }
    }
    pki
}

/// Adds every kind of error to the scene.
fn spoil(pki: &Pki) {
    fs::write(pki.path("batch/tampered.txt"), "changed\n").unwrap();
    fs::write(pki.path("batch/broken.tst"), "no token").unwrap();
    let mut damaged = pki.read("batch/sub/a.evidence.zip");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(pki.path("batch/sub/b.evidence.zip"), damaged).unwrap();
    std::os::unix::fs::symlink("..", pki.path("batch/sub/loop")).unwrap();
    let huge = fs::File::create(pki.path("batch/huge.tst")).unwrap();
    huge.set_len(64 << 20).unwrap();
}

#[test]
fn every_trouble_is_a_row_and_none_ends_the_run() {
    let pki = scene();
    spoil(&pki);
    let line = format!("{VERIFY} --from 2020-01-01 --to 2099-12-31 --report out");
    let ran = ishibumi(pki.folder(), &line).expect(1).json();
    let rows = ran["rows"].as_array().unwrap();
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or("").to_owned();
    let found: BTreeMap<String, (String, String)> = rows
        .iter()
        .map(|row| {
            (
                text(row, "file"),
                (text(row, "status"), text(row, "sub_indication")),
            )
        })
        .collect();
    let expected = [
        ("broken.tst", "indeterminate", "GENERIC"),
        ("good.tst", "proven", ""),
        ("huge.tst", "unreadable", ""),
        ("proofless.tst", "indeterminate", "NO_POE"),
        ("sub/a.evidence.zip!packed.tst", "proven", ""),
        ("sub/b.evidence.zip", "disproven", "FORMAT_FAILURE"),
        ("sub/loop", "unreadable", ""),
        ("tampered.tst", "disproven", "HASH_FAILURE"),
    ];
    let expected =
        expected.map(|(file, status, sub)| (file.to_owned(), (status.to_owned(), sub.to_owned())));
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(ran["summary"]["proven"], 2);
    assert!(
        rows.iter()
            .all(|row| row["status"] == "proven" || row["reasons"] != "")
    );
    assert_eq!(rows[1]["token"]["accredited"], "unknown");
    let csv = String::from_utf8(pki.read("out/report.csv")).unwrap();
    assert_eq!(csv.lines().count(), 9);
    assert!(pki.read("out/report.pdf").starts_with(b"%PDF-"));
    assert!(
        String::from_utf8(pki.read("out/report.html"))
            .unwrap()
            .contains("tampered.tst")
    );
    // An existing file is kept, unless the user says otherwise.
    for (language, words) in [
        ("en", "--overwrite"),
        ("ja", "--overwrite を付けて置き換えて"),
    ] {
        let before = pki.read("out/report.csv");
        let text = format!("--lang {language} {}", line.replace("--json ", ""));
        let said = ishibumi(pki.folder(), &text).expect(2).stderr;
        assert!(
            said.contains(words) && said.contains("out/report.csv"),
            "{said}"
        );
        assert_eq!(pki.read("out/report.csv"), before);
    }
    ishibumi(pki.folder(), &format!("{line} --overwrite --lang ja")).expect(1);
}

/// Tokens that are kept without their documents are named, with what to do.
#[test]
fn a_token_whose_document_was_not_compared_is_named() {
    let pki = scene();
    fs::remove_file(pki.path("batch/proofless.tst")).unwrap();
    let said = |language: &str, more: &str| {
        let line = VERIFY.replace("--json", &format!("--lang {language}"));
        let line = format!("{line} --from 2020-01-01 --to 2099-12-31 {more}");
        ishibumi(pki.folder(), &line)
    };
    // The control: everything has its document, and nothing is said.
    let all = said("en", "").expect(0).stdout;
    assert!(
        !all.contains("not compared") && !all.contains("beside its token"),
        "{all}"
    );
    fs::remove_file(pki.path("batch/good.txt")).unwrap();
    for (language, name, what) in [
        (
            "en",
            "not compared   good.tst",
            "Put each document beside its token",
        ),
        ("ja", "未照合", "トークンの隣か"),
    ] {
        let text = said(language, "").expect(0).stdout;
        assert!(text.contains(name) && text.contains("good.tst"), "{text}");
        assert!(text.contains(what), "{text}");
        // Where it is required, the row itself says it.
        let text = said(language, "--require-document").expect(4).stdout;
        assert!(text.contains("good.tst"), "{text}");
    }
}

#[test]
fn the_period_decides_and_what_is_good_is_proven() {
    let pki = scene();
    fs::remove_file(pki.path("batch/proofless.tst")).unwrap();
    let all = ishibumi(
        pki.folder(),
        &format!("{VERIFY} --from 2020-01-01 --to 2099-12-31"),
    )
    .expect(0);
    assert_eq!(all.json()["summary"]["proven"], 3);
    let none = ishibumi(
        pki.folder(),
        &format!("{VERIFY} --from 2020-01-01 --to 2020-12-31"),
    )
    .expect(3);
    assert_eq!(none.json()["summary"]["out-of-period"], 3);
    ishibumi(
        pki.folder(),
        &format!("{VERIFY} --from 2021-01-01 --to 2020-12-31"),
    )
    .expect(2);
}

#[test]
fn only_the_list_says_who_is_accredited() {
    let pki = scene();
    let line = format!("{VERIFY} --from 2020-01-01 --to 2099-12-31 --accredited list.txt");
    let digest = hex::encode(pki.anchors().anchors()[0].digest());
    let tsu = ishibumi_artifact::Certificate::parse_bundle(&pki.read("tsa.crt")).unwrap();
    let tsu = hex::encode(tsu[0].digest());
    for (list, said) in [
        (format!("{tsu} 2020-01-01 -\n"), "yes"),
        (format!("{tsu} 2020-01-01 2020-12-31\n"), "no"),
        (format!("{digest} - -\n"), "unknown"),
    ] {
        fs::write(pki.path("list.txt"), list).unwrap();
        let ran = ishibumi(pki.folder(), &line).expect(4).json();
        assert_eq!(ran["rows"][0]["token"]["accredited"], said);
    }
}

#[test]
fn a_document_under_any_name_and_a_proof_inside_of_the_token_are_found() {
    let pki = scene();
    let (document, token) = (pki.path("batch/good.txt"), pki.path("batch/good.tst"));
    fs::rename(&document, pki.path("batch/sub/scan 0001.bin")).unwrap();
    let embed = "evidence embed --out in-it.tst good.tst good.tst.tlog-proof";
    ishibumi(pki.folder(), embed).expect(0);
    fs::rename(pki.path("in-it.tst"), &token).unwrap();
    fs::remove_file(pki.path("batch/good.tst.tlog-proof")).unwrap();
    fs::remove_file(pki.path("batch/proofless.tst")).unwrap();
    let line = format!("{VERIFY} --from 2020-01-01 --to 2099-12-31");
    let good = |code: i32| {
        let ran = ishibumi(pki.folder(), &line).expect(code).json();
        let mut rows = ran["rows"].as_array().unwrap().iter();
        let row = rows.find(|row| row["file"] == "good.tst");
        row.unwrap().clone()
    };
    let row = good(0);
    assert_eq!(
        (&row["status"], &row["compared"]),
        (&"proven".into(), &"same".into())
    );
    assert_eq!(row["document"], "sub/scan 0001.bin");
    // One octet more, and it is no token's document any more.
    fs::write(pki.path("batch/sub/scan 0001.bin"), "good\n\n").unwrap();
    let row = good(0);
    assert_eq!(
        (&row["document"], &row["compared"]),
        (&serde_json::Value::Null, &"not-compared".into())
    );
    // Without the proof in it nothing is proven.
    fs::copy(pki.path("good.tst"), &token).unwrap();
    assert_eq!(good(4)["sub_indication"], "NO_POE");
}
