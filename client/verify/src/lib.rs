//! The offline verifier: artifact, proof, policy and anchors in, a [`Report`] out.
//!
//! It has no clock: the only times are those that witnesses and issuers signed and, if the caller
//! states it, the present time, so that a list dated tomorrow is not believed today. The order of
//! the checks is fixed (`docs/verdicts.md`): the proof file; the checkpoint's log signature and
//! quorum; the artifact by the rules of admission, which is the only code that makes a record;
//! inclusion of that record; tokens over checkpoints; then the artifact's rules at the proven time,
//! the document, and revocation. Every step that was reached is in the report. A proof that is
//! shown to be false ends the verification; after any other failed step the remaining steps are
//! still done, as far as possible.
//!
//! What is not promised: that the issuer told the truth. The report says who claims what.
//!
//! # Example
//!
//! ```no_run
//! use ishibumi_artifact::{Anchors, Certificate};
//! use ishibumi_tlog::Policy;
//! use ishibumi_verify::{Evidence, RevocationData, Verifier};
//!
//! let policy = Policy::parse(&std::fs::read("policy.txt")?)?;
//! let anchors = Anchors::from_certificates([Certificate::parse(&std::fs::read("root.crt")?)?]);
//! let (token, proof) = (std::fs::read("contract.tst")?, std::fs::read("contract.tlog-proof")?);
//! let list = std::fs::read("ca.crl")?;
//! let lists = [RevocationData::new("ca.crl", &list)];
//! let mut document = std::fs::File::open("contract.pdf")?;
//!
//! let verifier = Verifier::builder(&policy, &anchors).build();
//! let evidence = Evidence::new(&token, &proof)
//!     .document(&mut document)
//!     .revocation(&lists);
//! match verifier.verify(evidence)?.into_proven() {
//!     Ok(proven) => println!("existed before {:?}", proven.existence()),
//!     Err(report) => println!("{}", report.indication().word()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod answers;
mod consult;
mod document;
mod existence;
mod facts;
mod given;
mod in_pdf;
mod judge;
mod memo;
mod parts;
mod pdf;
mod proven;
mod renewal;
mod report;
mod revocation;
mod role;
mod rules;
mod sources;
mod verifier;

pub use answers::Answer;
pub use existence::CheckpointToken;
pub use given::{GivenProof, RevocationData};
pub use in_pdf::{Extent, InPdf, Pdf};
pub use judge::Evidence;
pub use parts::{
    AboutDocument, AnswerFacts, Asked, CertificateFacts, Check, ConsultedInformation,
    ConsultedToken, Existence, Facts, Indication, InformationFacts, IssuerState, ListFacts,
    Outcome, ProvenBy, ResponseFacts, Revocation, RevocationKnown, StampedCheckpoint, Statement,
    Step, SubIndication, Witnessed,
};
pub use proven::{Existed, Proven, Valid};
pub use renewal::{RenewalFacts, RenewalReport};
pub use report::Report;

pub use role::{Consequence, Role};
pub use verifier::{RevocationRule, Verifier, VerifierBuilder, VerifyError, Work};
