//! Wycheproof: signatures by RSA (PKCS#1 v1.5, PSS, with and without parameters in the key), ECDSA
//! and Ed25519, and public keys of elliptic curves as ECDH meets them. What it calls acceptable may
//! be taken or refused.

use std::path::Path;

use ishibumi_artifact::key;
use ishibumi_artifact::signature::SignatureError;
use serde::Deserialize;

use crate::report::{Answer, Suite};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    public_key_der: String,
    #[serde(default)]
    sha: String,
    #[serde(default)]
    mgf: String,
    #[serde(default)]
    mgf_sha: String,
    #[serde(default)]
    s_len: u8,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    tc_id: u32,
    comment: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    sig: String,
    #[serde(default)]
    public: String,
    result: String,
}

/// Functions by the names that the suite has for them: the last arc of their identifier under
/// 2.16.840.1.101.3.4.2, and the whole identifiers that name them beside RSA and ECDSA.
const HASHES: [(&str, u8, &str, &str); 6] = [
    ("SHA-256", 1, "2a864886f70d01010b", "2a8648ce3d040302"),
    ("SHA-384", 2, "2a864886f70d01010c", "2a8648ce3d040303"),
    ("SHA-512", 3, "2a864886f70d01010d", "2a8648ce3d040304"),
    ("SHA3-256", 8, "60864801650304030e", "60864801650304030a"),
    ("SHA3-384", 9, "60864801650304030f", "60864801650304030b"),
    ("SHA3-512", 10, "608648016503040310", "60864801650304030c"),
];

const WEAK: &str =
    "a hash function that is not accepted (SHA-1 and those of 224 bits, SHAKE, SHA-512/256)";

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 0x80);
    [&[tag, length], content].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

fn identifier(octets: &str) -> Vec<u8> {
    element(6, &hex::decode(octets).unwrap())
}

fn hash_identifier(arc: u8) -> Vec<u8> {
    sequence(&[element(6, &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, arc])])
}

/// AlgorithmIdentifier of RSASSA-PSS with these parameters.
fn pss(hash: u8, mask: u8, salt: u8) -> Vec<u8> {
    let mgf = sequence(&[identifier("2a864886f70d010108"), hash_identifier(mask)]);
    let salt = if salt < 0x80 {
        vec![salt]
    } else {
        vec![0, salt]
    };
    let parameters = sequence(&[
        element(0xa0, &hash_identifier(hash)),
        element(0xa1, &mgf),
        element(0xa2, &element(2, &salt)),
    ]);
    sequence(&[identifier("2a864886f70d01010a"), parameters])
}

impl Group {
    /// The AlgorithmIdentifier that a certificate would carry, or why none can.
    fn algorithm(&self) -> Result<Vec<u8>, &'static str> {
        let hash = |name: &str| HASHES.iter().find(|(known, ..)| *known == name);
        if self.kind == "EddsaVerify" {
            return Ok(sequence(&[element(6, &[0x2b, 0x65, 0x70])]));
        }
        let (_, arc, rsa, ecdsa) = hash(&self.sha).ok_or(WEAK)?;
        match self.kind.as_str() {
            "EcdsaVerify" => Ok(sequence(&[identifier(ecdsa)])),
            "RsassaPkcs1Verify" => Ok(sequence(&[identifier(rsa), vec![5, 0]])),
            _ if self.mgf != "MGF1" => Err("a mask that is not MGF1"),
            _ if self.mgf_sha != self.sha => {
                Err("PSS with one hash and MGF1 with another, which is refused by name")
            }
            _ => Ok(pss(*arc, *arc, self.s_len)),
        }
    }

    fn run(&self, file: &str, suite: &mut Suite) {
        let key = hex::decode(&self.public_key_der).unwrap();
        let algorithm = self.algorithm();
        for test in &self.tests {
            let Some(theirs) = test.answer() else {
                suite.skip("acceptable: both answers are right");
                continue;
            };
            match &algorithm {
                Ok(algorithm) => {
                    let octets = |text: &str| hex::decode(text).unwrap();
                    let (message, value) = (octets(&test.msg), octets(&test.sig));
                    let ours = key::verify(&key, algorithm, &message, &value);
                    suite.case(format!("{file}/{}", test.tc_id), theirs, ours);
                }
                Err(why) => suite.skip(why),
            }
        }
    }

    /// A key counts as read if the refusal is about the value, which was not made by that key.
    fn run_keys(&self, file: &str, suite: &mut Suite) {
        for test in &self.tests {
            let Some(theirs) = test.answer() else {
                suite.skip("acceptable: both answers are right");
                continue;
            };
            // Some of them are not flagged as such, but say it.
            let is_other = test.comment == "using secp256r1" && !file.contains("secp256r1");
            if is_other || test.flags.iter().any(|flag| flag == "WrongCurve") {
                suite.skip("WrongCurve: a key that is right, on another curve than its peer's");
                continue;
            }
            let key = hex::decode(&test.public).unwrap();
            let algorithm = sequence(&[identifier(HASHES[0].3)]);
            let ours = match key::verify(&key, &algorithm, b"", b"") {
                Ok(()) | Err(SignatureError::Invalid) => Ok(()),
                Err(error) => Err(error),
            };
            suite.case(format!("{file}/{}", test.tc_id), theirs, ours);
        }
    }
}

impl Test {
    fn answer(&self) -> Option<Answer> {
        match self.result.as_str() {
            "valid" => Some(Answer::Accept),
            "invalid" => Some(Answer::Refuse),
            _ => None,
        }
    }
}

const CURVES: [&str; 5] = [
    "secp256r1",
    "secp384r1",
    "secp521r1",
    "brainpoolP256r1",
    "brainpoolP384r1",
];

/// Whether a file is about what this crate verifies: by its name, which says curve and encoding.
fn applies(file: &str) -> bool {
    let curve = |prefix: &str| {
        let rest = file.strip_prefix(prefix);
        rest.is_some_and(|rest| CURVES.iter().any(|curve| rest.starts_with(curve)))
    };
    let signs = file.starts_with("rsa_signature_") || file.starts_with("rsa_pss_");
    // p1363: r and s side by side, as JOSE has them; X.509 has them in ASN.1. webcrypto, pem,
    // ecpoint: no SubjectPublicKeyInfo, or the same keys once more.
    let other = ["p1363", "webcrypto", "pem", "ecpoint"];
    (signs || file == "ed25519_test" || curve("ecdsa_") || curve("ecdh_"))
        && !other.iter().any(|other| file.contains(other))
}

pub(crate) fn run(place: &Path) -> Suite {
    let mut suite = Suite::default();
    let mut files: Vec<_> = std::fs::read_dir(place)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    files.sort();
    for path in files {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !applies(&file) {
            continue;
        }
        let read: File = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for group in &read.test_groups {
            if group.kind == "EcdhTest" {
                group.run_keys(&file, &mut suite);
            } else {
                group.run(&file, &mut suite);
            }
        }
    }
    suite
}
