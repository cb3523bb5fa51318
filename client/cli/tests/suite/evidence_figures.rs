//! How large evidence files are, and what they cost. Prints; only what must never grow is asserted.
//!
//!     cargo test --release -p ishibumi-cli --test suite evidence_figures -- --ignored --nocapture

use std::fs;
use std::io::Cursor;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::log::Log;
use crate::support::pki::Pki;
use ishibumi_artifact::{Anchors, ArtifactType, TimestampToken, record_of};
use ishibumi_tlog::Hash;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

/// Tokens of the unit by the thousand: one that OpenSSL made, with another imprint, signed anew by
/// the unit's key.
struct Mint {
    pattern: Vec<u8>,
    imprint: Hash,
    info: Vec<u8>,
    key: SigningKey,
}

impl Mint {
    fn new(pki: &Pki) -> Self {
        pki.stamp("pattern", "the pattern\n");
        let pattern = pki.read("pattern.tst");
        let info = TimestampToken::parse(&pattern).unwrap();
        let (_, pkcs8) = pem_rfc7468::decode_vec(&pki.read("tsa.key")).unwrap();
        let secret = at(&pkcs8, b"\x02\x01\x01\x04\x20") + 5;
        Self {
            imprint: Hash::of(b"the pattern\n"),
            info: info.tst_info().to_vec(),
            key: SigningKey::from_slice(&pkcs8[secret..secret + 32]).unwrap(),
            pattern,
        }
    }

    /// A document that begins with `text`, and its token.
    fn token(&self, text: &str) -> (String, Vec<u8>) {
        let tries = (0..).map(|n| format!("{text} {n}\n"));
        let mut made = tries.filter_map(|document| {
            let token = self.sign(Hash::of(document.as_bytes()))?;
            Some((document, token))
        });
        made.next().unwrap()
    }

    /// None if the signature has another length than the pattern's, which would move everything.
    fn sign(&self, imprint: Hash) -> Option<Vec<u8>> {
        let mut token = self.pattern.clone();
        let mut info = self.info.clone();
        replace(&mut info, &self.imprint.0, &imprint.0);
        replace(&mut token, &self.info, &info);
        replace(&mut token, &Hash::of(&self.info).0, &Hash::of(&info).0);
        let content_type = b"\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
        let first = at(&token, content_type);
        // The header is 3 or 4 octets: A0 81 xx, or A0 82 xx xx.
        let (start, length) = if token[first - 3] == 0xa0 {
            (first - 3, usize::from(token[first - 1]))
        } else {
            let length = [token[first - 2], token[first - 1]];
            (first - 4, usize::from(u16::from_be_bytes(length)))
        };
        let mut attributes = token[start..first + length].to_vec();
        attributes[0] = 0x31;
        let signature: Signature = self.key.sign(&attributes);
        let signature = signature.to_der();
        let old = token.len() - signature.as_bytes().len();
        let header = [0x04, u8::try_from(signature.as_bytes().len()).unwrap()];
        if token[old - 2..old] != header {
            return None;
        }
        token[old..].copy_from_slice(signature.as_bytes());
        Some(token)
    }
}

fn at(octets: &[u8], wanted: &[u8]) -> usize {
    let mut windows = octets.windows(wanted.len());
    windows.position(|window| window == wanted).unwrap()
}

fn replace(octets: &mut [u8], from: &[u8], to: &[u8]) {
    let at = at(octets, from);
    octets[at..at + to.len()].copy_from_slice(to);
}

/// CPU time of all children that have ended, in seconds.
fn children_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1;
    let ticks = fields.split(' ').skip(13).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

#[test]
#[ignore = "prints figures and takes minutes"]
fn figures() {
    let pki = Pki::new();
    let mint = Mint::new(&pki);
    let anchors =
        Anchors::from_certificates(pki.anchors().anchors().iter().map(|it| (**it).clone()))
            .with_memo(64);
    println!(
        "| artifacts | single: proofs, octets | all files, octets | packed, octets | of them proofs | pack, CPU s | verify, CPU s | single verify, CPU s each |"
    );
    for count in [1, 200, 10_000_u32] {
        let mut log = Log::new();
        let folder = format!("of-{count}");
        let path = |name: &str| pki.path(&format!("{folder}/{name}"));
        fs::create_dir_all(path("artifacts")).unwrap();
        fs::create_dir_all(path("documents")).unwrap();
        let mut single = 0;
        let mut indices = Vec::new();
        for number in 0..count {
            let (document, token) = mint.token(&format!("document {number}"));
            let record = record_of(ArtifactType::TimestampToken, &token, &anchors).unwrap();
            indices.push((number, log.add(&record)));
            single += document.len() + token.len();
            fs::write(path(&format!("documents/{number}.txt")), document).unwrap();
            fs::write(path(&format!("artifacts/{number}.txt.tst")), token).unwrap();
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let note = log.note(log.size(), &[now + 60; 3]);
        let mut proofs = 0;
        for (number, index) in indices {
            let proof = log.proof_under(index, note.clone());
            proofs += proof.len();
            fs::write(
                path(&format!("artifacts/{number}.txt.tst.tlog-proof")),
                proof,
            )
            .unwrap();
        }
        fs::write(path("policy.txt"), log.policy()).unwrap();
        let terms = "--policy policy.txt --anchors ../anchors";
        let run = |line: &str| {
            let before = children_seconds();
            crate::support::ishibumi(&path(""), line).expect(0);
            children_seconds() - before
        };
        let pack = run(&format!(
            "evidence pack --without-revocation {terms} --document documents --out a.zip artifacts"
        ));
        let verify = run(&format!(
            "evidence verify --without-revocation {terms} a.zip"
        ));
        let each: f64 = (0..count.min(20))
            .map(|n| {
                run(&format!(
                    "verify --without-revocation {terms} --document documents/{n}.txt artifacts/{n}.txt.tst"
                ))
            })
            .sum::<f64>()
            / f64::from(count.min(20));
        let octets = fs::read(path("a.zip")).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&octets)).unwrap();
        let size = archive.by_name("META-INF/proofs/1.tlog-multiproof");
        let size = usize::try_from(size.unwrap().size()).unwrap();
        let all = single + proofs;
        let packed = octets.len();
        println!(
            "| {count} | {proofs} | {all} | {packed} | {size} | {pack:.2} | {verify:.2} | {each:.3} |"
        );
        assert!(count == 1 || size < proofs);
    }
}
