//! `text/x.tlog.mirror-info` (C2SP tlog-mirror): how far a mirror is, in the body of a 409 or a
//! 202.
//!
//! ```text
//! <tree size of a pending checkpoint>
//! <next entry>
//! <base64 of a ticket, may be empty>
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::add_entries::FIELD_LEN_MAX;
use crate::decimal;

/// The `Content-Type` of the body.
pub const CONTENT_TYPE: &str = "text/x.tlog.mirror-info";

/// The longest body that is read, in octets: two numbers of 20 digits and the longest ticket.
pub const BODY_LEN_MAX: usize = 2 * 21 + FIELD_LEN_MAX.div_ceil(3) * 4 + 1;

/// How many entries of one log a mirror has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorInfo {
    /// The tree size of a pending checkpoint: the `upload_end` to send.
    pub size: u64,
    /// Index of the first entry that the mirror lacks: the `upload_start` to send.
    pub next: u64,
    /// The ticket to send with the next upload.
    pub ticket: Vec<u8>,
}

impl MirrorInfo {
    /// Reads a body; `None` for any spelling but the one that [`Self::encode`] writes.
    pub fn parse(body: &[u8]) -> Option<Self> {
        if body.len() > BODY_LEN_MAX {
            return None;
        }
        let text = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        let (size, next, ticket) = (lines.next()?, lines.next()?, lines.next()?);
        let ticket = STANDARD.decode(ticket).ok()?;
        (lines.next().is_none() && ticket.len() <= FIELD_LEN_MAX).then_some(())?;
        Some(Self {
            size: decimal::parse(size)?,
            next: decimal::parse(next)?,
            ticket,
        })
    }

    /// The body.
    pub fn encode(&self) -> String {
        let ticket = STANDARD.encode(&self.ticket);
        format!("{}\n{}\n{ticket}\n", self.size, self.next)
    }
}
