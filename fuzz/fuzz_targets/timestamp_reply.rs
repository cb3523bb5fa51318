//! Replies of a TSA: whatever comes, it answers a query only if it holds the golden token, with the query's
//! imprint and nonce. The first eight octets are the query's randomness.

#![no_main]

use std::sync::LazyLock;

use ishibumi_artifact::{Anchors, Certificate, TimestampQuery, TimestampToken};
use libfuzzer_sys::fuzz_target;

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    Anchors::from_certificates([read(include_bytes!("../../testdata/records/root.crt"))])
        .with_intermediates([read(include_bytes!("../../testdata/records/issuing.crt"))])
        .with_memo(1_000)
});

fuzz_target!(|bytes: &[u8]| {
    let Some((random, reply)) = bytes.split_first_chunk::<8>() else { return };
    let golden = include_bytes!("../../testdata/records/token.tst");
    let golden = TimestampToken::parse(golden).unwrap().verify(&ANCHORS).unwrap();
    let query = TimestampQuery::over_digest(golden.imprint_algorithm(), golden.imprint(), *random).unwrap();
    let gen_time = golden.gen_time().time();
    if let Ok(granted) = query.check(reply, &ANCHORS, (gen_time, gen_time)) {
        assert_eq!(granted.verified.record(), golden.record());
        assert_eq!(granted.verified.imprint(), golden.imprint());
        assert!(granted.verified.nonce().is_some());
        assert!(reply.len() > granted.token.len());
    }
});
