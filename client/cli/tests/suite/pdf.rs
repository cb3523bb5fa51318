//! PDFs that went on after a time-stamp: every signature that held still holds, and no user is told
//! that the PDF at hand is proven when an earlier version of it is.

use std::fs;

use crate::support::log::Log;
use crate::support::pki::Pki;
use crate::support::{Ran, ishibumi, pdf as made};
use ishibumi::evidence::embed::{EmbedError, embed_in_pdf};
use ishibumi::evidence::pdf::{self, Imprint};
use ishibumi_artifact::ArtifactType;
use serde_json::Value;

struct World {
    pki: Pki,
    log: Log,
    time: u64,
}

impl World {
    fn new() -> Self {
        let (pki, log) = (Pki::new(), Log::new());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        Self {
            pki,
            log,
            time: now.unwrap().as_secs() + 1_000_000,
        }
    }

    /// Logs a token and writes its proof.
    fn prove(&mut self, token: &[u8], proof: &str) -> Vec<u8> {
        let anchors = self.pki.anchors();
        let index = self
            .log
            .submit(ArtifactType::TimestampToken, token, &anchors);
        self.log.grow(self.log.size() + 3);
        let proof_text = self.log.proof(index, &[self.time; 3]).into_bytes();
        self.write(proof, &proof_text);
        proof_text
    }

    fn write(&self, name: &str, octets: &[u8]) {
        fs::write(self.pki.path(name), octets).unwrap();
    }

    fn run(&self, line: &str) -> Ran {
        ishibumi(self.pki.folder(), line)
    }

    fn verify(&self, rest: &str) -> Ran {
        self.run(&format!(
            "verify --without-revocation --policy policy.txt --anchors anchors {rest}"
        ))
    }
}

/// One page, stamped twice; the tokens.
fn stamped_twice(world: &World) -> (Vec<u8>, [Vec<u8>; 2]) {
    let mut pdf = made::page("Amount: 100");
    let first = made::stamp(&mut pdf, &world.pki, "first");
    let second = made::stamp(&mut pdf, &world.pki, "second");
    (pdf, [first, second])
}

#[test]
fn embedding_breaks_no_later_timestamp() {
    let mut world = World::new();
    let (octets, [first, second]) = stamped_twice(&world);
    world.write("two.pdf", &octets);
    world.prove(&first, "first.tlog-proof");
    let proof = world.prove(&second, "second.tlog-proof");
    let line = |number: usize, proof: &str| {
        format!(
            "evidence embed --policy policy.txt --anchors anchors --number {number} --out out.pdf two.pdf {proof}"
        )
    };
    let refused = world.run(&line(1, "first.tlog-proof")).expect(2);
    for word in [
        "two.pdf",
        "at octet",
        "no longer hold",
        "nothing was written",
    ] {
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }
    assert!(!world.pki.path("out.pdf").exists());
    // The last one is covered by nothing.
    world.run(&line(2, "second.tlog-proof")).expect(0);
    let written = world.pki.read("out.pdf");
    let found = pdf::tokens(&written);
    assert_eq!(found.imprints(&written), [Imprint::Holds; 2]);
    // Also where something was added that covers nothing.
    let mut longer = octets.clone();
    made::change(&mut longer, "Amount: 900");
    let place = pdf::tokens(&longer).tokens.remove(1);
    embed_in_pdf(longer, &place, &proof, false).unwrap();
}

#[test]
fn what_may_cover_the_token_counts_as_if_it_did() {
    let mut world = World::new();
    let mut octets = made::page("Amount: 100");
    let token = made::stamp(&mut octets, &world.pki, "only");
    let proof = world.prove(&token, "only.tlog-proof");
    let place = pdf::tokens(&octets).tokens.remove(0);
    let embed = |octets: &[u8]| embed_in_pdf(octets.to_vec(), &place, &proof, false);
    embed(&octets).unwrap();
    let length = octets.len();
    for (added, readable) in [
        ("/ByteRange 12 0 R".to_owned(), false),
        ("/Byte#52ange [0 1 2]".to_owned(), false),
        (format!("/ByteRange [0 {length} {} 1]", length + 9), true),
        (format!("/ByteRange [0 1 2 {length}]"), true),
        (format!("/ByteRange [9 {length}]"), true),
        (format!("/#42yteRange [0 1 2 3 20 {length}]"), true),
    ] {
        let longer = [&octets[..], added.as_bytes()].concat();
        let refused = embed(&longer).unwrap_err();
        let expected = if readable {
            EmbedError::Covered(length)
        } else {
            EmbedError::Unreadable(length)
        };
        assert_eq!(refused, expected, "{added}");
    }
    // A signature over other octets, or older than the token, forbids nothing.
    for harmless in ["/ByteRange [0 1 2 3]", "/ByteRanges 12 0 R", "/Prev 12"] {
        embed(&[&octets[..], harmless.as_bytes()].concat()).unwrap();
    }
    let many: Vec<String> = (0..300)
        .map(|n| format!("/ByteRange [0 1 2 {n}]"))
        .collect();
    let many = many.concat();
    let refused = embed(&[&octets[..], many.as_bytes()].concat()).unwrap_err();
    assert_eq!(refused, EmbedError::TooMany);
    // A PDF whose stamped octets were changed is not the one that the token is about.
    let mut changed = octets.clone();
    let amount = changed.windows(3).position(|it| it == b"100").unwrap();
    changed[amount] = b'9';
    assert_eq!(embed(&changed).unwrap_err(), EmbedError::Changed);
}

#[test]
fn nothing_is_written_over_what_was_read() {
    let mut world = World::new();
    let mut octets = made::page("Amount: 100");
    let token = made::stamp(&mut octets, &world.pki, "only");
    world.prove(&token, "only.tlog-proof");
    world.write("one.pdf", &octets);
    std::os::unix::fs::symlink("one.pdf", world.pki.path("link.pdf")).unwrap();
    let before = fs::metadata(world.pki.path("only.tlog-proof"))
        .unwrap()
        .len();
    for out in ["one.pdf", "./one.pdf", "link.pdf", "only.tlog-proof"] {
        let line = format!("evidence embed --out {out} one.pdf only.tlog-proof");
        let refused = world.run(&line).expect(2);
        assert!(
            refused.stderr.contains("not written over"),
            "{}",
            refused.stderr
        );
    }
    assert!(world.pki.read("one.pdf") == octets);
    assert_eq!(world.pki.read("only.tlog-proof").len() as u64, before);
}

/// A PDF with its proof inside, and later versions of it.
fn proven_then_changed(world: &mut World) -> (Vec<u8>, Vec<u8>) {
    let mut octets = made::page("Amount: 100");
    let token = made::stamp(&mut octets, &world.pki, "only");
    let proof = world.prove(&token, "only.tlog-proof");
    let place = pdf::tokens(&octets).tokens.remove(0);
    let proven = embed_in_pdf(octets, &place, &proof, false).unwrap();
    let mut changed = proven.clone();
    made::change(&mut changed, "Amount: 900");
    (proven, changed)
}

#[test]
fn a_pdf_that_was_changed_later_is_called_so_everywhere() {
    let mut world = World::new();
    let (proven, changed) = proven_then_changed(&mut world);
    world.write("proven.pdf", &proven);
    world.write("changed.pdf", &changed);
    // The PDF itself.
    let ran = world.verify("proven.pdf").expect(0);
    assert!(
        ran.stdout.contains("the PDF is proven as it is"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("CHANGED"), "{}", ran.stdout);
    let ran = world.verify("changed.pdf").expect(4);
    assert!(
        ran.stdout
            .starts_with("changed.pdf: THE PDF AS IT IS NOW IS NOT PROVEN")
    );
    assert!(
        ran.stdout
            .contains("THE PDF WAS CHANGED AFTER time-stamp 1"),
        "{}",
        ran.stdout
    );
    let ran = world.verify("--lang ja changed.pdf").expect(4);
    assert!(
        ran.stdout.contains("現在の内容は証明されていません"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("の後に変更されています"),
        "{}",
        ran.stdout
    );
    let value = world.verify("--json changed.pdf").expect(4).json();
    assert_eq!(value["file_proven"], false);
    assert_eq!(value["time_stamps"][0]["pdf"]["extent"], "changed-later");
    // Taken apart.
    let ran = world.run("evidence extract --out x changed.pdf").expect(0);
    assert!(
        ran.stdout
            .contains("THE PDF WAS CHANGED AFTER time-stamp 1"),
        "{}",
        ran.stdout
    );
    let ran = world
        .run("evidence extract --lang ja --out y changed.pdf")
        .expect(0);
    assert!(
        ran.stdout.contains("の後に変更されています"),
        "{}",
        ran.stdout
    );
    // And then verified with the earlier version, which is not the PDF.
    let ran = world
        .verify("--document x/changed-1.signed x/changed-1.tst")
        .expect(0);
    assert!(
        ran.stdout.contains("one version of a PDF"),
        "{}",
        ran.stdout
    );
    // With the PDF as the document.
    let token = "x/changed-1.tst";
    world
        .verify(&format!("--document proven.pdf {token}"))
        .expect(0);
    let ran = world
        .verify(&format!("--document changed.pdf {token}"))
        .expect(4);
    assert!(
        ran.stdout.contains("THE PDF WAS CHANGED AFTER"),
        "{}",
        ran.stdout
    );
    // Negative controls: inside of what is stamped; and another PDF altogether.
    let mut inside = proven.clone();
    let amount = inside.windows(3).position(|it| it == b"100").unwrap();
    inside[amount] = b'9';
    world.write("inside.pdf", &inside);
    let ran = world.verify("inside.pdf").expect(1);
    assert!(
        ran.stdout.contains("THE PDF WAS CHANGED where"),
        "{}",
        ran.stdout
    );
    world
        .verify(&format!("--document inside.pdf {token}"))
        .expect(1);
    world.write("other.pdf", &made::page("Amount: 100"));
    world
        .verify(&format!("--document other.pdf {token}"))
        .expect(1);
    world.verify("other.pdf").expect(3);
    // In an evidence file.
    let pack = "evidence pack --without-revocation --policy policy.txt --anchors anchors --document x/changed-1.signed --out e.evidence.zip x/changed-1.tst";
    fs::copy(
        world.pki.path("only.tlog-proof"),
        world.pki.path("x/changed-1.tst.tlog-proof"),
    )
    .unwrap();
    world.run(pack).expect(0);
    let ran = world.run(
        "evidence verify --without-revocation --policy policy.txt --anchors anchors e.evidence.zip",
    );
    assert!(ran.expect(0).stdout.contains("one version of a PDF"));
}

#[test]
fn a_later_timestamp_over_all_of_it_mends_it() {
    let mut world = World::new();
    let (octets, [first, second]) = stamped_twice(&world);
    world.write("two.pdf", &octets);
    let early = world.prove(&first, "first.tlog-proof");
    // A proof beside the PDF is for the time-stamp that it is about.
    world.write("two.pdf.tlog-proof", &early);
    let ran = world.verify("two.pdf").expect(3);
    assert!(
        ran.stdout.contains("time-stamp 2 covers the whole file"),
        "{}",
        ran.stdout
    );
    let place = pdf::tokens(&octets).tokens.remove(1);
    let late = world.prove(&second, "second.tlog-proof");
    let both = embed_in_pdf(octets, &place, &late, false).unwrap();
    world.write("two.pdf", &both);
    let value = world.verify("--json two.pdf").expect(0).json();
    assert_eq!(value["file_proven"], true);
    assert_eq!(value["proven"], 2);
    assert_eq!(value["time_stamps"][0]["pdf"]["extent"], "covered-later");
    assert_eq!(value["time_stamps"][0]["pdf"]["covered_by"], 2);
    let said: &Value = &value["time_stamps"][0]["report"]["sentences"]["en"];
    assert!(said.to_string().contains("An earlier version"), "{said}");
}

/// Each revision's piece has nearly the whole file in it.
#[test]
fn what_is_taken_out_is_bounded_and_every_time_stamp_can_be_had() {
    let world = World::new();
    let mut octets = made::page(&"x".repeat(300_000));
    made::stamp(&mut octets, &world.pki, "only");
    let found = pdf::tokens(&octets);
    let length = octets.len();
    // Dictionaries that say that they cover one octet less each, of the one token.
    let gap = octets.windows(4).position(|it| it == b"<308").unwrap();
    let behind = gap + made::RESERVED * 2 + 2;
    let mut many = octets.clone();
    for less in 1..40 {
        let range = format!("/ByteRange [0 {gap} {behind} {}]\n", length - behind - less);
        many.extend_from_slice(range.as_bytes());
    }
    assert_eq!(found.tokens.len(), 1);
    world.write("many.pdf", &many);
    let ran = world.run("evidence extract --out x many.pdf").expect(0);
    assert!(
        ran.stderr.contains("--number 40 takes it out alone"),
        "{}",
        ran.stderr
    );
    let written = fs::read_dir(world.pki.path("x")).unwrap();
    let sizes = written.map(|it| it.unwrap().metadata().unwrap().len());
    let total: u64 = sizes.sum();
    let tokens = 40 * found.tokens[0].token.len() as u64;
    assert!(total <= 4 * many.len() as u64 + tokens, "{total}");
    world
        .run("evidence extract --number 40 --out y many.pdf")
        .expect(0);
    assert!(world.pki.path("y/many-40.signed").exists());
    world
        .run("evidence extract --number 41 --out z many.pdf")
        .expect(2);
}

/// One ByteRange thousands of times, and spaces before the string: looked at a few times, not once
/// for each.
#[test]
fn the_work_is_linear_in_the_file() {
    let spaces = " ".repeat(1 << 20);
    let mut pdf = format!("%PDF-1.7\n/Contents{spaces}<00>").into_bytes();
    let gap = pdf.len() - 4;
    let range = format!("/ByteRange [0 {gap} {} 9]\n", gap + 4);
    for _ in 0..20_000 {
        pdf.extend_from_slice(range.as_bytes());
    }
    let found = pdf::tokens(&pdf);
    assert_eq!((found.signatures.len(), found.without), (1, 1));
    assert!(
        found.looked_at <= 4 * pdf.len() as u64,
        "{}",
        found.looked_at
    );
}
