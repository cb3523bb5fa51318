//! Whole-system tests: what providers, operators, witnesses, mirrors and relying parties do with
//! real programs, and what happens to them when disks, machines and people fail. They are written
//! with `ishibumi_tests`.

mod admission;
mod anchors;
mod archive;
mod bad_input;
mod clones;
mod closing;
mod crash;
mod damage;
mod disk;
mod end_to_end;
mod erasure;
mod examples;
mod first_steps;
mod least;
mod liars;
mod library;
mod limits;
mod long_list;
mod mirror;
mod mirror_quorum;
mod operator;
mod out_folder;
mod private;
mod provider_end;
mod quorum;
mod recover;
mod registry;
mod revocation;
mod rollback;
mod snapshots;
mod submit;
mod succession;
mod suspicion;
