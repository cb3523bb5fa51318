//! What `ishibumi-artifact` promises, on artifacts by OpenSSL and on crafted ones.
//!
//! One program, so that everything is linked once. Other people's suites (`corpus`, `pkits`,
//! `suites`) are programs of their own: they print tables, and without their data they test
//! nothing.

mod algorithms;
mod budget;
mod certificates_and_lists;
mod constraints;
mod ed25519;
mod evidence_records;
mod fields;
mod history;
mod marked;
mod names;
mod path_search;
mod paths;
mod queries;
mod rate;
mod records;
mod revocation;
mod shape;
mod status_order;
mod status_quirks;
mod status_signers;
mod support;
mod tokens;
mod vectors;
