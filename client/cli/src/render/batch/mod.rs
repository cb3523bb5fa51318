//! A [`Batch`](crate::batch::Batch) as CSV and JSON for programs, as HTML and PDF for people
//! (`docs/formats/batch-report.md`).

mod csv;
mod html;
mod json;
mod pdf;
mod words;

pub use csv::csv;
pub use html::html;
pub use json::json;
pub use pdf::pdf;
pub use words::summary_text;
