//! Reports in Japanese: nothing in them is English but names, identifiers, and the codes of the
//! standards.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{ishibumi, pdf};
use ishibumi_artifact::ArtifactType;
use ishibumi_cli::render::known_in_japanese;

const TERMS: &str = "--lang ja --policy policy.txt --anchors anchors";

/// Words that are not English: products, formats, names of fields, options and commands. A word
/// with a capital inside, a digit, a hyphen or a dot is an identifier anyway.
const ALLOWED: [&str; 23] = [
    "ishibumi",
    "evidence",
    "verify",
    "get",
    "extract",
    "merge",
    "origin",
    "index",
    "genTime",
    "octets",
    "intermediates",
    "responders",
    "base64",
    "unknown",
    "good",
    "revoked",
    "anchors",
    "document",
    "meta",
    "log",
    "witness",
    "group",
    "quorum",
];

/// Runs of two words or more that only English has.
fn english(text: &str) -> Vec<String> {
    let is_word = |word: &str| {
        word.len() > 1 && word.bytes().all(|it| it.is_ascii_lowercase()) && !ALLOWED.contains(&word)
    };
    let mut found = Vec::new();
    for line in text.lines() {
        let mut run: Vec<&str> = Vec::new();
        let split = |it: char| !it.is_ascii() || " ,;:()'\"|`<>".contains(it);
        for word in line.split(split).chain(["."]) {
            if is_word(word) {
                run.push(word);
            } else if !word.is_empty() {
                if run.len() > 1 {
                    found.push(format!("{} in {line}", run.join(" ")));
                }
                run.clear();
            }
        }
    }
    found
}

#[track_caller]
fn assert_japanese(what: &str, text: &str) {
    let found = english(text);
    assert!(found.is_empty(), "{what}: {found:#?}");
}

/// Tokens of every fate in `batch`, evidence files, PDFs, and files that are no evidence at all.
fn scene() -> Pki {
    let (pki, mut log) = (Pki::new(), Log::new());
    let anchors = pki.anchors();
    let mut indices = Vec::new();
    for name in ["good", "changed", "other", "early", "packed"] {
        pki.stamp(name, &format!("{name}\n"));
        let token = pki.read(&format!("{name}.tst"));
        indices.push((
            name,
            log.submit(ArtifactType::TimestampToken, &token, &anchors),
        ));
    }
    let mut stamped = pdf::page("stamped");
    let token = pdf::stamp(&mut stamped, &pki, "inside");
    indices.push((
        "inside",
        log.submit(ArtifactType::TimestampToken, &token, &anchors),
    ));
    log.grow(21);
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    for (name, index) in &indices {
        let times = if *name == "early" {
            [now - 5_000_000; 3]
        } else {
            [now + 60; 3]
        };
        fs::write(
            pki.path(&format!("{name}.tst.tlog-proof")),
            log.proof(*index, &times),
        )
        .unwrap();
    }
    let few = log.proof(indices[0].1, &[now + 60]);
    fs::create_dir_all(pki.path("batch/sub")).unwrap();
    let pack = "evidence pack --without-revocation --policy policy.txt --anchors anchors --out batch/packed.evidence.zip packed.tst";
    ishibumi(pki.folder(), pack).expect(0);
    let copy = |from: &str, to: &str| {
        fs::copy(pki.path(from), pki.path(&format!("batch/{to}"))).unwrap();
    };
    for name in ["good", "changed", "early"] {
        for end in ["txt", "tst", "tst.tlog-proof"] {
            copy(&format!("{name}.{end}"), &format!("{name}.{end}"));
        }
    }
    let write =
        |name: &str, octets: &[u8]| fs::write(pki.path(&format!("batch/{name}")), octets).unwrap();
    write("changed.txt", b"changed since\n");
    copy("good.tst", "proofless.tst");
    copy("good.tst", "swapped.tst");
    copy("other.tst.tlog-proof", "swapped.tst.tlog-proof");
    copy("good.tst", "few.tst");
    write("few.tst.tlog-proof", few.as_bytes());
    copy("good.tst", "page.tst");
    write("page.tst.tlog-proof", b"<html>please log in</html>");
    let token = pki.read("good.tst");
    write("cut.tst", &token[..token.len() / 2]);
    write("text.tst", b"no token at all");
    write("empty.tst", b"");
    let mut forged = token.clone();
    let last = forged.len() - 5;
    forged[last] ^= 1;
    write("forged.tst", &forged);
    copy("good.tst.tlog-proof", "forged.tst.tlog-proof");
    let zip = pki.read("batch/packed.evidence.zip");
    write("cut.evidence.zip", &zip[..zip.len() / 2]);
    write("empty.evidence.zip", b"");
    let mut damaged = zip;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    write("damaged.evidence.zip", &damaged);
    write("stamped.pdf", &stamped);
    let mut later = stamped.clone();
    pdf::change(&mut later, "later");
    write("later.pdf", &later);
    copy("inside.tst.tlog-proof", "later.pdf.tlog-proof");
    let mut odd = pdf::page("odd");
    odd.extend(b"9 0 obj\n<</Type/DocTimeStamp/Contents <00>/ByteRange 10 0 R>>\nendobj\n");
    write("odd.pdf", &odd);
    std::os::unix::fs::symlink("..", pki.path("batch/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", pki.path("batch/sub/dangling.tst")).unwrap();
    fs::File::create(pki.path("batch/huge.tst"))
        .unwrap()
        .set_len(64 << 20)
        .unwrap();
    pki
}

#[test]
fn reports_of_a_batch_have_no_english() {
    let pki = scene();
    let line = format!(
        "verify --without-revocation {TERMS} --batch batch --from 2020/1/1 --to 2099年12月31日 --report out"
    );
    let ran = ishibumi(pki.folder(), &line).expect(1);
    assert_japanese("text", &ran.stdout);
    let html = String::from_utf8(pki.read("out/report.html")).unwrap();
    let (_, body) = html.split_once("<body>").unwrap();
    // Marks, and the names of classes in them, are no text.
    let marked = body.split('<').filter_map(|it| it.split_once('>'));
    let words: Vec<&str> = marked.map(|(_, it)| it).collect();
    let words = words.join("\n");
    assert_japanese("html", &words);
    assert!(
        words.contains("不明") && words.contains("一致") && words.contains("未照合"),
        "{words}"
    );
    let csv = String::from_utf8(pki.read("out/report.csv")).unwrap();
    assert!(csv.starts_with("\"ファイル\",\"結果\","), "{csv}");
    for line in csv.lines().skip(1) {
        let reasons = line.rsplit("\",\"").next().unwrap();
        assert_japanese("csv", reasons);
    }
}

#[test]
fn reports_of_single_files_have_no_english() {
    let pki = scene();
    let mut lines = Vec::new();
    let entries = fs::read_dir(pki.path("batch")).unwrap();
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".evidence.zip") {
            lines.push(format!(
                "evidence verify --without-revocation {TERMS} batch/{name}"
            ));
        } else if [Some("tst"), Some("pdf")].contains(&name.rsplit_once('.').map(|(_, it)| it)) {
            lines.push(format!("verify --without-revocation {TERMS} batch/{name}"));
        }
    }
    lines.push(format!("verify {TERMS} --require-revocation good.tst"));
    lines.push(format!(
        "verify --without-revocation {TERMS} --revocation good.tst good.tst"
    ));
    lines.push(format!(
        "verify --without-revocation {TERMS} --document good.txt good.tst"
    ));
    lines.push(format!(
        "verify --without-revocation {TERMS} --checkpoint-token other.tst good.tst"
    ));
    lines.push(format!(
        "verify --without-revocation {TERMS} --at 2090-01-01 --algorithm-end sha-256=2080-01-01 good.tst"
    ));
    lines.push(format!(
        "verify --without-revocation {TERMS} --post-quantum good.tst"
    ));
    let mut reports = 0;
    for line in lines {
        let ran = ishibumi(pki.folder(), &line);
        assert_japanese(&line, &ran.stdout);
        // A failure has its English text behind it, in parentheses: a web search finds that.
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert_japanese(&line, first);
        reports += usize::from(!ran.stdout.is_empty());
    }
    assert!(reports > 8, "{reports}");
}

#[test]
fn times_are_japans_unless_another_zone_is_asked_for() {
    let pki = scene();
    let times = |options: &str| {
        let ran = ishibumi(
            pki.folder(),
            &format!("{options} --policy policy.txt --anchors anchors"),
        );
        (
            ran.stdout.matches("+09:00").count(),
            ran.stdout.matches('Z').count(),
        )
    };
    for command in [
        "verify good.tst",
        "evidence verify batch/packed.evidence.zip",
    ] {
        let (japan, utc) = times(&format!("{command} --lang ja"));
        assert!(japan > 2, "{command}");
        let (japan_in_english, utc_in_english) = times(command);
        assert_eq!(japan_in_english, 0);
        assert!(utc_in_english >= utc + japan, "{command}");
        let (japan, _) = times(&format!("{command} --lang en --time-zone +09:00"));
        assert!(japan > 2, "{command}");
        let (japan, _) = times(&format!("{command} --lang ja --time-zone Z"));
        assert_eq!(japan, 0);
    }
}

#[test]
fn dates_are_taken_as_people_write_them_or_the_form_is_explained() {
    let pki = scene();
    let batch = |from: &str, to: &str| {
        let mut command = crate::support::command(pki.folder());
        command
            .args("verify --without-revocation --json --policy policy.txt --anchors anchors --batch batch".split(' '));
        let output = command.args(["--from", from, "--to", to]).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for (from, to) in [
        ("2026/11/30", "20991231"),
        ("2026年1月5日", "２０９９年１２月３１日"),
        ("令和8年1月5日", "Ｒ８１．１２．３１"),
        ("2026/1/5 9:00", "2099-12-31T23:59:59+09:00"),
    ] {
        let (code, said) = batch(from, to);
        assert_eq!(code, Some(1), "{from}: {said}");
    }
    for from in ["30.11.2026", "令和元年4月30日", "2026-02-30", "yesterday"] {
        let (code, said) = batch(from, "2099-12-31");
        assert_eq!(code, Some(2), "{from}: {said}");
        assert!(said.contains("2026/4/1") && said.contains(from), "{said}");
    }
    let at = "verify --without-revocation --policy policy.txt --anchors anchors --at 2090/12/31 --algorithm-end sha-256=20801231 good.tst";
    ishibumi(pki.folder(), at).expect(4);
    let at = "verify --without-revocation --policy policy.txt --anchors anchors --at 31.12.2090 good.tst";
    let said = ishibumi(pki.folder(), at).expect(2).stderr;
    assert!(said.contains("2030/12/31"), "{said}");
}

/// Every sentence of readers and checks has to be in the table.
#[test]
fn every_error_that_a_report_can_show_has_a_translation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = [
        "artifact/src/asn1.rs",
        "artifact/src/certificate.rs",
        "artifact/src/cms.rs",
        "artifact/src/crl/error.rs",
        "artifact/src/evidence_record/mod.rs",
        "artifact/src/hash.rs",
        "artifact/src/ocsp/error.rs",
        "artifact/src/path.rs",
        "artifact/src/pem.rs",
        "artifact/src/reply.rs",
        "artifact/src/rules.rs",
        "artifact/src/signature.rs",
        "artifact/src/time.rs",
        "artifact/src/token.rs",
        "artifact/src/tst.rs",
        "artifact/src/unsigned.rs",
        "client/cli/src/batch/accredited.rs",
        "client/cli/src/batch/period.rs",
        "client/evidence/src/container.rs",
        "client/evidence/src/contradiction.rs",
        "client/evidence/src/embed.rs",
        "client/evidence/src/error.rs",
        "client/evidence/src/pack.rs",
        "client/evidence/src/pdf/judge.rs",
        "client/evidence/src/pdf/error.rs",
        "client/fetch/src/evidence.rs",
        "client/fetch/src/log.rs",
        "client/fetch/src/source.rs",
        "client/audit/src/succession/outcome.rs",
        "client/verify/src/verifier.rs",
        "tlog/src/checkpoint.rs",
        "tlog/src/key/kind.rs",
        "tlog/src/note.rs",
        "tlog/src/policy/error.rs",
        "tlog/src/policy/parse.rs",
        "tlog/src/proof.rs",
        "tlog/src/tree/mod.rs",
    ];
    let mut missing = BTreeSet::new();
    for file in files {
        let source = fs::read_to_string(root.join(file)).unwrap();
        for written in source.split("#[error(").skip(1) {
            let Some(text) = written.trim_start().strip_prefix('"') else {
                continue;
            };
            let sample = sample(text);
            // Of two sentences behind one another there is nothing to translate.
            let is_joined = sample == "it is emptyit is empty";
            if sample.contains(' ') && !is_joined && known_in_japanese(&sample).is_none() {
                missing.insert(format!("{file}: {sample}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What a command says to do about a failure is in its Japanese message, or in the table.
#[test]
fn every_advice_of_what_many_use_has_a_translation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let (mut missing, mut known) = (BTreeSet::new(), 0);
    for file in [
        "evidence/embed.rs",
        "evidence/extract.rs",
        "evidence/file.rs",
        "evidence/get.rs",
        "evidence/left_out.rs",
        "evidence/pack.rs",
        "evidence/packer.rs",
        "evidence/renew.rs",
        "files.rs",
        "network.rs",
        "stamp.rs",
        "submit/inputs.rs",
        "submit/mod.rs",
        "trust.rs",
        "verify.rs",
        "with_proof.rs",
    ] {
        let source = fs::read_to_string(root.join(file)).unwrap();
        for behind in source.split(".advice(").skip(1) {
            let Some(literal) = behind.trim_start().strip_prefix('"') else {
                continue;
            };
            let statement = behind.split("Failure::").next().unwrap();
            let sample = sample(literal);
            if known_in_japanese(&sample).is_some() {
                known += 1;
            } else if !statement.contains(".in_japanese(") {
                missing.insert(format!("{file}: {sample}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(known > 20, "{known}");
}

/// Commands on files that are at hand: the results, and the errors, in Japanese.
#[test]
fn results_of_packing_and_taking_apart_have_no_english() {
    let pki = scene();
    let terms = "--policy policy.txt --anchors anchors";
    let mut said = 0;
    for (line, code) in [
        (
            format!("evidence pack --without-revocation {terms} --out one.evidence.zip good.tst"),
            0,
        ),
        (
            format!("evidence pack --without-revocation {terms} --out all.evidence.zip batch"),
            1,
        ),
        (format!("evidence pack --without-revocation {terms} batch/sub"), 3),
        (format!("evidence pack --without-revocation {terms} batch/stamped.pdf"), 2),
        (
            format!("evidence pack --without-revocation {terms} --no-documents --out two.evidence.zip early.tst"),
            4,
        ),
        (
            "evidence merge --out m.evidence.zip one.evidence.zip batch/packed.evidence.zip".into(),
            0,
        ),
        ("evidence show one.evidence.zip".into(), 0),
        ("evidence extract --out apart one.evidence.zip".into(), 0),
        ("evidence extract --out pdf batch/later.pdf".into(), 0),
        ("evidence extract --out none good.tst".into(), 3),
        ("evidence extract --out none batch/odd.pdf".into(), 3),
        (
            "evidence extract --out none batch/cut.evidence.zip".into(),
            4,
        ),
        (
            format!("evidence embed {terms} --out proven.tst good.tst"),
            0,
        ),
        ("evidence embed --out no.tst other.tst good.txt".into(), 4),
        ("evidence embed --number 2 --out no.tst good.tst".into(), 2),
        (format!("evidence verify --without-revocation {terms} one.evidence.zip"), 0),
        (format!("evidence verify --without-revocation {terms} good.tst"), 4),
        (format!("evidence get {terms} --from nowhere good.tst"), 3),
        (
            format!("evidence get {terms} --from http://127.0.0.1:9 good.tst other.tst"),
            3,
        ),
        (
            format!("submit {terms} --log http://127.0.0.1:9 --timeout 1 good.tst"),
            3,
        ),
        ("policy check good.txt".into(), 2),
        (
            "statement --provider north --out a.record custodian --name x --location y --archive good.txt".into(),
            0,
        ),
        (
            "statement --provider north --out b.record key-destroyed --certificate tsa.crt --date 令和9年3月31日T17:00+09:00"
                .into(),
            0,
        ),
        (
            "statement --provider north --out c.record key-destroyed --certificate tsa.crt --date 令和9年3月31日".into(),
            2,
        ),
        (
            "stamp --tsa http://127.0.0.1:9/ --tsa-anchors anchors --out new.tst good.txt".into(),
            3,
        ),
    ] {
        let ran = ishibumi(pki.folder(), &format!("--lang ja {line}"));
        let ran = ran.expect(code);
        // Behind the Japanese text of a failure is the English one, in parentheses.
        let lines = ran.stdout.lines().filter(|it| !it.starts_with("  ("));
        assert_japanese(&line, &lines.collect::<Vec<_>>().join("\n"));
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert_japanese(&line, first);
        said += usize::from(!ran.stdout.is_empty());
    }
    assert!(said > 8, "{said}");
}

/// A literal of Rust up to its end, with a known sentence for each placeholder.
fn sample(literal: &str) -> String {
    let (mut out, mut letters) = (String::new(), literal.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('\n') => while letters.next_if(|it| it.is_whitespace()).is_some() {},
                Some(other) => out.push(other),
                None => break,
            },
            '{' => {
                for inside in letters.by_ref() {
                    if inside == '}' {
                        break;
                    }
                }
                out.push_str("it is empty");
            }
            other => out.push(other),
        }
    }
    out
}
