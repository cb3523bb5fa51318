//! Evidence of misbehaviour: two checkpoints of one log that cannot both be honest.
//!
//! A fork is proven to anybody who has the log's key: the log signed both. A rollback is not proof
//! by itself, since an old checkpoint is a valid one; the file says which source showed what.

use ishibumi_tlog::TrustedCheckpoint;

/// First line of the file.
const HEADER: &str = "ishibumi/audit-evidence/v1";

/// The contradiction between two checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// Neither of the two trees extends the other.
    Fork,
    /// A smaller tree was shown after a larger one.
    Rollback,
}

impl Misbehaviour {
    /// Its name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
        }
    }
}

/// Two checkpoints with their verified signatures, and the contradiction between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvidence {
    /// The kind of misbehaviour.
    pub misbehaviour: Misbehaviour,
    /// The checkpoint of the earlier visit.
    pub seen: TrustedCheckpoint,
    /// The checkpoint of this visit.
    pub shown: TrustedCheckpoint,
}

impl AuditEvidence {
    /// Whether `file` is evidence of the same misbehaviour: both checkpoints, each signed;
    /// cosignatures may differ.
    pub fn is_shown_by(&self, file: &[u8]) -> bool {
        let begins = format!("{HEADER}\n{}\n", self.misbehaviour.name());
        let file = std::str::from_utf8(file).unwrap_or_default();
        let shows = |head: &TrustedCheckpoint| {
            let (text, origin) = (head.note().text(), &head.checkpoint().origin);
            file.contains(&format!("\n{text}\n\u{2014} {origin} "))
        };
        file.starts_with(&begins) && shows(&self.seen) && shows(&self.shown)
    }

    /// The file's octets: header, kind, lengths of the two notes, an empty line, the notes
    /// (docs/formats/audit-state.md, "Evidence").
    pub fn encode(&self) -> String {
        let kind = self.misbehaviour.name();
        let (seen, shown) = (self.seen.note().encode(), self.shown.note().encode());
        format!(
            "{HEADER}\n{kind}\nseen {}\nshown {}\n\n{seen}{shown}",
            seen.len(),
            shown.len()
        )
    }
}
