//! A batch over PDFs with time-stamps in them: each is a row, or is named with the reason why it is
//! not.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{Ran, ishibumi, pdf};
use ishibumi_artifact::ArtifactType;
use serde_json::Value;

const TERMS: &str = "--policy policy.txt --anchors anchors";
const PERIOD: &str = "--from 2020-01-01 --to 2099-12-31";

fn batch(pki: &Pki, options: &str) -> Ran {
    let line =
        format!("verify --without-revocation --json {TERMS} --batch batch {PERIOD} {options}");
    ishibumi(pki.folder(), &line)
}

fn row<'a>(ran: &'a Value, file: &str) -> &'a Value {
    let mut rows = ran["rows"].as_array().unwrap().iter();
    let found = rows.find(|row| row["file"] == file);
    found.unwrap_or_else(|| panic!("no row {file} in {ran:#}"))
}

/// A folder `batch` with two stamped PDFs: `proven.pdf`, whose proof is in it, and `stamped.pdf`,
/// whose proof is in `stamped.tlog-proof` of the folder above.
fn scene() -> Pki {
    let (pki, mut log) = (Pki::new(), Log::new());
    let anchors = pki.anchors();
    fs::create_dir(pki.path("batch")).unwrap();
    let mut indices = Vec::new();
    for name in ["proven", "stamped"] {
        let mut document = pdf::page(name);
        let token = pdf::stamp(&mut document, &pki, &format!("token-{name}"));
        indices.push((
            name,
            log.submit(ArtifactType::TimestampToken, &token, &anchors),
        ));
        fs::write(pki.path(&format!("{name}.pdf")), document).unwrap();
    }
    log.grow(9);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = now.as_secs() + 60;
    fs::write(pki.path("policy.txt"), log.policy()).unwrap();
    for (name, index) in indices {
        let proof = log.proof(index, &[time; 3]);
        fs::write(pki.path(&format!("{name}.tlog-proof")), proof).unwrap();
    }
    let embed = "evidence embed --out batch/proven.pdf proven.pdf proven.tlog-proof";
    ishibumi(pki.folder(), embed).expect(0);
    fs::copy(pki.path("stamped.pdf"), pki.path("batch/stamped.PDF")).unwrap();
    fs::write(pki.path("batch/plain.pdf"), pdf::page("no time-stamp")).unwrap();
    pki
}

#[test]
fn a_pdf_with_a_time_stamp_is_a_row_and_one_without_is_none() {
    let pki = scene();
    let ran = batch(&pki, "--report out").expect(4).json();
    assert_eq!(ran["total"], 2);
    let proven = row(&ran, "proven.pdf");
    assert_eq!(proven["status"], "proven");
    assert_eq!(proven["compared"], "same", "over its ByteRange");
    assert_eq!(proven["document"], "proven.pdf");
    let stamped = row(&ran, "stamped.PDF");
    assert_eq!(stamped["status"], "indeterminate");
    assert_eq!(stamped["sub_indication"], "NO_POE");
    // The proof beside it makes it proven, unless it is another token's.
    fs::copy(
        pki.path("stamped.tlog-proof"),
        pki.path("batch/stamped.tlog-proof"),
    )
    .unwrap();
    let ran = batch(&pki, "--require-document").expect(0).json();
    assert_eq!(ran["summary"]["proven"], 2);
    assert_eq!(ran["not_compared"], 0);
}

#[test]
fn a_proof_of_a_token_beside_the_pdf_says_nothing_of_the_time_stamp_in_it() {
    let pki = scene();
    for (from, to) in [
        ("token-stamped.tst", "batch/proven.tst"),
        ("stamped.tlog-proof", "batch/proven.tlog-proof"),
        ("token-stamped.tst", "batch/stamped.tst"),
        ("stamped.tlog-proof", "batch/stamped.tst.tlog-proof"),
    ] {
        fs::copy(pki.path(from), pki.path(to)).unwrap();
    }
    let ran = batch(&pki, "").json();
    assert_eq!(row(&ran, "proven.pdf")["status"], "proven");
    assert_eq!(row(&ran, "stamped.PDF")["sub_indication"], "NO_POE");
}

#[test]
fn what_was_changed_or_cannot_be_read_is_a_row_with_its_reason() {
    let pki = scene();
    let proven = pki.read("batch/proven.pdf");
    let mut later = proven.clone();
    pdf::change(&mut later, "added later");
    fs::write(pki.path("batch/later.pdf"), &later).unwrap();
    let mut inside = proven.clone();
    let at = inside.windows(6).position(|it| it == b"proven").unwrap();
    inside[at] = b'P';
    fs::write(pki.path("batch/inside.pdf"), inside).unwrap();
    // Two time-stamps, of which the later one has no proof.
    let mut twice = proven.clone();
    pdf::stamp(&mut twice, &pki, "second");
    fs::write(pki.path("batch/twice.pdf"), twice).unwrap();
    // A ByteRange that is not read: whether there is a time-stamp is unknown.
    let mut odd = pdf::page("odd");
    odd.extend(b"9 0 obj\n<</Type/DocTimeStamp/Contents <00>/ByteRange 10 0 R>>\nendobj\n");
    fs::write(pki.path("batch/odd.pdf"), odd).unwrap();
    let huge = fs::File::create(pki.path("batch/huge.pdf")).unwrap();
    std::io::Write::write_all(&mut &huge, b"%PDF-1.7\n").unwrap();
    huge.set_len((512 << 20) + 1).unwrap();
    let ran = batch(&pki, "").expect(1).json();
    let found: Vec<_> = ran["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or("").to_owned();
            (text("file"), text("status"), text("sub_indication"))
        })
        .collect();
    let expected = [
        ("huge.pdf", "unreadable", ""),
        ("inside.pdf", "disproven", "HASH_FAILURE"),
        ("later.pdf", "indeterminate", "GENERIC"),
        ("odd.pdf", "unreadable", ""),
        ("proven.pdf", "proven", ""),
        ("stamped.PDF", "indeterminate", "NO_POE"),
        ("twice.pdf!1", "proven", ""),
        ("twice.pdf!2", "indeterminate", "NO_POE"),
    ];
    let expected =
        expected.map(|(file, status, sub)| (file.to_owned(), status.to_owned(), sub.to_owned()));
    assert_eq!(found, expected);
    for file in ["huge.pdf", "odd.pdf"] {
        let why = row(&ran, file)["reasons"].as_str().unwrap().to_owned();
        assert!(why.starts_with("not examined for time-stamps: "), "{why}");
    }
    // Outside of the period nothing is verified, and still every time-stamp is a row.
    let line = format!(
        "verify --without-revocation --json {TERMS} --batch batch --from 2020-01-01 --to 2020-12-31"
    );
    let ran = ishibumi(pki.folder(), &line).expect(3).json();
    assert_eq!(ran["summary"]["out-of-period"], 6);
}

#[test]
fn a_token_without_its_document_is_counted_and_can_be_refused() {
    let pki = scene();
    fs::remove_file(pki.path("batch/stamped.PDF")).unwrap();
    fs::copy(
        pki.path("token-stamped.tst"),
        pki.path("batch/bare.pdf.tst"),
    )
    .unwrap();
    fs::copy(
        pki.path("stamped.tlog-proof"),
        pki.path("batch/bare.pdf.tst.tlog-proof"),
    )
    .unwrap();
    let ran = batch(&pki, "--report out").expect(0).json();
    assert_eq!(
        (&ran["not_compared"], &ran["summary"]["proven"]),
        (&1.into(), &2.into())
    );
    let html = String::from_utf8(pki.read("out/report.html")).unwrap();
    assert!(html.contains("1 of them whose document was not compared"));
    let line = |options: &str| {
        format!("verify --without-revocation {TERMS} --batch batch {PERIOD} {options}")
    };
    let text = ishibumi(pki.folder(), &line("--lang ja")).expect(0).stdout;
    assert!(text.contains("2 証明済み（うち文書と未照合 1）"), "{text}");
    let text = ishibumi(pki.folder(), &line("--lang en --require-document"))
        .expect(4)
        .stdout;
    assert!(
        text.contains("1 of them whose document was not compared"),
        "{text}"
    );
    let ran = batch(&pki, "--require-document").expect(4).json();
    let bare = row(&ran, "bare.pdf.tst");
    assert_eq!(bare["sub_indication"], "SIGNED_DATA_NOT_FOUND");
    assert_eq!(ran["not_compared"], 1);
    // The document under any name is enough.
    fs::copy(pki.path("token-stamped.txt"), pki.path("batch/other.bin")).unwrap();
    let ran = batch(&pki, "--require-document").expect(0).json();
    assert_eq!(
        (&ran["not_compared"], &ran["summary"]["proven"]),
        (&0.into(), &2.into())
    );
}

#[test]
fn a_report_of_an_earlier_run_in_the_folder_is_replaced_and_no_row() {
    let pki = scene();
    batch(&pki, "--report batch").expect(4);
    let ran = batch(&pki, "--report batch --overwrite").expect(4).json();
    assert_eq!(ran["total"], 2);
}
