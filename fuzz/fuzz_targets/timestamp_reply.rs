//! Replies of a TSA: whatever comes, it answers a query only if it holds the golden token, and the
//! query has that token's nonce. The first eight octets are the query's randomness.

#![no_main]

use std::sync::LazyLock;

use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::{Anchors, Certificate, TimestampQuery, TimestampToken, VerifiedToken};
use libfuzzer_sys::fuzz_target;

static TRUTH: LazyLock<(Anchors, VerifiedToken)> = LazyLock::new(|| {
    let root = include_bytes!("../../testdata/timestamp-reply/ca.crt");
    let anchors = Anchors::from_certificates([Certificate::parse(root).unwrap()]).with_memo(1_000);
    let reply = include_bytes!("../../testdata/timestamp-reply/reply.tsr");
    let golden = TimestampToken::parse(reply).unwrap().verify(&anchors).unwrap();
    (anchors, golden)
});

fuzz_target!(|bytes: &[u8]| {
    let Some((random, reply)) = bytes.split_first_chunk::<8>() else { return };
    let (anchors, golden) = &*TRUTH;
    let query = TimestampQuery::over(HashAlgorithm::Sha256, b"a contract", *random).unwrap();
    let gen_time = golden.gen_time().time();
    if let Ok(granted) = query.check(reply, anchors, (gen_time, gen_time)) {
        assert_eq!(granted.verified.record(), golden.record());
        let nonce = golden.nonce().unwrap();
        assert!(query.to_der().windows(nonce.len()).any(|it| it == nonce));
        assert!(reply.len() > granted.token.len());
    }
});
