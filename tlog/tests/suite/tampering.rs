//! Ways to spoil a proof.

use ishibumi_tlog::Hash;

/// The hash with one bit flipped.
pub(crate) fn flipped(hash: Hash, bit: usize) -> Hash {
    let mut octets = hash.0;
    octets[bit / 8] ^= 1 << (bit % 8);
    Hash(octets)
}

/// Proofs that differ from `proof`: each hash flipped, dropped, doubled, swapped with each other
/// one, and hashes put before, after, or instead of everything.
pub(crate) fn spoiled(proof: &[Hash], root: Hash) -> Vec<Vec<Hash>> {
    let mut out = Vec::new();
    let mut change = |edit: &dyn Fn(&mut Vec<Hash>)| {
        let mut copy = proof.to_vec();
        edit(&mut copy);
        out.push(copy);
    };
    for at in 0..proof.len() {
        for bit in [0, 7, 100, 255] {
            change(&|p| p[at] = flipped(p[at], bit));
        }
        change(&|p| p[at] = root);
        change(&|p| p[at] = Hash([0; 32]));
        change(&|p| p.truncate(at));
        change(&|p| {
            p.remove(at);
        });
        change(&|p| p.insert(at, p[at]));
        for other in 0..at {
            change(&|p| p.swap(at, other));
        }
    }
    for extra in [Hash([0; 32]), root] {
        change(&|p| p.push(extra));
        change(&|p| p.insert(0, extra));
    }
    change(&|p| p.extend(vec![root; 64]));
    out.retain(|copy| copy != proof);
    out
}
