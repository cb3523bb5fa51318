//! Records: one record has one encoding, and its lookup keys depend on nothing else.

#![no_main]

use ishibumi_artifact::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = Record::decode(bytes) else { return };
    assert_eq!(record.encode(), bytes);
    let keys = record.lookup_keys();
    let again = Record::decode(bytes).unwrap();
    assert_eq!(again, record);
    assert_eq!(again.lookup_keys(), keys);
});
