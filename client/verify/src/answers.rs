//! The three answers of a report, kept apart: a different party answers for each, and each may be
//! in favour while another is not.
//!
//! *It existed in the log before T* is proven by the log and its witnesses. *It was valid by its
//! issuer's rules then, revocation included* rests on the issuer's signatures, lists and responses.
//! *It is about this document* is a comparison of octets that anybody can repeat. The verdict is in
//! favour if each answer that applies is in favour.

use super::parts::{
    AboutDocument, Asked, Check, Indication, Outcome, RevocationKnown, SubIndication,
};
use super::proven::{Existed, Valid};
use super::report::Report;

/// The answer to one of the questions; `T` is what is known if it is in favour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// Yes.
    InFavour(T),
    /// No: it is shown to be false.
    Against(SubIndication),
    /// What was given does not suffice to decide it.
    Open(SubIndication),
    /// The caller did not ask.
    NotAsked,
    /// The question does not apply to this kind of artifact.
    NotApplicable,
}

impl<T> Answer<T> {
    /// Stable name in JSON, kebab-case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InFavour(_) => "yes",
            Self::Against(_) => "no",
            Self::Open(_) => "open",
            Self::NotAsked => "not-asked",
            Self::NotApplicable => "not-applicable",
        }
    }

    /// Why the answer is not in favour; `None` if it is, or if the question was not asked or does
    /// not apply.
    pub const fn sub_indication(&self) -> Option<SubIndication> {
        match self {
            Self::Against(sub) | Self::Open(sub) => Some(*sub),
            Self::InFavour(_) | Self::NotAsked | Self::NotApplicable => None,
        }
    }
}

impl RevocationKnown {
    /// Stable name in JSON, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::NotAsked => "not-asked",
            Self::TrustedDirectly => "trusted-directly",
            Self::NotApplicable => "not-applicable",
        }
    }
}

impl Report {
    /// Whether the artifact existed in the log before T, which is [`Existed::existence`].
    pub fn existed(&self) -> Answer<&Existed> {
        self.answer(Asked::Existed, self.found.existed.as_deref())
    }

    /// Whether the artifact was valid by its issuer's rules then, revocation included.
    pub fn valid(&self) -> Answer<Valid> {
        self.answer(Asked::Valid, self.found.valid)
    }

    /// Whether the artifact is about the document.
    pub fn about_document(&self) -> Answer<()> {
        match self
            .found
            .document
            .map(super::document::DocumentHolds::about)
        {
            Some(AboutDocument::NotCompared) => Answer::NotAsked,
            Some(AboutDocument::NotApplicable) => Answer::NotApplicable,
            Some(AboutDocument::Compared) => self.answer(Asked::AboutDocument, Some(())),
            None => self.answer(Asked::AboutDocument, None),
        }
    }

    fn answer<T>(&self, asked: Asked, found: Option<T>) -> Answer<T> {
        let about = self
            .noted
            .checks
            .iter()
            .filter(|it| it.step.asked() == asked);
        let failed = Check::worst(&about).map(|check| check.outcome);
        match (failed, found) {
            (Some(Outcome::Failed(sub)), _) => match sub.indication() {
                Indication::TotalFailed => Answer::Against(sub),
                Indication::TotalPassed | Indication::Indeterminate => Answer::Open(sub),
            },
            (_, Some(found)) => Answer::InFavour(found),
            // A step that this answer needs was not reached.
            (_, None) => Answer::Open(SubIndication::Generic),
        }
    }
}
