//! The alarms of a monitor, as text and as JSON.

use ishibumi::monitor::{Alarm, fork_name};
use serde_json::{Value, json};

use super::{Language, rfc3339};

/// An alarm in one sentence.
pub fn alarm_sentence(alarm: &Alarm, language: Language) -> String {
    if language.is_english() {
        english(alarm)
    } else {
        japanese(alarm)
    }
}

fn english(alarm: &Alarm) -> String {
    match alarm {
        Alarm::Fork { evidence } => {
            let [a, b] = evidence.checkpoints();
            let (name, at, and) = (fork_name(evidence), a.size, b.size);
            format!(
                "the log has forked: the trees of {at} and {and} that it signed do not fit together ({name})"
            )
        }
        Alarm::Rollback { place, seen, shown } => {
            format!("{place} showed a tree of {seen} before and shows one of {shown} now")
        }
        Alarm::FalseAnswer { place, reason } => format!("{place} answers falsely: {reason}"),
        Alarm::UnexpectedRecord { index, leaf, names } => format!(
            "record {index} names {names} and is none of your own (leaf {leaf}): did somebody else issue it?"
        ),
        Alarm::MissedRecord { name, leaf, due } => format!(
            "{name} is not in the log, it had to be by {} (leaf {leaf}): submit it",
            rfc3339(*due)
        ),
        Alarm::Stalled { place: None, since } => format!(
            "the log stands still: no larger tree and no fresh quorum since {}",
            rfc3339(*since)
        ),
        Alarm::Stalled {
            place: Some(place),
            since,
        } => {
            let since = rfc3339(*since);
            format!("{place} stays behind: others show a larger tree since {since}")
        }
        Alarm::Unproven {
            place,
            older,
            newer,
        } => format!(
            "nobody has tiles that show whether the tree of {newer} begins with the one of {older} ({place})"
        ),
        Alarm::Unread { from, reason } => {
            format!("the records from {from} on could not be read: {reason}")
        }
        Alarm::Clock { time } => format!(
            "what was kept of the log is of {}, which has not come: the clock of this machine is wrong, or was; times that were remembered are dropped",
            rfc3339(*time)
        ),
        Alarm::Unreachable {
            place,
            since,
            reason,
        } => format!(
            "{place} does not answer since {}: {reason}",
            rfc3339(*since)
        ),
    }
}

fn japanese(alarm: &Alarm) -> String {
    match alarm {
        Alarm::Fork { evidence } => {
            let [a, b] = evidence.checkpoints();
            let (name, at, and) = (fork_name(evidence), a.size, b.size);
            format!(
                "ログが分岐しています。署名された {at} 件と {and} 件の木は両立しません（{name}）"
            )
        }
        Alarm::Rollback { place, seen, shown } => {
            format!("{place} は以前 {seen} 件の木を示しましたが、今は {shown} 件です（巻き戻し）")
        }
        Alarm::FalseAnswer { place, reason } => {
            format!("{place} の応答は正しくありません（{reason}）")
        }
        Alarm::UnexpectedRecord { index, leaf, names } => format!(
            "{index} 番の記録は {names} の名で発行されていますが、自身のものではありません（リーフ {leaf}）"
        ),
        Alarm::MissedRecord { name, leaf, due } => format!(
            "{name} がログにありません。期限は {} でした（リーフ {leaf}）。登録してください",
            rfc3339(*due)
        ),
        Alarm::Stalled { place: None, since } => format!(
            "ログが止まっています。{} 以降、木の成長も新しい定足数もありません",
            rfc3339(*since)
        ),
        Alarm::Stalled {
            place: Some(place),
            since,
        } => format!("{place} は {} 以降、ほかより遅れています", rfc3339(*since)),
        Alarm::Unproven {
            place,
            older,
            newer,
        } => format!(
            "{newer} 件の木が {older} 件の木の延長であるかを示すタイルを誰も持っていません（{place}）"
        ),
        Alarm::Unread { from, reason } => {
            format!("{from} 番以降の記録を読めませんでした（{reason}）")
        }
        Alarm::Clock { time } => format!(
            "保存された状態に、まだ来ていない時刻 {} があります。この端末の時計が誤っているか、誤っていました。覚えていた時刻は使いません",
            rfc3339(*time)
        ),
        Alarm::Unreachable {
            place,
            since,
            reason,
        } => format!(
            "{place} は {} から応答しません（{reason}）",
            rfc3339(*since)
        ),
    }
}

/// An alarm as JSON: kind, key, sentences, and the particulars.
pub fn alarm_json(alarm: &Alarm) -> Value {
    let particulars = match alarm {
        Alarm::Fork { evidence } => {
            let [a, b] = evidence.checkpoints();
            json!({
                "evidence": fork_name(evidence),
                "sizes": [a.size, b.size],
                "roots": [a.root.to_hex(), b.root.to_hex()],
            })
        }
        Alarm::Rollback { place, seen, shown } => {
            json!({ "place": place, "seen": seen, "shown": shown })
        }
        Alarm::FalseAnswer { place, reason } => json!({ "place": place, "reason": reason }),
        Alarm::UnexpectedRecord { index, leaf, names } => {
            json!({ "index": index, "leaf": leaf.to_hex(), "names": names })
        }
        Alarm::MissedRecord { name, leaf, due } => {
            json!({ "name": name, "leaf": leaf.to_hex(), "due": rfc3339(*due) })
        }
        Alarm::Stalled { place, since } => json!({ "place": place, "since": rfc3339(*since) }),
        Alarm::Unproven {
            place,
            older,
            newer,
        } => json!({ "place": place, "older": older, "newer": newer }),
        Alarm::Unread { from, reason } => json!({ "from": from, "reason": reason }),
        Alarm::Clock { time } => json!({ "time": rfc3339(*time) }),
        Alarm::Unreachable {
            place,
            since,
            reason,
        } => json!({ "place": place, "since": rfc3339(*since), "reason": reason }),
    };
    json!({
        "kind": alarm.kind(),
        "key": alarm.key(),
        "en": english(alarm),
        "ja": japanese(alarm),
        "particulars": particulars,
    })
}
