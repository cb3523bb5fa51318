//! What happens when the files are the wrong ones: each message says what, where and what next, in
//! English and in Japanese, and nothing but the right files is proven.

use std::fs;

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{ask, ishibumi};
use ishibumi_artifact::ArtifactType;

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

    /// Runs the line in both languages: the exit code, and parts of each output.
    #[track_caller]
    fn says(&self, line: &str, code: i32, english: &[&str], japanese: &[&str]) {
        let base = ["--policy", "--anchors"].map(|option| line.contains(option));
        let policy = if base[0] { "" } else { "--policy policy.txt " };
        let anchors = if base[1] { "" } else { "--anchors anchors " };
        for (language, words) in [("en", english), ("ja", japanese)] {
            let run = format!(
                "--lang {language} verify {}{policy}{anchors}{line}",
                ask(line)
            );
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
        "--policy contract.txt contract.tst",
        2,
        &["contract.txt", "line 1", "policy check"],
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
        "--anchors contract.txt contract.tst",
        2,
        &["contract.txt", "certificates are wanted here"],
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

/// Runs a line as it is, in both languages.
#[track_caller]
fn says(pki: &Pki, line: &str, code: i32, english: &[&str], japanese: &[&str]) {
    for (language, words) in [("en", english), ("ja", japanese)] {
        let run = format!("--lang {language} {line}");
        let ran = ishibumi(pki.folder(), &run).expect(code);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for word in words {
            assert!(said.contains(word), "{run}: no {word:?} in {said}");
        }
    }
}

/// A user took two folders for each other.
#[test]
fn policy_and_anchors_that_were_swapped() {
    let drawer = Drawer::new();
    let swapped = (&["swapped", "--anchors", "--policy"], &["入れ替わって"]);
    for (line, code) in [
        ("--policy anchors --anchors policy.txt contract.tst", 3),
        ("--policy ca.crt --anchors policy.txt contract.tst", 2),
        ("--policy policy.txt --anchors policy.txt contract.tst", 2),
    ] {
        drawer.says(line, code, swapped.0, swapped.1);
    }
    // The control: a file that is neither is not called swapped.
    let line = "--lang en verify --without-revocation --policy policy.txt --anchors contract.txt contract.tst";
    let ran = ishibumi(drawer.pki.folder(), line).expect(2);
    assert!(!ran.stderr.contains("swapped"), "{}", ran.stderr);
}

/// A stranger opened the policy in a Windows editor, and saved it.
#[test]
fn a_policy_that_an_editor_saved_again() {
    let drawer = Drawer::new();
    let (pki, policy) = (&drawer.pki, drawer.pki.read("policy.txt"));
    let text = String::from_utf8(policy.clone()).unwrap();
    let windows = text.replace('\n', "\r\n");
    let utf16 = [0xfeff].into_iter().chain(text.encode_utf16());
    let utf16: Vec<u8> = utf16.flat_map(u16::to_le_bytes).collect();
    for (name, octets, english, japanese) in [
        ("crlf.txt", windows.clone().into_bytes(), "CR LF", "CR LF"),
        (
            "bom.txt",
            format!("\u{feff}{text}").into_bytes(),
            "byte order mark",
            "BOM",
        ),
        (
            "both.txt",
            format!("\u{feff}{windows}").into_bytes(),
            "byte order mark",
            "BOM",
        ),
        ("utf16.txt", utf16, "UTF-16", "UTF-16"),
    ] {
        fs::write(pki.path(name), octets).unwrap();
        let english = &[english, "get the original"];
        let japanese = &[japanese, "原本"];
        drawer.says(
            &format!("--policy {name} contract.tst"),
            2,
            english,
            japanese,
        );
        for command in ["check", "explain"] {
            says(
                pki,
                &format!("policy {command} {name}"),
                2,
                english,
                japanese,
            );
        }
        if name == "utf16.txt" {
            continue;
        }
        // The advised command makes the same policy again, and leaves the file as it was.
        let ran = ishibumi(pki.folder(), &format!("--lang en policy check {name}")).expect(2);
        let (_, command) = ran.stdout.split_once("copy with ").unwrap();
        let command = command
            .trim()
            .replace("NEW-FILE", "new.txt")
            .replace("FILE", name);
        let bash = std::process::Command::new("bash");
        let done = { bash }
            .args(["-c", &command])
            .current_dir(pki.folder())
            .status();
        assert!(done.unwrap().success(), "{command}");
        assert_eq!(pki.read("new.txt"), policy, "{name}");
    }
    // The controls: the policy itself, and one with a mistake in a line.
    says(pki, "policy check policy.txt", 0, &[], &[]);
    fs::write(pki.path("odd.txt"), text.replace("quorum", "quorom")).unwrap();
    says(
        pki,
        "policy check odd.txt",
        2,
        &["unknown keyword"],
        &["認められません"],
    );
}

/// Files that are the reader's own, and unsigned, are read as Windows editors save them.
#[test]
fn rules_and_lists_that_an_editor_saved_again() {
    let drawer = Drawer::new();
    let write = |name: &str, text: String| fs::write(drawer.pki.path(name), text).unwrap();
    let unit = "ab".repeat(32);
    for mark in ["", "\u{feff}"] {
        write("ends.txt", format!("{mark}sha-256 2045-12-31\r\n"));
        write("units.txt", format!("{mark}{unit} 2023-02-16 -\r\n"));
        let ends = "--algorithms ends.txt --at";
        drawer.says(
            &format!("{ends} 2045-12-01 contract.tst"),
            0,
            &["PROVEN"],
            &["証明済み"],
        );
        drawer.says(
            &format!("{ends} 2046-01-01 contract.tst"),
            4,
            &["2045-12-31"],
            &["2046-01-01"],
        );
        let batch = "--batch folder --from 2020-01-01 --to 2090-12-31 --accredited units.txt";
        drawer.says(batch, 3, &["in total"], &["合計"]);
    }
    // The control: a mark inside is no algorithm.
    write("ends.txt", "\nsha-256\u{feff} 2045-12-31\n".to_owned());
    drawer.says(
        "--algorithms ends.txt contract.tst",
        2,
        &["ends.txt, line 2", "is no algorithm"],
        &["line 2", "期限を定められる"],
    );
}

/// Files of the same folder, given instead of the token.
#[test]
fn what_is_no_artifact_says_which_command_takes_it() {
    let drawer = Drawer::new();
    let pki = &drawer.pki;
    let pack = "evidence pack --without-revocation --policy policy.txt --anchors anchors --out contract.evidence.zip contract.tst";
    ishibumi(pki.folder(), pack).expect(0);
    fs::write(pki.path("plain.pdf"), crate::support::pdf::page("plain")).unwrap();
    fs::write(pki.path("lease.docx"), "PK no, a text").unwrap();
    let proof = String::from_utf8(pki.read("contract.tlog-proof")).unwrap();
    let (_, note) = proof.split_once("\n\n").unwrap();
    fs::write(pki.path("checkpoint"), note).unwrap();
    for (line, english, japanese) in [
        ("contract.tlog-proof", "ARTIFACT PROOF", "証明ファイルです"),
        (
            "contract.evidence.zip",
            "ishibumi evidence verify",
            "ishibumi evidence verify",
        ),
        ("policy.txt", "give it with --policy", "--policy で指定"),
        ("checkpoint", "policy explain", "policy explain"),
        ("plain.pdf", "no time-stamp in it", "含まれていません"),
        ("lease.docx", "is it the document?", "--document で指定"),
    ] {
        drawer.says(line, 3, &[english], &[japanese]);
    }
    // With a proof that was named there is a verdict, and the same advice beside it.
    drawer.says(
        "contract.tlog-proof contract.tst",
        4,
        &["NO_POE", "ARTIFACT PROOF"],
        &["証明ファイルです"],
    );
    // A document whose token lies beside it.
    fs::copy(pki.path("contract.tst"), pki.path("lease.docx.tst")).unwrap();
    fs::copy(pki.path("contract.tst"), pki.path("plain.tst")).unwrap();
    let beside = "--document lease.docx lease.docx.tst";
    drawer.says("lease.docx", 3, &[beside], &[beside]);
    let beside = "--document plain.pdf plain.tst";
    drawer.says("plain.pdf", 3, &[beside], &[beside]);
    // The control: an artifact without a proof lacks its proof, and nothing else is said of it.
    let ran = ishibumi(
        pki.folder(),
        "--lang en verify --without-revocation --policy policy.txt --anchors anchors ca.crt",
    );
    let ran = ran.expect(3);
    assert!(
        ran.stderr.contains("ca.crt.tlog-proof is missing"),
        "{}",
        ran.stderr
    );
}

/// A document is neither sent nor looked up, and the output leads to its token, and to no sending.
#[test]
fn a_document_given_to_be_sent_stays_here() {
    let drawer = Drawer::new();
    let pki = &drawer.pki;
    fs::write(pki.path("lease.docx"), "PK no, a text").unwrap();
    fs::write(pki.path("bearer"), "secret\n").unwrap();
    let submit = "submit --log http://127.0.0.1:9 --token-file bearer";
    let get = "evidence get --from http://127.0.0.1:9 --policy policy.txt --anchors anchors";
    for command in [submit, get] {
        let line = format!("{command} lease.docx");
        says(
            pki,
            &line,
            2,
            &["stays with you", ".tst, .tsr"],
            &["文書はログに送りません"],
        );
        let line = format!("{command} contract.tlog-proof");
        says(pki, &line, 2, &["this is a proof"], &["証明ファイルです"]);
    }
    fs::copy(pki.path("contract.tst"), pki.path("lease.docx.tst")).unwrap();
    for command in [submit, get] {
        let line = format!("{command} lease.docx");
        says(
            pki,
            &line,
            2,
            &["its time-stamp, lease.docx.tst"],
            &["lease.docx.tst を指定"],
        );
    }
    // The control: the token itself would be sent, if a server listened.
    says(
        pki,
        &format!("{submit} contract.tst"),
        3,
        &["127.0.0.1:9"],
        &["127.0.0.1:9"],
    );
    // A bearer token as an editor saves it.
    for other in ["", "\u{feff}secret\n", "two words\n"] {
        fs::write(pki.path("bearer"), other).unwrap();
        let line = format!("{submit} contract.tst");
        says(pki, &line, 2, &["echo TOKEN >FILE"], &["BOM なしで"]);
    }
}

/// Evidence that is judged as of a day before it existed: one of the two times is false, with rules
/// or without.
#[test]
fn a_day_before_all_of_it_contradicts_it() {
    let drawer = Drawer::new();
    let early = "--at 令和5年4月1日 contract.tst";
    drawer.says(
        early,
        4,
        &["TIMESTAMP_ORDER_FAILURE", "2023-04-01"],
        &["2023-04-0"],
    );
    // The control: the same on a later day, and today.
    drawer.says(
        "--at 令和72年4月1日 contract.tst",
        0,
        &["PROVEN"],
        &["証明済み"],
    );
    drawer.says("contract.tst", 0, &["PROVEN"], &["証明済み"]);
}

/// Days as they stand on contracts, wherever a time is an argument.
#[test]
fn days_as_they_stand_on_contracts() {
    let drawer = Drawer::new();
    for day in [
        "2090-11-30",
        "2090/11/30",
        "20901130",
        "2090年11月30日",
        "令和72年11月30日",
        "R72.11.30",
        "２０９０／１１／３０",
        "Ｒ７２．１１．３０",
    ] {
        drawer.says(
            &format!("--at {day} contract.tst"),
            0,
            &["PROVEN"],
            &["証明済み"],
        );
        // An end of that day, judged the day after it: the rule was read.
        let rule = format!("--algorithm-end sha-256={day} --at 2090-12-01 contract.tst");
        drawer.says(&rule, 4, &["2090-11-30"], &["2090-1"]);
    }
    for day in ["30.11.2090", "令和1年4月30日", "2090-11", "tomorrow"] {
        drawer.says(
            &format!("--at {day} contract.tst"),
            2,
            &["R12.12.31"],
            &["読み取れません"],
        );
        let rule = format!("--algorithm-end sha-256={day} contract.tst");
        drawer.says(&rule, 2, &["is no day"], &["読み取れません"]);
    }
    let period = "--batch . --from R8.4.1 --to 令和9年3月31日";
    let ran = ishibumi(
        drawer.pki.folder(),
        &format!("verify --without-revocation --policy policy.txt --anchors anchors {period}"),
    );
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        said.contains("2026-04-01T00:00:00Z - 2027-03-31T23:59:59Z"),
        "{said}"
    );
}
