//! Tokens with proofs inside, and PDFs with tokens: whatever is read, putting a proof in leaves the
//! record that the golden token has, and is found again; nothing in a PDF makes the reader fail.

#![no_main]

use std::sync::LazyLock;

use ishibumi::evidence::embed::embed;
use ishibumi::evidence::pdf;
use ishibumi_artifact::unsigned::{embedded_proofs, signature_timestamps, with_proofs};
use ishibumi_artifact::{Anchors, ArtifactType, Certificate, Record, TimestampToken, record_of};
use libfuzzer_sys::fuzz_target;

const PROOF: &[u8] = include_bytes!("../../testdata/embedded/token.tlog-proof");

static TRUTH: LazyLock<(Anchors, Record)> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    let anchors = Anchors::from_certificates([read(include_bytes!("../../testdata/records/root.crt"))])
        .with_intermediates([read(include_bytes!("../../testdata/records/issuing.crt"))])
        .with_memo(1_000);
    let token = include_bytes!("../../testdata/records/token.tst");
    let record = record_of(ArtifactType::TimestampToken, token, &anchors).unwrap();
    (anchors, record)
});

fuzz_target!(|bytes: &[u8]| {
    let found = pdf::tokens(bytes);
    assert!(found.looked_at <= 4 * bytes.len() as u64 + 8);
    found.imprints(bytes);
    for token in &found.tokens {
        let mut same = bytes.to_vec();
        pdf::put_token(&mut same, &token.coverage, &[]).unwrap();
        assert_eq!(token.coverage.pieces(&same), token.coverage.pieces(bytes));
    }
    let _ = signature_timestamps(bytes);
    let Ok(before) = embedded_proofs(bytes) else { return };
    let Ok(written) = embed(bytes, PROOF, false) else { return };
    let after = embedded_proofs(&written).unwrap();
    assert!(after.iter().any(|proof| proof == PROOF));
    assert!(before.iter().all(|proof| after.contains(proof)));
    let bare = with_proofs(&written, &[]).unwrap();
    assert_eq!(with_proofs(&bare, &after).unwrap(), written);
    let (anchors, record) = &*TRUTH;
    let of = |octets: &[u8]| TimestampToken::parse(octets).unwrap().verify(anchors);
    match (of(bytes), of(&written)) {
        (Ok(one), Ok(other)) => assert_eq!((one.record(), other.record()), (record, record)),
        (Err(one), Err(other)) => assert_eq!(one, other),
        (one, other) => panic!("{one:?} and {other:?}"),
    }
});
