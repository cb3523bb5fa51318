//! Every node of a tree, in memory: what the provers read from in these tests.

use std::convert::Infallible;

use ishibumi_tlog::Hash;
use ishibumi_tlog::tree::NodeReader;

use super::oracle;

/// All complete nodes over some leaves, by level.
pub(crate) struct Nodes(Vec<Vec<Hash>>);

impl Nodes {
    pub(crate) fn over(leaves: &[oracle::H]) -> Self {
        let mut levels = vec![leaves.to_vec()];
        while levels.last().unwrap().len() > 1 {
            let below = levels.last().unwrap();
            let pairs = below.as_chunks::<2>().0;
            levels.push(pairs.iter().map(|&[l, r]| oracle::node(l, r)).collect());
        }
        let hashes = |level: Vec<oracle::H>| level.into_iter().map(Hash).collect();
        Self(levels.into_iter().map(hashes).collect())
    }

    pub(crate) fn leaf(&self, index: u64) -> Hash {
        self.0[0][usize::try_from(index).unwrap()]
    }

    /// The nodes of the tree of the first `size` leaves, and no others.
    pub(crate) fn first(&self, size: u64) -> Prefix<'_> {
        Prefix { nodes: self, size }
    }
}

/// A view that fails the test when a prover asks for a node that its tree does not have yet.
pub(crate) struct Prefix<'a> {
    nodes: &'a Nodes,
    size: u64,
}

impl NodeReader for Prefix<'_> {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        assert!(
            (index + 1) << level <= self.size,
            "node ({level}, {index}) is not complete in a tree of {} leaves",
            self.size
        );
        Ok(self.nodes.0[usize::from(level)][usize::try_from(index).unwrap()])
    }
}

/// `count` distinct leaf hashes.
pub(crate) fn leaves(count: u64) -> Vec<oracle::H> {
    (0..count).map(|i| oracle::leaf(&i.to_be_bytes())).collect()
}

/// Plain octets of a list of hashes, as the oracle has them.
pub(crate) fn plain(hashes: &[Hash]) -> Vec<oracle::H> {
    hashes.iter().map(|hash| hash.0).collect()
}
