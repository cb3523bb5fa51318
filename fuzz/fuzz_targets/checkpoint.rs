//! Checkpoint texts: one checkpoint has one text.

#![no_main]

use ishibumi_tlog::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_text(), text);
        assert!(checkpoint.size <= 1 << 63);
        let _ = checkpoint.check_empty_root();
    }
});
