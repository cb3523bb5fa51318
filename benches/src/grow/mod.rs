//! How a log behaves while it grows: one row of figures for each step, up to as many records as
//! wanted.
//!
//! A log that is fast at a million records says nothing about one of fifty million: the index that
//! is searched before each write (the leaf hashes of all records) lies on disk and in caches that
//! do not grow with it. So the figure is a curve. It is made with the log's own write path, in this
//! process (`inside`) or over HTTP against a log that runs (`outside`).

mod inside;
mod options;
mod outside;
mod plot;
mod table;

use crate::error::LoadError;
use table::Table;

pub use options::{GrowOptions, Shape};
pub use plot::{Series, plot};
pub use table::Row;

/// Grows a log as `options` say; `progress` sees each row.
///
/// # Errors
/// [`LoadError`] if it cannot begin or cannot go on.
pub fn grow(options: &GrowOptions, progress: impl FnMut(&Row)) -> Result<(), LoadError> {
    if let Some(svg) = &options.svg {
        let fail = |error: std::io::Error| LoadError::Usage(format!("{}: {error}", svg.display()));
        return std::fs::write(svg, plot(&options.plot)?).map_err(fail);
    }
    let dir = options.dir.as_deref();
    let dir = dir.ok_or_else(|| LoadError::Usage("--dir is missing".to_owned()))?;
    let mut table = Table::new(&options.csv, progress)?;
    match &options.log {
        Some(log) => outside::grow(options, log, dir, &mut table),
        None => inside::grow(options, dir, &mut table),
    }
}
