//! Evidence inside the token: the signed octets stay, OpenSSL takes the token as before, the record
//! is the same, and nothing that is written into the attribute makes a false proof.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::ishibumi;
use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi::evidence::embed::{EmbedError, decisive, embed, embed_in_pdf};
use ishibumi::evidence::pdf::{self, PdfError, Stamped};
use ishibumi::verify::{Evidence, Report, RevocationRule, Verifier};
use ishibumi_artifact::unsigned::{PROOFS_MAX, UnsignedError, embedded_proofs, with_proofs};
use ishibumi_artifact::{Anchors, ArtifactType, record_of};
use ishibumi_tlog::Policy;

struct World {
    pki: Pki,
    log: Log,
    index: u64,
    time: u64,
}

impl World {
    fn new() -> Self {
        let pki = Pki::new();
        pki.stamp("contract", "we agree\n");
        let mut log = Log::new();
        let token = pki.read("contract.tst");
        let index = log.submit(ArtifactType::TimestampToken, &token, &pki.anchors());
        log.grow(9);
        fs::write(pki.path("policy.txt"), log.policy()).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let time = now.unwrap().as_secs() + 1_000_000;
        Self {
            pki,
            log,
            index,
            time,
        }
    }

    fn token(&self) -> Vec<u8> {
        self.pki.read("contract.tst")
    }

    /// A proof whose quorum was complete so many seconds later.
    fn proof(&self, later: u64) -> Vec<u8> {
        let time = self.time + later;
        self.log.proof(self.index, &[time, time, time]).into_bytes()
    }

    fn write(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.pki.path(name), octets).unwrap();
    }

    fn judge(&self, token: &[u8]) -> Option<Report> {
        let policy = Policy::parse(self.log.policy().as_bytes()).unwrap();
        judge(&policy, &self.pki.anchors(), token)
    }
}

/// What `ishibumi verify` does with a token that no proof is beside.
fn judge(policy: &Policy, anchors: &Anchors, token: &[u8]) -> Option<Report> {
    let verifier = Verifier::builder(policy, anchors)
        .revocation(RevocationRule::NotAsked)
        .build();
    let reports = embedded_proofs(token).ok()?.into_iter().map(|proof| {
        let evidence = Evidence::new(token, &proof).artifact_type(ArtifactType::TimestampToken);
        verifier.verify(evidence).unwrap()
    });
    decisive(reports.collect::<Vec<_>>())
}

fn holds(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}

/// The octets of the element that starts at `octets`, by its definite length.
fn first_element(octets: &[u8]) -> &[u8] {
    let (head, length) = match octets[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let digits = usize::from(long & 0x7f);
            let length = octets[2..2 + digits].iter();
            (
                2 + digits,
                length.fold(0, |value, digit| value << 8 | usize::from(*digit)),
            )
        }
    };
    &octets[..head + length]
}

#[test]
fn what_is_signed_stays_and_openssl_takes_the_token() {
    let world = World::new();
    let (token, anchors) = (world.token(), world.pki.anchors());
    let embedded = embed(&token, &world.proof(0), false).unwrap();
    assert!(embedded.len() > token.len());
    let record = |octets: &[u8]| record_of(ArtifactType::TimestampToken, octets, &anchors).unwrap();
    assert_eq!(record(&embedded), record(&token));
    // The signed content is there in one piece, before and after.
    let content = ishibumi_artifact::TimestampToken::parse(&token).unwrap();
    assert!(holds(&embedded, content.tst_info()));
    // The SignerInfo's fields are the tail of a token without unsigned attributes.
    let certificate = ishibumi_artifact::Certificate::parse(&world.pki.read("tsa.crt")).unwrap();
    assert!(holds(&token, certificate.der()) && holds(&embedded, certificate.der()));
    let tail = &token[token.len() - 300..];
    assert!(
        holds(&embedded, tail),
        "signedAttrs, algorithm and signature in one piece"
    );
    // In DER the pair is exact.
    assert_eq!(with_proofs(&embedded, &[]).unwrap(), token);
    assert_eq!(embedded_proofs(&embedded).unwrap(), [world.proof(0)]);
    assert!(embedded_proofs(&token).unwrap().is_empty());

    world.write("embedded.tst", &embedded);
    world
        .pki
        .openssl("ts -verify -data contract.txt -token_in -in embedded.tst -CAfile ca.crt");
    world.pki.openssl(
        "cms -verify -inform DER -in embedded.tst -CAfile ca.crt -purpose timestampsign -out tst.der",
    );
    // The reply stays a reply, PEM stays PEM.
    world
        .pki
        .openssl("pkcs7 -inform DER -in contract.tst -out contract.pem");
    for (from, to, flags) in [
        ("contract.tsr", "embedded.tsr", ""),
        ("contract.pem", "embedded.pem", "--replace"),
    ] {
        world.write("contract.tlog-proof", world.proof(0));
        let line = format!(
            "evidence embed --policy policy.txt --anchors anchors {flags} --out {to} {from} contract.tlog-proof"
        );
        ishibumi(world.pki.folder(), &line).expect(0);
        assert_eq!(record(&world.pki.read(to)), record(&token));
    }
    world
        .pki
        .openssl("ts -verify -data contract.txt -in embedded.tsr -CAfile ca.crt");
    world.pki.openssl("pkcs7 -in embedded.pem -noout");
    assert!(
        world
            .pki
            .read("embedded.pem")
            .starts_with(b"-----BEGIN PKCS7-----\n")
    );
}

#[test]
fn the_token_alone_is_verified_and_taken_apart_again() {
    let world = World::new();
    let folder = world.pki.folder();
    let line = "verify --without-revocation --policy policy.txt --anchors anchors --document contract.txt embedded.tst";
    world.write("embedded.tst", world.token());
    let missing = ishibumi(folder, line).expect(3).stderr;
    assert!(missing.contains("none in it"), "{missing}");
    world.write("p.tlog-proof", world.proof(0));
    let embed = "evidence embed --out embedded.tst contract.tst p.tlog-proof";
    // Nothing is written over.
    ishibumi(folder, embed).expect(2);
    assert_eq!(world.pki.read("embedded.tst"), world.token());
    fs::remove_file(world.pki.path("embedded.tst")).unwrap();
    ishibumi(folder, embed).expect(0);
    ishibumi(folder, line).expect(0);
    // Negative controls: another document, another policy, a document whose token this is not.
    world.write("contract.txt", "we do not agree\n");
    ishibumi(folder, line).expect(1);
    world.write("contract.txt", "we agree\n");

    let said = ishibumi(folder, "evidence extract --json --out out embedded.tst")
        .expect(0)
        .json();
    assert_eq!(said["proofs"], 1);
    assert_eq!(
        fs::read(folder.join("out/embedded.tst.tlog-proof")).unwrap(),
        world.proof(0)
    );
    ishibumi(
        folder,
        "verify --without-revocation --policy policy.txt --anchors anchors out/embedded.tst",
    )
    .expect(0);
    // A file with other octets stays; a file that is there as it should be is no reason to refuse.
    ishibumi(folder, "evidence extract --out out embedded.tst").expect(0);
    world.write("out/embedded.tst", "mine");
    ishibumi(folder, "evidence extract --out out embedded.tst").expect(2);
    assert_eq!(world.pki.read("out/embedded.tst"), b"mine");
    ishibumi(folder, "evidence extract --out none contract.tst").expect(3);
    // A proof of something else is not put in when it is checked, and proves nothing when it is
    // not.
    world.write(
        "other.tlog-proof",
        world.log.proof(world.index + 1, &[world.time; 3]),
    );
    let checked = "evidence embed --policy policy.txt --anchors anchors --out x.tst contract.tst other.tlog-proof";
    ishibumi(folder, checked).expect(1);
    assert!(!world.pki.path("x.tst").exists());
    ishibumi(
        folder,
        "evidence embed --out x.tst contract.tst other.tlog-proof",
    )
    .expect(0);
    ishibumi(
        folder,
        "verify --without-revocation --policy policy.txt --anchors anchors x.tst",
    )
    .expect(1);
    world.write("no.tlog-proof", "no proof\n");
    ishibumi(
        folder,
        "evidence embed --out y.tst contract.tst no.tlog-proof",
    )
    .expect(4);
    ishibumi(folder, "evidence embed --out y.tst ca.crt p.tlog-proof").expect(2);
}

#[test]
fn several_proofs_stand_together_and_the_good_one_decides() {
    let world = World::new();
    let (token, early, late) = (world.token(), world.proof(0), world.proof(50));
    let alien = world
        .log
        .proof(world.index + 1, &[world.time; 3])
        .into_bytes();
    let one = embed(&token, &early, false).unwrap();
    assert_eq!(embed(&one, &early, false).unwrap(), one);
    let two = embed(&one, &late, false).unwrap();
    assert_eq!(embedded_proofs(&two).unwrap().len(), 2);
    // In either order, the token is the same.
    let other = embed(&embed(&token, &late, false).unwrap(), &early, false).unwrap();
    assert_eq!(two, other);
    assert_eq!(embed(&two, &early, true).unwrap(), one);
    // What proves nothing takes nothing away, and proves nothing alone.
    assert!(
        world
            .judge(&embed(&one, &alien, false).unwrap())
            .unwrap()
            .is_proven()
    );
    assert!(
        !world
            .judge(&embed(&token, &alien, false).unwrap())
            .unwrap()
            .is_proven()
    );
    let many: Vec<Vec<u8>> = (0..=PROOFS_MAX).map(|it| world.proof(it as u64)).collect();
    assert_eq!(
        with_proofs(&token, &many).unwrap_err(),
        UnsignedError::TooMany(9)
    );
    let large = vec![vec![b'x'; 70_000]];
    assert!(matches!(
        with_proofs(&token, &large),
        Err(UnsignedError::TooLarge(_))
    ));
}

/// `token` with an unsigned attribute of this type: one of ours, exchanged for one of the same
/// length.
fn with_unsigned(token: &[u8], kind: &[u8]) -> Vec<u8> {
    let marker = vec![0x5a; kind.len()];
    let marked = with_proofs(token, &[marker]).unwrap();
    let proof = embedded_attribute(&marked);
    let kept: Vec<u8> = marked[..proof.start].to_vec();
    let padded = pad_attribute(kind, proof.len());
    [&kept[..], &padded, &marked[proof.end..]].concat()
}

/// An attribute of exactly `length` octets with this type.
fn pad_attribute(oid: &[u8], length: usize) -> Vec<u8> {
    let short = |inner: Vec<u8>, tag: u8| {
        let len = inner.len();
        let head = match len {
            0..0x80 => vec![tag, u8::try_from(len).unwrap()],
            0x80..0x100 => vec![tag, 0x81, u8::try_from(len).unwrap()],
            _ => vec![
                tag,
                0x82,
                u8::try_from(len >> 8).unwrap(),
                u8::try_from(len & 0xff).unwrap(),
            ],
        };
        [head, inner].concat()
    };
    (0..length)
        .map(|filled| {
            let value = short(short(vec![b'f'; filled], 0x0c), 0x31);
            short([oid.to_vec(), value].concat(), 0x30)
        })
        .find(|attribute| attribute.len() == length)
        .unwrap()
}

fn embedded_attribute(token: &[u8]) -> std::ops::Range<usize> {
    let kind = [0x06, 0x14, 0x69, 0x81, 0xe5, 0xfc];
    let at = token.windows(6).position(|window| window == kind).unwrap();
    let start = (1..=4)
        .map(|back| at - back)
        .find(|start| token[*start] == 0x30 && first_element(&token[*start..]).len() > 40)
        .unwrap();
    start..start + first_element(&token[start..]).len()
}

#[test]
fn attributes_of_others_are_kept_as_they_are() {
    let world = World::new();
    let token = world.token();
    // id-aa-contentHint's neighbour, which is unknown; then one that covers the others.
    let unknown = [
        0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x63,
    ];
    let foreign = with_unsigned(&token, &unknown);
    assert!(embedded_proofs(&foreign).unwrap().is_empty());
    let kept =
        first_element(&foreign[foreign.windows(13).position(|it| it == unknown).unwrap() - 2..]);
    let embedded = embed(&foreign, &world.proof(0), false).unwrap();
    assert!(holds(&embedded, kept) && world.judge(&embedded).unwrap().is_proven());
    assert_eq!(with_proofs(&embedded, &[]).unwrap(), foreign);
    world.write("foreign.tst", &embedded);
    world
        .pki
        .openssl("ts -verify -data contract.txt -token_in -in foreign.tst -CAfile ca.crt");

    let archive = [
        0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x30,
    ];
    let archived = with_unsigned(&token, &archive);
    let refused = embed(&archived, &world.proof(0), false).unwrap_err();
    assert!(
        matches!(
            refused,
            EmbedError::Token(UnsignedError::ArchiveTimestamp(_))
        ),
        "{refused}"
    );
}

#[test]
fn no_octet_of_the_attribute_makes_a_false_proof() {
    let world = World::new();
    let policy = Policy::parse(world.log.policy().as_bytes()).unwrap();
    let anchors = world.pki.anchors().with_memo(64);
    let good = embed(&world.token(), &world.proof(0), false).unwrap();
    let statement = judge(&policy, &anchors, &good).unwrap();
    let statement = statement.statement().unwrap();
    let (mut proven, mut refused) = (0, 0);
    for place in embedded_attribute(&good) {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut token = good.clone();
            token[place] ^= change;
            let report = judge(&policy, &anchors, &token);
            let Some(report) = report.filter(Report::is_proven) else {
                refused += 1;
                continue;
            };
            let other = report.statement().unwrap();
            // The one of three cosignatures that the quorum of two can do without.
            assert_eq!(
                (other.leaf, other.index, other.root),
                (statement.leaf, statement.index, statement.root)
            );
            assert_eq!(
                other.witnesses.len(),
                2,
                "octet {place} changed by {change:#04x}"
            );
            proven += 1;
        }
    }
    assert!(
        refused > 5 * proven && proven < 1_000,
        "{proven} proven, {refused} not"
    );
}

fn published(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/embedded")
        .join(name)
}

#[test]
fn the_published_token_carries_the_published_proof() {
    let read = |name: &str| fs::read(published(name)).unwrap();
    let records = |name: &str| {
        fs::read(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../testdata/records")
                .join(name),
        )
        .unwrap()
    };
    let token = records("token.tst");
    let certificate = |name: &str| ishibumi_artifact::Certificate::parse(&records(name)).unwrap();
    let anchors = Anchors::from_certificates([certificate("root.crt")])
        .with_intermediates([certificate("issuing.crt")]);
    let mut log = Log::new();
    let index = log.submit(ArtifactType::TimestampToken, &token, &anchors);
    log.grow(9);
    let proof = log.proof(index, &[1_796_100_000; 3]).into_bytes();
    let embedded = embed(&token, &proof, false).unwrap();
    if std::env::var_os("ISHIBUMI_BLESS").is_some() {
        fs::create_dir_all(published("")).unwrap();
        fs::write(published("token.tst"), &embedded).unwrap();
        fs::write(published("token.tlog-proof"), &proof).unwrap();
        fs::write(published("policy.txt"), log.policy()).unwrap();
    }
    assert_eq!(read("token.tst"), embedded);
    assert_eq!(
        embedded_proofs(&read("token.tst")).unwrap(),
        [read("token.tlog-proof")]
    );
    let policy = Policy::parse(&read("policy.txt")).unwrap();
    assert!(judge(&policy, &anchors, &embedded).unwrap().is_proven());
}

/// A PDF that pyHanko made (scripts/pyhanko.sh): a signature with a timestamp in it, and a document
/// timestamp over both, each token with its proof.
#[test]
fn tokens_come_out_of_a_pdf_with_what_they_stamp() {
    let out = tempfile::tempdir().unwrap();
    let file = published("pyhanko.pdf");
    let octets = fs::read(&file).unwrap();
    let (line, there) = (file.display(), out.path().display());
    let said = ishibumi(
        out.path(),
        &format!("evidence extract --json --out {there} {line}"),
    );
    let said = said.expect(0).json();
    let kinds = said["tokens"].as_array().unwrap();
    let kinds: Vec<&str> = kinds
        .iter()
        .map(|token| token["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["signature-timestamp", "document-timestamp"],
        "{said:#}"
    );
    assert_eq!(said["tokens"][0]["covers_whole_file"], false);
    assert_eq!(said["tokens"][1]["covers_whole_file"], true);
    let trust = published("pyhanko");
    let trust = format!(
        "--policy {0}/policy.txt --anchors {0}/anchors",
        trust.display()
    );
    for (number, document) in [(1, "signature"), (2, "signed")] {
        let line = format!(
            "verify --without-revocation {trust} --document pyhanko-{number}.{document} pyhanko-{number}.tst"
        );
        ishibumi(out.path(), &line).expect(0);
        // Also from the token alone; and never with another document.
        fs::remove_file(out.path().join(format!("pyhanko-{number}.tst.tlog-proof"))).unwrap();
        ishibumi(out.path(), &line).expect(0);
        fs::write(out.path().join(format!("pyhanko-{number}.{document}")), "x").unwrap();
        ishibumi(out.path(), &line).expect(1);
    }

    // In the octets that the PDF reserves; nothing outside of them changes.
    let found = pdf::tokens(&octets);
    assert!(found.refused.is_empty());
    let stamp = &found.tokens[1];
    let proof = embedded_proofs(&stamp.token).unwrap().remove(0);
    let bare = with_proofs(&stamp.token, &[]).unwrap();
    let mut without = octets.clone();
    pdf::put_token(&mut without, &stamp.coverage, &bare).unwrap();
    assert!(stamp.coverage.pieces(&without) == stamp.coverage.pieces(&octets));
    let place = pdf::tokens(&without).tokens.remove(1);
    assert!(embedded_proofs(&place.token).unwrap().is_empty());
    assert!(embed_in_pdf(without.clone(), &place, &proof, false).unwrap() == octets);
    let inside = embed_in_pdf(octets.clone(), &found.tokens[0], &proof, false).unwrap_err();
    assert_eq!(inside, EmbedError::InsideSignature);
    assert!(matches!(found.tokens[0].stamped, Stamped::Signature(_)));
    let long = vec![0x30; octets.len()];
    assert!(matches!(
        pdf::put_token(&mut without, &place.coverage, &long),
        Err(PdfError::NoRoom { .. })
    ));
}

#[test]
fn a_pdf_that_is_not_what_it_should_be_is_refused_by_name() {
    let octets = fs::read(published("pyhanko.pdf")).unwrap();
    let text = String::from_utf8_lossy(&octets).into_owned();
    assert!(text.contains("/ByteRange"));
    for (array, named) in [
        ("[0 1 2]", "four numbers"),
        ("12 0 R", "four numbers"),
        ("[0 5 3 1]", "does not cover"),
        ("[3 5 9 1]", "does not cover"),
        ("[0 10 20 99999999]", "does not cover"),
        (
            "[0 18446744073709551615 18446744073709551615 18446744073709551615]",
            "does not cover",
        ),
        ("[0 10 20 10]", "not the hexadecimal string"),
    ] {
        let pdf = format!("%PDF-2.0 and more than enough octets /ByteRange {array} behind it");
        let found = pdf::tokens(pdf.as_bytes());
        assert!(found.tokens.is_empty());
        assert_eq!(found.refused.len(), 1, "{array}");
        assert!(
            found.refused[0].1.to_string().contains(named),
            "{:?}",
            found.refused
        );
    }
    // However many there are, as many as that are looked at.
    let many = pdf::tokens(&b"/ByteRange[9]".repeat(100_000));
    assert_eq!(many.refused.len(), pdf::SIGNATURES_MAX + 1);
    assert_eq!(many.refused.last().unwrap().1, PdfError::TooMany);
    assert!(
        pdf::tokens(b"%PDF-2.0 /ByteRanges [0 1 2]")
            .refused
            .is_empty()
    );
    // Any octet of the file changed, or the file cut anywhere: no panic, and no token but these
    // two.
    let truth = pdf::tokens(&octets).tokens;
    for place in (0..octets.len()).step_by(37) {
        let mut changed = octets.clone();
        changed[place] ^= 0x15;
        let tokens = pdf::tokens(&changed).tokens;
        assert!(tokens.len() <= truth.len());
        pdf::tokens(&octets[..place]);
    }
}

/// A stranger packed tokens that carry their proof, and was told that they have none.
#[test]
fn what_is_embedded_is_packed_as_verify_takes_it() {
    let world = World::new();
    let pack = "evidence pack --without-revocation --policy policy.txt --anchors anchors";
    let run = |line: &str| ishibumi(world.pki.folder(), line);
    fs::create_dir(world.pki.path("mine")).unwrap();
    world.write("mine/contract.txt", "we agree\n");
    // The second of two proofs proves it.
    let few = world.log.proof(world.index, &[world.time]);
    let token = embed(&world.token(), few.as_bytes(), false).unwrap();
    let token = embed(&token, &world.proof(0), false).unwrap();
    world.write("mine/contract.tst", &token);
    let verify = "verify --without-revocation --policy policy.txt --anchors anchors --document mine/contract.txt mine/contract.tst";
    run(verify).expect(0);
    for input in ["mine/contract.tst", "mine"] {
        let _ = fs::remove_file(world.pki.path("one.zip"));
        let json = run(&format!("{pack} --json --out one.zip {input}"))
            .expect(0)
            .json();
        assert_eq!((&json["items"], &json["documents"]), (&1.into(), &1.into()));
        assert_eq!(json["left_out"], serde_json::json!([]), "{input}");
    }
    run("evidence verify --without-revocation --policy policy.txt --anchors anchors one.zip")
        .expect(0);
    run("evidence extract --out apart one.zip").expect(0);
    assert_eq!(world.pki.read("apart/contract.tst"), token);
    // The controls: a token without a proof, and one whose proof is about another record.
    world.write("mine/contract.tst", world.token());
    let said = run(&format!("{pack} --out two.zip mine/contract.tst"))
        .expect(3)
        .stderr;
    assert!(said.contains("none in it"), "{said}");
    let said = run(&format!("{pack} --out two.zip mine")).expect(3).stderr;
    assert!(said.contains("beside it or in it"), "{said}");
    let other = world.log.proof(0, &[world.time; 3]);
    world.write(
        "mine/contract.tst",
        embed(&world.token(), other.as_bytes(), false).unwrap(),
    );
    let said = run(&format!("{pack} --out two.zip mine/contract.tst"))
        .expect(1)
        .stderr;
    assert!(said.contains("not about it"), "{said}");
}

/// A PDF is named with what is in it, and what `extract` makes of it is packed.
#[test]
fn a_pdf_is_packed_once_it_is_taken_apart() {
    let mut world = World::new();
    let mut stamped = crate::support::pdf::page("stamped");
    let token = crate::support::pdf::stamp(&mut stamped, &world.pki, "inside");
    let anchors = world.pki.anchors();
    let index = world
        .log
        .submit(ArtifactType::TimestampToken, &token, &anchors);
    world.log.grow(20);
    let proof = world.log.proof(index, &[world.time; 3]);
    let place = pdf::tokens(&stamped).tokens.swap_remove(0);
    let proven = embed_in_pdf(stamped, &place, proof.as_bytes(), false).unwrap();
    world.write("contract.pdf", proven);
    let run = |line: &str| ishibumi(world.pki.folder(), line);
    let pack =
        "evidence pack --without-revocation --policy policy.txt --anchors anchors --out one.zip";
    let said = run(&format!("{pack} contract.pdf")).expect(2).stderr;
    assert!(
        said.contains("1 time-stamps in it, 1 of them with a proof")
            && said.contains("evidence extract"),
        "{said}"
    );
    run("evidence extract --out apart contract.pdf").expect(0);
    let json = run(&format!("{pack} --json apart")).expect(0).json();
    assert_eq!((&json["items"], &json["documents"]), (&1.into(), &1.into()));
}
