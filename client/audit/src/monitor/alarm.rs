//! The alarms that a monitor raises.

use ishibumi_tlog::Hash;
use ishibumi_tlog::fork::Evidence;

use super::conviction::fork_name;

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The log signed two trees, neither of which extends the other. The alarm stands for ever.
    Fork {
        /// The evidence that convicts the log.
        evidence: Box<Evidence>,
    },
    /// A place shows, as its newest, a smaller tree than it showed before.
    Rollback {
        /// Name of the place.
        place: String,
        /// The largest size that it showed.
        seen: u64,
        /// The size that it shows now.
        shown: u64,
    },
    /// The answer of a place is no checkpoint of the log, or its files are not those that the log
    /// signed.
    FalseAnswer {
        /// Name of the place.
        place: String,
        /// What is wrong with the answer, in English.
        reason: String,
    },
    /// A record names a watched time-stamping unit or organisation, and is none of the own ones.
    UnexpectedRecord {
        /// Its index.
        index: u64,
        /// Its leaf hash.
        leaf: Hash,
        /// The watched unit or organisation that it names.
        names: String,
    },
    /// An own artifact is not in the log after its deadline.
    MissedRecord {
        /// The caller's name for it, such as a path.
        name: String,
        /// Leaf hash of its record.
        leaf: Hash,
        /// When it had to be there, in seconds since the Epoch.
        due: u64,
    },
    /// For longer than configured there is no larger tree and no fresh quorum; or, with a place,
    /// that place shows an older tree than others do.
    Stalled {
        /// Name of the place, if it is one place alone.
        place: Option<String>,
        /// Since when, in seconds since the Epoch.
        since: u64,
    },
    /// No place has tiles that show whether two checkpoints are consistent.
    Unproven {
        /// The place that showed the checkpoint in question.
        place: String,
        /// Size of the smaller tree.
        older: u64,
        /// Size of the larger tree.
        newer: u64,
    },
    /// No place has the records between two sizes as the log signed them.
    Unread {
        /// Index of the first record that could not be read.
        from: u64,
        /// Why, in English.
        reason: String,
    },
    /// The kept state of the log is of a time in the future: this machine's clock is wrong, or was.
    Clock {
        /// The time in the kept state, in seconds since the Epoch.
        time: u64,
    },
    /// A place does not answer.
    Unreachable {
        /// Name of the place.
        place: String,
        /// Since when, in seconds since the Epoch.
        since: u64,
        /// Why, in English.
        reason: String,
    },
}

/// The effect of an alarm on the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// Something is shown to be wrong.
    Wrong,
    /// The available data do not suffice to tell.
    Unclear,
    /// A place does not answer.
    Silent,
}

impl Alarm {
    /// Every kind, by its stable name.
    pub const KINDS: [&'static str; 10] = [
        "fork",
        "rollback",
        "false-answer",
        "unexpected-record",
        "missed-record",
        "stall",
        "unproven",
        "unread",
        "clock",
        "unreachable",
    ];

    /// Its kind, kebab-case.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Fork { .. } => "fork",
            Self::Rollback { .. } => "rollback",
            Self::FalseAnswer { .. } => "false-answer",
            Self::UnexpectedRecord { .. } => "unexpected-record",
            Self::MissedRecord { .. } => "missed-record",
            Self::Stalled { .. } => "stall",
            Self::Unproven { .. } => "unproven",
            Self::Unread { .. } => "unread",
            Self::Clock { .. } => "clock",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// Identifies an alarm while its cause lasts: its kind, and its subject.
    pub fn key(&self) -> String {
        let about = match self {
            Self::Fork { evidence } => fork_name(evidence),
            Self::Rollback { place, .. }
            | Self::FalseAnswer { place, .. }
            | Self::Unproven { place, .. }
            | Self::Unreachable { place, .. } => place.clone(),
            Self::Stalled { place, .. } => place.clone().unwrap_or_default(),
            Self::UnexpectedRecord { index, .. } => index.to_string(),
            Self::MissedRecord { leaf, .. } => leaf.to_hex(),
            Self::Unread { .. } | Self::Clock { .. } => String::new(),
        };
        format!("{} {about}", self.kind())
    }

    /// The gravity, which decides the exit code.
    pub const fn gravity(&self) -> Gravity {
        match self {
            Self::Stalled { .. }
            | Self::Unproven { .. }
            | Self::Unread { .. }
            | Self::Clock { .. } => Gravity::Unclear,
            Self::Unreachable { .. } => Gravity::Silent,
            _ => Gravity::Wrong,
        }
    }
}
