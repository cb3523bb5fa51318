//! Lists of logs: lines are numbered in order, and a usable entry has a log's key under its own
//! name.

#![no_main]

use ishibumi_tlog::key::{SignatureType, VerifierKey};
use ishibumi_tlog::log_list;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(entries) = log_list::parse(bytes) else { return };
    assert!(entries.is_sorted_by(|a, b| a.line < b.line));
    for entry in entries {
        if let Ok(key) = entry.key {
            assert_eq!(entry.vkey.parse::<VerifierKey>().as_ref(), Ok(&key));
            assert_ne!(key.kind(), SignatureType::CosignatureV1);
        }
    }
});
