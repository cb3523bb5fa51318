//! What the library, and the binary `ishibumi`, promise: each defence beside the good input that
//! passes.
//!
//! One program, so that everything is linked once. A test that needs a process of its own (a
//! counter of the process, its environment) would be a program of its own, and say why in its first
//! line.

mod anchors;
#[path = "../../../../artifact/tests/suite/support/mod.rs"]
mod artifacts;
mod audit;
mod batch;
mod batch_pdf;
mod beside;
mod chain;
mod cli;
mod embedded;
mod evidence;
mod evidence_attacks;
mod evidence_figures;
mod evidence_golden;
mod evidence_memory;
mod fork;
mod japanese;
mod kept;
mod left_out;
mod misissue;
mod misuse;
mod monitor;
mod mutations;
mod network;
mod not_understood;
mod pdf;
mod policy;
mod renewal;
mod renewal_attacks;
mod revocation;
mod sha1;
mod sources;
mod special_files;
mod standing;
mod succession;
mod support;
mod suspects;
mod terminal;
mod verify;
mod watch;
