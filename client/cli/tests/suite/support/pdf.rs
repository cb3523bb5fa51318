//! PDFs with document timestamps by OpenSSL: a page, and any number of revisions behind it.

use std::fs;

use super::pki::Pki;

/// Octets that are reserved for a token.
pub(crate) const RESERVED: usize = 40_000;

/// A PDF of one page with this text.
pub(crate) fn page(text: &str) -> Vec<u8> {
    let content = format!("BT /F1 24 Tf 72 720 Td ({text}) Tj ET");
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</SigFlags 3/Fields[]>>>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R\
         /Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>"
            .to_owned(),
        format!(
            "<</Length {}>>\nstream\n{content}\nendstream",
            content.len()
        ),
    ];
    let mut pdf = b"%PDF-1.7\n".to_vec();
    let numbered = (1..).zip(objects);
    revision(&mut pdf, numbered.collect(), 0);
    pdf
}

/// Appends a revision in which object 4, what the page shows, has this text.
pub(crate) fn change(pdf: &mut Vec<u8>, text: &str) {
    let content = format!("BT /F1 24 Tf 72 720 Td ({text}) Tj ET");
    let object = format!(
        "<</Length {}>>\nstream\n{content}\nendstream",
        content.len()
    );
    let previous = start_of_last_table(pdf);
    revision(pdf, vec![(4, object)], previous);
}

/// Appends a revision with a document timestamp over the whole file, and gives its token back.
pub(crate) fn stamp(pdf: &mut Vec<u8>, pki: &Pki, name: &str) -> Vec<u8> {
    let previous = start_of_last_table(pdf);
    let object = format!(
        "<</Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161/Contents <{}>/ByteRange [0 {:010} {:010} {:010}]>>",
        "0".repeat(RESERVED * 2),
        0,
        0,
        0
    );
    let number = u32::try_from(100 + pdf.len() % 1_000_000).unwrap();
    let from = pdf.len();
    revision(pdf, vec![(number, object)], previous);
    let at = |wanted: &[u8], from: usize| {
        from + pdf[from..]
            .windows(wanted.len())
            .position(|it| it == wanted)
            .unwrap()
    };
    let gap = at(b"<00", from);
    let behind = gap + RESERVED * 2 + 2;
    let range = at(b"/ByteRange [", from) + b"/ByteRange [".len();
    let numbers = format!("0 {gap:010} {behind:010} {:010}", pdf.len() - behind);
    pdf[range..range + numbers.len()].copy_from_slice(numbers.as_bytes());
    let covered = [&pdf[..gap], &pdf[behind..]].concat();
    let token = stamp_octets(pki, name, &covered);
    let digits = hex::encode_upper(&token);
    pdf[gap + 1..=gap + digits.len()].copy_from_slice(digits.as_bytes());
    token
}

/// Writes `name.txt` with these octets and its token `name.tst`.
pub(crate) fn stamp_octets(pki: &Pki, name: &str, octets: &[u8]) -> Vec<u8> {
    fs::write(pki.path(&format!("{name}.txt")), octets).unwrap();
    for line in [
        format!("ts -query -data {name}.txt -sha256 -cert -out {name}.tsq"),
        format!(
            "ts -reply -config pki.cnf -section unit -queryfile {name}.tsq -token_out -out {name}.tst"
        ),
    ] {
        pki.openssl(&line);
    }
    pki.read(&format!("{name}.tst"))
}

/// Objects, a table of where they stand, and a trailer.
fn revision(pdf: &mut Vec<u8>, objects: Vec<(u32, String)>, previous: usize) {
    let mut table = "xref\n0 1\n0000000000 65535 f \n".to_owned();
    let mut most = 0;
    for (number, object) in objects {
        table.extend([format!("{number} 1\n{:010} 00000 n \n", pdf.len())]);
        pdf.extend(format!("{number} 0 obj\n{object}\nendobj\n").into_bytes());
        most = most.max(number);
    }
    let start = pdf.len();
    let previous = if previous == 0 {
        String::new()
    } else {
        format!("/Prev {previous}")
    };
    let size = most.max(4) + 1;
    pdf.extend(
        format!(
            "{table}trailer\n<</Size {size}/Root 1 0 R{previous}>>\nstartxref\n{start}\n%%EOF\n"
        )
        .into_bytes(),
    );
}

fn start_of_last_table(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    let (_, last) = text.rsplit_once("startxref\n").unwrap();
    last.lines().next().unwrap().parse().unwrap()
}
