//! What has to be known of a token whose document is a PDF: a PDF goes on growing, and what a time-stamp
//! covers is one version of it.

use super::document;
use super::in_pdf::{Extent, InPdf, Pdf};
use super::parts::{Outcome, Step, SubIndication};
use super::report::Report;

impl Report {
    /// What the document has to do with a PDF, if it has.
    pub const fn pdf(&self) -> Option<Pdf> {
        self.pdf
    }

    /// The report with what is known of the PDF.
    #[must_use]
    pub fn with_pdf(mut self, pdf: Pdf) -> Self {
        self.pdf = Some(pdf);
        self
    }

    /// The report about a token that stands in a PDF and was verified without a document: the octets that
    /// it covers there are its document. Nothing of `inside` is looked at here: whoever calls it looked.
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
        for check in &mut self.noted.checks {
            if check.step == Step::Document {
                check.outcome = outcome;
                detail.clone_into(&mut check.detail);
            }
        }
        // What the report said of a document holds no longer, whatever it was.
        self.found.document = document::in_pdf(outcome);
        self.with_pdf(Pdf::Inside(inside))
    }
}
