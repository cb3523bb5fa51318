//! ZIP volumes of archives: whatever opens has known names only, every entry can be read, and all
//! of them together are shorter than the file. Checksums are not compared here (`cfg(fuzzing)`), so
//! that changes get past them.

#![no_main]

use std::io::Cursor;

use ishibumi_archive::{Volume, names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(volume) = Volume::open(Cursor::new(bytes)) else {
        return;
    };
    let mut total = 0;
    for name in volume.names() {
        assert!(names::is_known(name) && !name.contains(".."));
        total += volume.read(name, bytes.len()).unwrap().unwrap().len();
    }
    assert!(total < bytes.len());
});
