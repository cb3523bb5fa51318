//! The part of a transparency log that is pure mathematics and text: RFC 6962 trees, C2SP tiles,
//! proofs, signed notes, checkpoints, cosignatures, policies and `tlog-proof` files.
//!
//! Nothing here has a clock, a disk, a network or a thread. Time, keys and stored hashes come in as
//! values; what leaves is either bytes to be published or a value of a type that only a successful
//! verification can build ([`TrustedCheckpoint`], [`policy::Policy::check_proof`]'s
//! [`ProvenLeaf`]). The log, the witness, the auditor and the offline verifier all use this one
//! implementation.
//!
//! Provers and checkers come in pairs:
//!
//! | makes | checks |
//! | --- | --- |
//! | [`tree::prove_inclusion`] | [`tree::check_inclusion`] |
//! | [`tree::prove_multi_inclusion`] | [`tree::check_multi_inclusion`] |
//! | [`tree::prove_consistency`] | [`tree::check_consistency`] |
//! | [`tree::prove_subtree_inclusion`] | [`tree::check_subtree_inclusion`] |
//! | [`tree::prove_subtree_consistency`] | [`tree::check_subtree_consistency`] |
//! | [`cosignature::Cosigner::sign_subtree`] | [`cosignature::check_subtree`] |
//! | [`key::NoteSigner`], [`cosignature::Cosigner`] | [`key::VerifierKey`], [`note::Note::verify`] |
//! | [`proof::TlogProof::encode`] | [`policy::Policy::check_proof`] |
//! | [`protocol::add_entries::Package::prove`] | [`protocol::add_entries::Package::check`] |
//! | [`fork::Evidence::new`], [`fork::Evidence::with_prefix`] | [`fork::Evidence::check`] |
//! | [`multiproof::Multiproof::merge`], [`multiproof::Multiproof::encode`] | [`policy::Policy::check_multiproof`] |
//! | [`protocol::AddCheckpoint::encode`], [`protocol::SignSubtree::encode`] | their `parse` |
//!
//! Sizes and indices are `u64`; everything that grows with foreign input has a limit named by a
//! constant in the module that reads it.
//!
//! # Example
//!
//! A tree of three records, and the proof that the second is in it:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use ishibumi_tlog::Hash;
//! use ishibumi_tlog::hash::leaf_hash;
//! use ishibumi_tlog::tree::{Frontier, NodeReader, check_inclusion, prove_inclusion};
//!
//! #[derive(Default)]
//! struct Nodes(HashMap<(u8, u64), Hash>);
//!
//! impl NodeReader for Nodes {
//!     type Error = &'static str;
//!
//!     fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
//!         self.0.get(&(level, index)).copied().ok_or("no such node")
//!     }
//! }
//!
//! let (mut tree, mut nodes) = (Frontier::new(), Nodes::default());
//! for record in ["one", "two", "three"] {
//!     tree.append(leaf_hash(record.as_bytes()), |level, index, hash| {
//!         nodes.0.insert((level, index), hash);
//!     });
//! }
//! let proof = prove_inclusion(&nodes, 1, 3)?.ok_or("no such record")?;
//! let root = tree.root();
//! assert_eq!(check_inclusion(leaf_hash(b"two"), 1, 3, root, &proof), Ok(()));
//! assert!(check_inclusion(leaf_hash(b"2"), 1, 3, root, &proof).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod checkpoint;
pub mod cosignature;
mod cosigned;
mod decimal;
pub mod fault;
pub mod foreign;
pub mod fork;
pub mod hash;
pub mod key;
pub mod log_list;
pub mod multiproof;
pub mod note;
pub mod policy;
pub mod proof;
pub mod protocol;
pub mod shown;
pub mod tile;
pub mod tree;

pub use checkpoint::Checkpoint;
pub use hash::Hash;
pub use policy::{Policy, ProvenLeaf, TrustedCheckpoint};
