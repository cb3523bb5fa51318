//! Requests to a witness and its answers: one spelling, limits kept.

#![no_main]

use ishibumi_tlog::protocol::{
    AddCheckpoint, PROOF_LINES_MAX, SignSubtree, encode_signatures, encode_size, parse_signatures,
    parse_size,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.encode().as_bytes(), bytes);
        assert!(request.proof.len() <= PROOF_LINES_MAX);
    }
    if let Ok(request) = SignSubtree::parse(bytes) {
        assert_eq!(request.encode().as_bytes(), bytes);
        assert!(request.proof.len() <= PROOF_LINES_MAX && !request.subtree.is_empty());
        assert!(request.subtree.end() <= request.checkpoint.size);
    }
    if let Ok(lines) = parse_signatures(bytes) {
        assert_eq!(encode_signatures(&lines).as_bytes(), bytes);
    }
    if let Ok(size) = parse_size(bytes) {
        assert_eq!(encode_size(size).as_bytes(), bytes);
    }
});
