//! What `ishibumi-tlog` promises, held against references that share no code with it, and attacked.
//!
//! `oracle` is RFC 6962 written down naively; `rs_merkle` is the second reference for roots and
//! audit paths (its verifier is unsound and decides nothing). Every attack has the untouched input
//! beside it, which has to pass.

// `m`, `n`, `k`, `d` and `b` are the names of RFC 6962, which the oracle is a copy of.
#![allow(clippy::many_single_char_names)]

mod big_sizes;
mod consistency;
mod cosignatures;
mod forks;
mod golden;
mod growth;
mod inclusion;
mod keys;
mod log_lists;
mod memory;
mod ml_dsa;
mod multi_inclusion;
mod multiproofs;
mod notes;
mod oracle;
mod oracle_reader;
mod policies;
mod proofs;
mod protocol;
mod quorum;
mod standing;
mod subtrees;
mod tampering;
mod tiles;
mod uploads;
mod world;
