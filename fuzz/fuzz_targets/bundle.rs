//! Entry bundles: octets that decode are encoded back, and only under their own width.

#![no_main]

use ishibumi_tlog::tile::{decode_bundle, encode_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (width, bytes) = input;
    if let Ok(entries) = decode_bundle(width, bytes) {
        assert_eq!(entries.len(), usize::from(width));
        assert_eq!(encode_bundle(&entries).as_deref(), Ok(bytes));
        assert!(decode_bundle(width + 1, bytes).is_err());
        assert!(decode_bundle(width - 1, bytes).is_err());
    }
});
