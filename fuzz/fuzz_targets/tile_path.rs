//! Tile paths: one tile has one path.

#![no_main]

use ishibumi_tlog::tile::TilePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(path) = TilePath::parse(text) {
        assert_eq!(path.to_string(), text);
        assert!((1..=256).contains(&path.width));
    }
});
