//! What has to be known of a token whose document is a PDF: a PDF goes on growing, and what a time-stamp
//! covers is one version of it.

use super::document;
use super::report::{Outcome, Report, Step, SubIndication};

/// How what a time-stamp covers stands to the whole PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It reaches to the end of the file.
    Whole,
    /// Octets follow that neither it covers nor another document timestamp in the file.
    ChangedLater,
    /// Octets follow, and the document timestamp of this number covers the file to its end.
    CoveredLater(usize),
}

impl Extent {
    /// Stable name in JSON, kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole-file",
            Self::ChangedLater => "changed-later",
            Self::CoveredLater(_) => "covered-later",
        }
    }
}

/// A time-stamp inside of a PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InPdf {
    /// Its number, from 1, in the order of the file.
    pub number: usize,
    /// Whether it stamps a signature in the PDF, and not the PDF.
    pub over_signature: bool,
    /// How many octets of the file it covers, or the signature that it stamps.
    pub covered: usize,
    /// How many octets the file has.
    pub length: usize,
    /// Whether there is more in the file.
    pub extent: Extent,
    /// Whether what is stamped, or signed, are the octets that it covers; none if that cannot be told.
    pub holds: Option<bool>,
}

/// What a document has to do with a PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pdf {
    /// The token stands in it.
    Inside(InPdf),
    /// The document is what a time-stamp in a PDF covers, cut out of it: one version of the PDF.
    CutOut,
}

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
        for check in &mut self.checks {
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
