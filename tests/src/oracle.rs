//! RFC 6962 section 2.1, word for word: a second opinion that shares no code with the `tlog` room.

use sha2::{Digest as _, Sha256};

/// The hash of a leaf.
pub fn leaf(entry: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update([0])
        .chain_update(entry)
        .finalize()
        .into()
}

/// MTH of the given leaf hashes.
pub fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            let hasher = Sha256::new().chain_update([1]).chain_update(root(left));
            hasher.chain_update(root(right)).finalize().into()
        }
    }
}
