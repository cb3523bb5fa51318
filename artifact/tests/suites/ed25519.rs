//! Ed25519 at its edges: keys and values of low order, points that are not in canonical form (CCTV,
//! ed25519vectors). RFC 8032 leaves room; this crate is strict, so that one signature has one
//! verdict everywhere: an equation without cofactor, an R that is compared in its octets, and no
//! key or R of low order.

use std::path::Path;

use ishibumi_artifact::key;
use serde::Deserialize;

use crate::report::{Answer, Suite};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vector {
    a: String,
    r: String,
    s: String,
    m: String,
    #[serde(default)]
    flags: Option<Vec<String>>,
}

/// What a strict verifier refuses.
const REFUSED: [&str; 4] = ["LowOrderResidue", "NonCanonicalR", "LowOrderA", "LowOrderR"];

/// SubjectPublicKeyInfo of Ed25519 up to the key, and its AlgorithmIdentifier (RFC 8410).
const KEY: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const ALGORITHM: [u8; 7] = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70];

pub(crate) fn run(place: &Path) -> Suite {
    let vectors: Vec<Vector> = serde_json::from_slice(&std::fs::read(place).unwrap()).unwrap();
    let mut suite = Suite::default();
    for (number, vector) in vectors.iter().enumerate() {
        let octets = |text: &str| hex::decode(text).unwrap();
        let key = [&KEY[..], &octets(&vector.a)].concat();
        let value = [octets(&vector.r), octets(&vector.s)].concat();
        let flags = vector.flags.as_deref().unwrap_or_default();
        let is_refused = flags.iter().any(|flag| REFUSED.contains(&flag.as_str()));
        let ours = key::verify(&key, &ALGORITHM, vector.m.as_bytes(), &value);
        suite.case(format!("{number}"), Answer::of(!is_refused), ours);
    }
    suite
}
