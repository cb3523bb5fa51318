//! A TSA's token over one of the log's own checkpoints (kind 10).
//!
//! For a reader that trusts a TSA rather than a witness: the token says that the tree of the
//! checkpoint existed. The record holds the token itself, since it is public and small, so that
//! every copy of the log carries it. The stamped text: docs/formats/checkpoint-token.md. Layout:
//! docs/formats/record.md.

use ishibumi_tlog::Checkpoint;

use super::codec::{Cursor, Opaque, RecordError, Writer};

/// Longest checkpoint text, in octets.
pub const CHECKPOINT_TEXT_MAX: usize = 512;

/// Longest token, in octets.
pub const ANCHOR_TOKEN_MAX: usize = 64_000;

/// Body of kind 10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointAnchor {
    checkpoint: Checkpoint,
    token: Opaque<1, ANCHOR_TOKEN_MAX>,
}

impl CheckpointAnchor {
    /// `token`, 1 to [`ANCHOR_TOKEN_MAX`] octets: the DER of the ContentInfo, whose imprint is that
    /// of the checkpoint's text. It is not verified here.
    ///
    /// # Errors
    /// [`RecordError::Bounds`] if the token is longer, or the text of the checkpoint longer than
    /// [`CHECKPOINT_TEXT_MAX`]; [`RecordError::Checkpoint`] if its origin is not one line, or
    /// it has extension lines.
    pub fn new(checkpoint: Checkpoint, token: &[u8]) -> Result<Self, RecordError> {
        let text: Opaque<1, CHECKPOINT_TEXT_MAX> = Opaque::new("checkpoint", checkpoint.to_text())?;
        // Made by hand, it may have an origin that is no line.
        if read_back(text.as_bytes()).as_ref() != Some(&checkpoint) {
            return Err(RecordError::Checkpoint);
        }
        Ok(Self {
            checkpoint,
            token: Opaque::new("token", token)?,
        })
    }

    /// The checkpoint: origin, size and root.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The token over the checkpoint's text.
    pub fn token(&self) -> &[u8] {
        self.token.as_bytes()
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.prefixed(self.checkpoint.to_text().as_bytes(), CHECKPOINT_TEXT_MAX);
        out.opaque(&self.token);
    }

    pub(crate) fn read(fields: &mut Cursor<'_>) -> Result<Self, RecordError> {
        let octets: Opaque<1, CHECKPOINT_TEXT_MAX> = fields.opaque("checkpoint")?;
        Ok(Self {
            checkpoint: read_back(octets.as_bytes()).ok_or(RecordError::Checkpoint)?,
            token: fields.opaque("token")?,
        })
    }
}

/// The checkpoint whose text these octets are, if it has no extension lines, as those of our logs.
fn read_back(octets: &[u8]) -> Option<Checkpoint> {
    let text = str::from_utf8(octets).ok()?;
    let checkpoint = Checkpoint::parse(text).ok()?;
    (checkpoint.extensions.is_empty() && checkpoint.to_text() == text).then_some(checkpoint)
}
