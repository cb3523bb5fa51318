//! Succession: a log that continues another one, proven offline (docs/formats/succession.md).
//!
//! A [`Link`] holds untrusted input: record 0 of the successor, and records that close its
//! predecessor, each with its proof. [`Link::verify`] makes a [`Succession`] of it: which log
//! continues which, from which tree, and how the old log ended. Each log is judged under its own
//! policy, with its own quorum.
//!
//! A link explains and accuses; it never proves. No evidence of the old log is worth more because
//! of it: nothing here hands out a checkpoint or a leaf. It can show that two statements which the
//! verifier trusts cannot both be true ([`Finding`]).

mod link;
mod outcome;

pub use ishibumi_artifact::end::{End, EndError};
pub use ishibumi_evidence::{CHAIN_MAX, Policies, PoliciesError};
pub use link::{Link, links_among, named_predecessor};
pub use outcome::{Finding, LinkError, Standing, Succession};
