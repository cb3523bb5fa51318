//! RFC 6962 section 2.1, word for word: a second opinion that shares no code with the crate `tlog`.

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

#[cfg(test)]
mod tests {
    use super::{leaf, root};

    /// The tree that RFC 6962's first implementation published as its test vector.
    #[test]
    fn the_oracle_knows_the_published_roots() {
        let leaves: Vec<[u8; 32]> = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .map(|octets| leaf(&hex::decode(octets).expect("hexadecimal")))
        .to_vec();
        let known = [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                3,
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ];
        for (size, expected) in known {
            assert_eq!(hex::encode(root(&leaves[..size])), expected, "size {size}");
        }
    }
}
