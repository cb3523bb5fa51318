//! What happens when the files are the wrong ones: each message says what, where and what next, in English
//! and in Japanese, and nothing but the right files is proven.

#![cfg(feature = "cli")]

mod support;

use std::fs;

use ishibumi_artifact::ArtifactType;
use support::ishibumi;
use support::log::Log;
use support::pki::Pki;

struct Drawer {
    pki: Pki,
}

impl Drawer {
    fn new() -> Self {
        let pki = Pki::new();
        let mut log = Log::new();
        let anchors = pki.anchors();
        let mut places = Vec::new();
        for name in ["contract", "will"] {
            pki.stamp(name, &format!("the {name}\n"));
            let token = pki.read(&format!("{name}.tst"));
            let place = log.submit(ArtifactType::TimestampToken, &token, &anchors);
            places.push((name, place));
        }
        let seal = log.submit(ArtifactType::Certificate, &pki.read("seal.crt"), &anchors);
        places.push(("seal", seal));
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        for (name, place) in places {
            let proof = log.proof(place, &[now.as_secs() + 60; 3]);
            fs::write(pki.path(&format!("{name}.tlog-proof")), proof).unwrap();
        }
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        fs::write(pki.path("empty"), "").unwrap();
        fs::create_dir(pki.path("folder")).unwrap();
        Self { pki }
    }

    /// Runs the line in both languages: the exit code, and words of each.
    #[track_caller]
    fn says(&self, line: &str, code: i32, english: &[&str], japanese: &[&str]) {
        let base = ["--policy", "--anchors"].map(|option| line.contains(option));
        let policy = if base[0] { "" } else { "--policy policy.txt " };
        let anchors = if base[1] { "" } else { "--anchors anchors " };
        for (language, words) in [("en", english), ("ja", japanese)] {
            let run = format!("--lang {language} verify {policy}{anchors}{line}");
            let ran = ishibumi(self.pki.folder(), &run).expect(code);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            for word in words {
                assert!(said.contains(word), "{run}: no {word:?} in {said}");
            }
        }
    }
}

#[test]
fn files_that_are_not_there_or_not_what_is_wanted() {
    let drawer = Drawer::new();
    drawer.says("contract.tst", 0, &["PROVEN"], &["証明済み"]);
    drawer.says(
        "ca.crt",
        3,
        &["ca.crt.tlog-proof is missing", "evidence get"],
        &["ca.crt.tlog-proof", "evidence get"],
    );
    drawer.says(
        "absent.tst contract.tlog-proof",
        3,
        &["absent.tst", "check the path"],
        &["ファイルがありません"],
    );
    drawer.says(
        "folder contract.tlog-proof",
        3,
        &["folder", "name a file in this folder"],
        &["フォルダではなく"],
    );
    drawer.says("contract.tst folder", 3, &["folder"], &["フォルダではなく"]);
    drawer.says(
        "--document absent.pdf contract.tst",
        3,
        &["absent.pdf", "check the path"],
        &["absent.pdf"],
    );
    drawer.says(
        "--document folder contract.tst",
        3,
        &["folder"],
        &["フォルダではなく"],
    );
    drawer.says(
        "--policy absent.txt contract.tst",
        3,
        &["absent.txt"],
        &["ファイルがありません"],
    );
    drawer.says(
        "--policy empty contract.tst",
        2,
        &["empty", "policy check"],
        &["ポリシーとして"],
    );
    drawer.says(
        "--policy ca.crt contract.tst",
        2,
        &["ca.crt", "line 1"],
        &["ポリシーとして"],
    );
    drawer.says(
        "--anchors absent contract.tst",
        3,
        &["absent"],
        &["ファイルがありません"],
    );
    drawer.says(
        "--anchors folder contract.tst",
        2,
        &["no certificate", "that you trust"],
        &["信頼する認証局"],
    );
    drawer.says(
        "--anchors policy.txt contract.tst",
        2,
        &["policy.txt", "certificates are wanted here"],
        &["証明書として"],
    );
    drawer.says(
        "--revocation absent.crl contract.tst",
        3,
        &["absent.crl"],
        &["absent.crl"],
    );
    drawer.says(
        "--document contract.txt seal.crt",
        2,
        &["leave the document out"],
        &["--document を外して"],
    );
}

#[test]
fn files_that_do_not_belong_together() {
    let drawer = Drawer::new();
    // Swapped, empty, and each other's.
    drawer.says(
        "contract.tlog-proof contract.tst",
        4,
        &["NO_POE", "swapped", "the log answered with"],
        &["ログの返したもの"],
    );
    drawer.says(
        "empty contract.tlog-proof",
        4,
        &["the file is empty", "right file"],
        &["正しいファイル"],
    );
    drawer.says(
        "contract.tst empty",
        4,
        &["evidence get"],
        &["取得し直せます"],
    );
    drawer.says(
        "contract.txt contract.tlog-proof",
        4,
        &["neither a time-stamp token", "right file"],
        &["正しいファイル"],
    );
    drawer.says(
        "contract.tsq contract.tlog-proof",
        4,
        &["neither a time-stamp token", "a time-stamp query"],
        &["正しいファイル"],
    );
    drawer.says(
        "contract.tst will.tlog-proof",
        1,
        &["HASH_FAILURE", "belong together"],
        &["組み合わせ"],
    );
    drawer.says(
        "will.tst seal.tlog-proof",
        1,
        &["HASH_FAILURE", "belong together"],
        &["組み合わせ"],
    );
    drawer.says(
        "--document will.txt contract.tst",
        1,
        &["is NOT the one", "very file"],
        &["一致しません"],
    );
    drawer.says(
        "--document empty contract.tst",
        1,
        &["is NOT the one"],
        &["一致しません"],
    );
    // Something that is no revocation data is named, and changes nothing.
    drawer.says(
        "--revocation seal.crt contract.tst",
        0,
        &["seal.crt was not used"],
        &["使用していません"],
    );
    // What cannot be read at all may have been a list about this certificate.
    drawer.says(
        "--revocation empty contract.tst",
        4,
        &["TRY_LATER", "the file is empty"],
        &["使用していません"],
    );
    drawer.says(
        "--checkpoint-token will.tst contract.tst",
        0,
        &["will.tst was not used"],
        &["使用していません"],
    );
    drawer.says(
        "--require-revocation contract.tst",
        4,
        &["TRY_LATER", "--revocation"],
        &["--revocation"],
    );
}

#[test]
fn anchors_that_are_others() {
    let drawer = Drawer::new();
    let pki = &drawer.pki;
    // A unit that is trusted directly, PEM and DER, and a whole bundle.
    pki.openssl("x509 -in ca.crt -outform DER -out ca.der");
    drawer.says(
        "--anchors ca.der contract.tst",
        0,
        &["PROVEN"],
        &["証明済み"],
    );
    let stranger = Pki::new();
    fs::write(pki.path("stranger.crt"), stranger.read("seal.crt")).unwrap();
    drawer.says(
        "--anchors stranger.crt contract.tst",
        4,
        &["NO_CERTIFICATE_CHAIN_FOUND", "folder of --anchors"],
        &["--anchors のフォルダ"],
    );
    // An anchor that had ended when the token was made: another one of this CA may do.
    pki.openssl("req -new -key ca.key -subj /C=JP/O=Test/CN=CA -out old.csr");
    pki.openssl(
        "ca -batch -notext -config pki.cnf -selfsign -keyfile ca.key -extensions ca_extensions -preserveDN \
         -in old.csr -out old.crt -startdate 20200101000000Z -enddate 20210101000000Z",
    );
    drawer.says(
        "--anchors old.crt contract.tst",
        4,
        &["NO_CERTIFICATE_CHAIN_FOUND", "is valid from"],
        &["--anchors のフォルダ"],
    );
    // The reply instead of the token, and the token in PEM, are the same record.
    drawer.says(
        "contract.tsr contract.tlog-proof",
        0,
        &["PROVEN"],
        &["証明済み"],
    );
    pki.openssl("cms -cmsout -inform DER -in contract.tst -outform PEM -out contract.pem");
    drawer.says(
        "contract.pem contract.tlog-proof",
        0,
        &["PROVEN"],
        &["証明済み"],
    );
    pki.openssl("x509 -in seal.crt -outform DER -out seal.der");
    drawer.says("seal.der seal.tlog-proof", 0, &["PROVEN"], &["証明済み"]);
}
