//! HTTP batches: every octet is accounted for, and no item is longer than what is there.
//!
//! The log's own reader, taken as a file, so that a target needs neither server nor database.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "what the server needs of it is more")]
#[path = "../../log-server/src/http/batch.rs"]
mod batch;
#[allow(dead_code, reason = "what the server needs of it is more")]
#[path = "../../log-server/src/kind.rs"]
mod kind;

fuzz_target!(|input: (u8, &[u8])| {
    let (most, octets) = input;
    let body = Bytes::copy_from_slice(octets);
    let Ok(items) = batch::read_batch(&body, usize::from(most)) else { return };
    assert!((1..=usize::from(most)).contains(&items.len()));
    let mut again = Vec::new();
    for (_, item) in &items {
        // The octet of the type: a kind that was read has no way back to it.
        again.push(octets[again.len()]);
        again.extend(u32::try_from(item.len()).unwrap().to_be_bytes());
        again.extend_from_slice(item);
    }
    assert_eq!(again, octets);
});
