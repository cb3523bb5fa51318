//! The facts to report about a token whose document is a PDF: a PDF can grow, and a time-stamp
//! covers one version of it.

use super::document;
use super::in_pdf::{Extent, InPdf, Pdf};
use super::parts::{Outcome, Step, SubIndication};
use super::report::Report;

impl Report {
    /// How the document relates to a PDF; `None` if it does not.
    pub const fn pdf(&self) -> Option<Pdf> {
        self.pdf
    }

    /// Adds to the report how the document relates to a PDF.
    #[must_use]
    pub fn with_pdf(mut self, pdf: Pdf) -> Self {
        self.pdf = Some(pdf);
        self
    }

    /// Turns the report about a token that stands in a PDF and was verified without a document into
    /// one whose document is the octets that it covers there. `inside` is taken as true: the caller
    /// has checked it. A document that was compared stays what it was found to be.
    #[must_use]
    pub fn inside_pdf(mut self, inside: InPdf) -> Self {
        let outcome = match (inside.over_signature, inside.holds) {
            (true, _) | (_, None) => Outcome::NotChecked,
            (false, Some(false)) => Outcome::Failed(SubIndication::HashFailure),
            (false, Some(true)) if inside.extent == Extent::ChangedLater => {
                Outcome::Failed(SubIndication::Generic)
            }
            (false, Some(true)) => Outcome::Passed,
        };
        let detail = match outcome {
            Outcome::Passed => "the octets of the PDF that it covers are those stamped",
            Outcome::Failed(SubIndication::Generic) => {
                "an earlier version of the PDF was stamped; what was added later no time-stamp in it covers"
            }
            Outcome::Failed(_) => "the octets of the PDF that it covers are not those stamped",
            Outcome::NotChecked if inside.over_signature => {
                "it stamps a signature in the PDF, not the PDF itself"
            }
            Outcome::NotChecked => "the octets of the PDF that it covers cannot be compared",
        };
        if self.outcome(Step::Document) != Some(Outcome::NotChecked) {
            return self.with_pdf(Pdf::Inside(inside));
        }
        for check in &mut self.noted.checks {
            if check.step == Step::Document {
                check.outcome = outcome;
                detail.clone_into(&mut check.detail);
            }
        }
        // The report's earlier answer about a document no longer holds.
        self.found.document = document::in_pdf(outcome);
        self.with_pdf(Pdf::Inside(inside))
    }
}
