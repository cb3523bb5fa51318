//! What is wrong, in words and as JSON.

use ishibumi_tlog::Hash;
use ishibumi_tlog::fork::Evidence;
use serde_json::{Value, json};

use super::conviction::fork_name;
use crate::render::{Language, rfc3339};

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// The log signed two trees of which neither extends the other. It stands for ever.
    Fork {
        /// What convicts the log.
        evidence: Box<Evidence>,
    },
    /// A place shows, as the newest, a smaller tree than it showed before.
    Rollback {
        /// Where.
        place: String,
        /// The largest size that it showed.
        seen: u64,
        /// The size that it shows now.
        shown: u64,
    },
    /// What a place answers is no checkpoint of the log, or its files are not what the log signed.
    FalseAnswer {
        /// Where.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A record names a watched time-stamping unit or organisation, and is none of the own ones.
    UnexpectedRecord {
        /// Its index.
        index: u64,
        /// Its leaf hash.
        leaf: Hash,
        /// Whom it names.
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
    /// For longer than configured there is no larger tree and no fresh quorum; or, with a place, that
    /// place shows an older tree than others do.
    Stalled {
        /// Where, if it is one place alone.
        place: Option<String>,
        /// Since when, in seconds since the Epoch.
        since: u64,
    },
    /// Nobody has tiles that show whether two checkpoints are consistent.
    Unproven {
        /// Who showed the checkpoint in question.
        place: String,
        /// Size of the smaller tree.
        older: u64,
        /// Size of the larger tree.
        newer: u64,
    },
    /// Nobody has the records between two sizes as the log signed them.
    Unread {
        /// The first record that could not be read.
        from: u64,
        /// Why, in English.
        reason: String,
    },
    /// What is kept of the log is of a time that has not come: this machine's clock is wrong, or was.
    Clock {
        /// That time, in seconds since the Epoch.
        time: u64,
    },
    /// A place does not answer.
    Unreachable {
        /// Where.
        place: String,
        /// Since when, in seconds since the Epoch.
        since: u64,
        /// Why, in English.
        reason: String,
    },
}

/// What an alarm means for an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// Something is shown to be wrong.
    Wrong,
    /// What can be seen does not suffice to tell.
    Unclear,
    /// Somebody does not answer.
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

    /// What stays the same while the same thing is wrong: the kind, and whom it is about.
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

    /// What it means for an exit code.
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

    /// One sentence.
    pub fn sentence(&self, language: Language) -> String {
        if language.is_english() {
            self.english()
        } else {
            self.japanese()
        }
    }

    fn english(&self) -> String {
        match self {
            Self::Fork { evidence } => {
                let [a, b] = evidence.checkpoints();
                let (name, at, and) = (fork_name(evidence), a.size, b.size);
                format!(
                    "the log has forked: the trees of {at} and {and} that it signed do not fit together ({name})"
                )
            }
            Self::Rollback { place, seen, shown } => {
                format!("{place} showed a tree of {seen} before and shows one of {shown} now")
            }
            Self::FalseAnswer { place, reason } => format!("{place} answers falsely: {reason}"),
            Self::UnexpectedRecord { index, leaf, names } => format!(
                "record {index} names {names} and is none of your own (leaf {leaf}): did somebody else issue it?"
            ),
            Self::MissedRecord { name, leaf, due } => format!(
                "{name} is not in the log, it had to be by {} (leaf {leaf}): submit it",
                rfc3339(*due)
            ),
            Self::Stalled { place: None, since } => format!(
                "the log stands still: no larger tree and no fresh quorum since {}",
                rfc3339(*since)
            ),
            Self::Stalled {
                place: Some(place),
                since,
            } => {
                let since = rfc3339(*since);
                format!("{place} stays behind: others show a larger tree since {since}")
            }
            Self::Unproven {
                place,
                older,
                newer,
            } => format!(
                "nobody has tiles that show whether the tree of {newer} begins with the one of {older} ({place})"
            ),
            Self::Unread { from, reason } => {
                format!("the records from {from} on could not be read: {reason}")
            }
            Self::Clock { time } => format!(
                "what was kept of the log is of {}, which has not come: the clock of this machine is wrong, or was; times that were remembered are dropped",
                rfc3339(*time)
            ),
            Self::Unreachable {
                place,
                since,
                reason,
            } => format!(
                "{place} does not answer since {}: {reason}",
                rfc3339(*since)
            ),
        }
    }

    fn japanese(&self) -> String {
        match self {
            Self::Fork { evidence } => {
                let [a, b] = evidence.checkpoints();
                let (name, at, and) = (fork_name(evidence), a.size, b.size);
                format!(
                    "ログが分岐しています。署名された {at} 件と {and} 件の木は両立しません（{name}）"
                )
            }
            Self::Rollback { place, seen, shown } => {
                format!(
                    "{place} は以前 {seen} 件の木を示しましたが、今は {shown} 件です（巻き戻し）"
                )
            }
            Self::FalseAnswer { place, reason } => {
                format!("{place} の応答は正しくありません（{reason}）")
            }
            Self::UnexpectedRecord { index, leaf, names } => format!(
                "{index} 番の記録は {names} の名で発行されていますが、自身のものではありません（リーフ {leaf}）"
            ),
            Self::MissedRecord { name, leaf, due } => format!(
                "{name} がログにありません。期限は {} でした（リーフ {leaf}）。登録してください",
                rfc3339(*due)
            ),
            Self::Stalled { place: None, since } => format!(
                "ログが止まっています。{} 以降、木の成長も新しい定足数もありません",
                rfc3339(*since)
            ),
            Self::Stalled {
                place: Some(place),
                since,
            } => format!("{place} は {} 以降、ほかより遅れています", rfc3339(*since)),
            Self::Unproven {
                place,
                older,
                newer,
            } => format!(
                "{newer} 件の木が {older} 件の木の延長であるかを示すタイルを誰も持っていません（{place}）"
            ),
            Self::Unread { from, reason } => {
                format!("{from} 番以降の記録を読めませんでした（{reason}）")
            }
            Self::Clock { time } => format!(
                "保存された状態に、まだ来ていない時刻 {} があります。この端末の時計が誤っているか、誤っていました。覚えていた時刻は使いません",
                rfc3339(*time)
            ),
            Self::Unreachable {
                place,
                since,
                reason,
            } => format!(
                "{place} は {} から応答しません（{reason}）",
                rfc3339(*since)
            ),
        }
    }

    /// Kind, key, sentences, and the particulars.
    pub fn json(&self) -> Value {
        let particulars = match self {
            Self::Fork { evidence } => {
                let [a, b] = evidence.checkpoints();
                json!({
                    "evidence": fork_name(evidence),
                    "sizes": [a.size, b.size],
                    "roots": [a.root.to_hex(), b.root.to_hex()],
                })
            }
            Self::Rollback { place, seen, shown } => {
                json!({ "place": place, "seen": seen, "shown": shown })
            }
            Self::FalseAnswer { place, reason } => json!({ "place": place, "reason": reason }),
            Self::UnexpectedRecord { index, leaf, names } => {
                json!({ "index": index, "leaf": leaf.to_hex(), "names": names })
            }
            Self::MissedRecord { name, leaf, due } => {
                json!({ "name": name, "leaf": leaf.to_hex(), "due": rfc3339(*due) })
            }
            Self::Stalled { place, since } => json!({ "place": place, "since": rfc3339(*since) }),
            Self::Unproven {
                place,
                older,
                newer,
            } => json!({ "place": place, "older": older, "newer": newer }),
            Self::Unread { from, reason } => json!({ "from": from, "reason": reason }),
            Self::Clock { time } => json!({ "time": rfc3339(*time) }),
            Self::Unreachable {
                place,
                since,
                reason,
            } => json!({ "place": place, "since": rfc3339(*since), "reason": reason }),
        };
        json!({
            "kind": self.kind(),
            "key": self.key(),
            "en": self.english(),
            "ja": self.japanese(),
            "particulars": particulars,
        })
    }
}
