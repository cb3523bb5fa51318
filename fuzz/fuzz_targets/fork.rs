//! Fork evidence: one spelling, and nothing but what the golden log signed convicts it.

#![no_main]

use std::sync::LazyLock;

use ishibumi_tlog::fork::{Evidence, Verdict};
use libfuzzer_sys::fuzz_target;

static GOLDEN: LazyLock<[Evidence; 2]> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Evidence::parse(bytes).unwrap();
    [
        read(include_bytes!("../../testdata/fork/same-size.fork")),
        read(include_bytes!("../../testdata/fork/prefix.fork")),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(evidence) = Evidence::parse(bytes) else { return };
    assert_eq!(evidence.encode().as_bytes(), bytes);
    if let Ok(Verdict::Proven { .. }) = evidence.check(GOLDEN[0].keys()) {
        // Two of the golden notes, in any pair that contradicts itself.
        let signed: Vec<&str> = GOLDEN
            .iter()
            .flat_map(|golden| [golden.first().text(), golden.second().text()])
            .collect();
        assert!(signed.contains(&evidence.first().text()));
        assert!(signed.contains(&evidence.second().text()));
        assert_ne!(evidence.first().text(), evidence.second().text());
    }
});
