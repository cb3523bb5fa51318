//! Checkpoints (C2SP tlog-checkpoint v1.0.0): origin, size and root of a log as a note text.

use std::fmt::Write as _;

use crate::decimal;
use crate::hash::{EMPTY_ROOT, Hash};
use crate::tree::SIZE_MAX;

/// The most extension lines that are read. Ishibumi writes none.
pub const EXTENSIONS_MAX: usize = 16;

/// The head of a log's tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// Name of the log, one non-empty line. Not checked here: code that fills it in has to.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree of that size (RFC 6962 section 2.1).
    pub root: Hash,
    /// Lines below the root. No log of ours has any and our witness refuses them; they are kept so
    /// that other logs' signatures can be checked.
    pub extensions: Vec<String>,
}

/// Why a note text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Fewer than three lines, an empty line, or no final newline.
    #[error("a checkpoint is at least three non-empty lines: origin, size, root")]
    Lines,
    /// The second line is no canonical decimal up to 2^63.
    #[error("the tree size {0:?} is not a decimal number up to 2^63 without leading zeros")]
    Size(String),
    /// The third line is no base64 of 32 octets.
    #[error("the root {0:?} is not the base64 of 32 octets")]
    Root(String),
    /// Size zero with another root than the empty tree's.
    #[error("size 0 has the root {0}, not the root of the empty tree")]
    EmptyRoot(Hash),
    /// More than [`EXTENSIONS_MAX`] extension lines.
    #[error("more than {EXTENSIONS_MAX} extension lines")]
    Extensions,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self {
            origin: origin.into(),
            size,
            root,
            extensions: Vec::new(),
        }
    }

    /// Reads a note text (C2SP tlog-checkpoint, "Note text"), but for the rule that size zero has
    /// the empty root: [`Self::check_empty_root`] is a step of its own, since a witness answers it
    /// with a status of its own.
    ///
    /// # Errors
    /// [`CheckpointError`]: the first line that is not as the format demands.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Lines);
        }
        if extensions.len() > EXTENSIONS_MAX {
            return Err(CheckpointError::Extensions);
        }
        let shown = |text: &str| text.chars().take(64).collect::<String>();
        let size = decimal::parse(size)
            .filter(|&size| size <= SIZE_MAX)
            .ok_or_else(|| CheckpointError::Size(shown(size)))?;
        let root = Hash::from_base64(root).ok_or_else(|| CheckpointError::Root(shown(root)))?;
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
            extensions,
        })
    }

    /// Checks that a checkpoint of size zero has the root of the empty tree.
    ///
    /// # Errors
    /// [`CheckpointError::EmptyRoot`] if it has another root.
    pub fn check_empty_root(&self) -> Result<(), CheckpointError> {
        if self.size == 0 && self.root != EMPTY_ROOT {
            return Err(CheckpointError::EmptyRoot(self.root));
        }
        Ok(())
    }

    /// The note text, with its final newline. Parsing it gives this checkpoint again.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            self.root.to_base64()
        );
        for line in &self.extensions {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{line}");
        }
        text
    }
}
