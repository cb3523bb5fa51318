//! The chain of renewals as text: as it is in the file, and as it was verified.

use ishibumi::evidence::renewal::Renewed;
use ishibumi::verify::RenewalReport;
use ishibumi_artifact::evidence_record::is_ahead;
use ishibumi_artifact::{EvidenceRecord, TimestampToken};
use ishibumi_cli::render::Language;
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::super::dated;

/// The additions to the evidence file, as JSON. Nothing of it is verified.
pub(super) fn shown_json(renewed: &Renewed) -> Value {
    let stamps = renewed
        .record()
        .into_iter()
        .flat_map(EvidenceRecord::tokens);
    let now = dated::clock();
    let stamps = stamps.map(|(at, token)| {
        let token = TimestampToken::parse(token).ok();
        let ahead = token.as_ref().map(|token| is_ahead(token.gen_time(), now));
        json!({
            "chain": at.chain,
            "time_stamp": at.stamp,
            "hash": token.as_ref().map(|token| token.imprint_algorithm().name()),
            "claims_time": token.as_ref().map(|token| token.gen_time().to_string()),
            "in_the_future": ahead,
        })
    });
    let newer = renewed.newer_proofs().iter().map(|logged| {
        let tree = Checkpoint::parse(logged.checkpoint.text()).ok();
        json!({
            "index": logged.index,
            "log": tree.as_ref().map(|tree| &tree.origin),
            "tree_size": tree.as_ref().map(|tree| tree.size),
            "signatures": logged.checkpoint.signatures().len(),
        })
    });
    json!({
        "time_stamps": stamps.collect::<Vec<_>>(),
        "newer_proofs": newer.collect::<Vec<_>>(),
        "revocation": renewed.added_revocation().len(),
    })
}

/// The additions to the evidence file, as text. Nothing of it is verified.
pub(super) fn shown_text(renewed: &Renewed, language: Language) -> String {
    let english = language.is_english();
    let mut out = String::new();
    let heading = if english {
        "\nAdded since, around the untouched evidence file (not verified):"
    } else {
        "\nその後の追加（元のエビデンスファイルは変更されていません。未検証）："
    };
    add_line(&mut out, heading);
    let stamps = renewed
        .record()
        .into_iter()
        .flat_map(EvidenceRecord::tokens);
    let now = dated::clock();
    for (at, token) in stamps {
        let Ok(token) = TimestampToken::parse(token) else {
            continue;
        };
        let (hash, time) = (token.imprint_algorithm().name(), token.gen_time());
        let ahead = match (is_ahead(time, now), english) {
            (false, _) => "",
            (true, true) => "; THAT TIME HAS NOT COME: it cannot be renewed before",
            (true, false) => "。まだ来ていない時刻です。それまでは更新できません",
        };
        let (chain, stamp) = (at.chain, at.stamp);
        add_line(
            &mut out,
            &match (english, kind(chain, stamp)) {
                (true, Kind::First) => {
                    format!("  {time}  time-stamp over the evidence file ({hash}){ahead}")
                }
                (true, Kind::Timestamp) => format!("  {time}  time-stamp renewal ({hash}){ahead}"),
                (true, Kind::HashTree) => format!("  {time}  hash-tree renewal ({hash}){ahead}"),
                (false, Kind::First) => {
                    format!("  {time}  エビデンスファイルへのタイムスタンプ（{hash}）{ahead}")
                }
                (false, Kind::Timestamp) => {
                    format!("  {time}  タイムスタンプの更新（{hash}）{ahead}")
                }
                (false, Kind::HashTree) => format!("  {time}  ハッシュの更新（{hash}）{ahead}"),
            },
        );
    }
    for logged in renewed.newer_proofs() {
        let Ok(tree) = Checkpoint::parse(logged.checkpoint.text()) else {
            continue;
        };
        let origin = &tree.origin;
        let (index, size) = (logged.index, tree.size);
        let signatures = logged.checkpoint.signatures().len();
        add_line(
            &mut out,
            &if english {
                format!(
                    "  newer proof of record {index}: tree of {size} of {origin}, {signatures} signatures"
                )
            } else {
                format!(
                    "  記録 {index} のより新しい証明：{origin} の {size} 件の木、署名 {signatures} 個"
                )
            },
        );
    }
    let lists = renewed.added_revocation().len();
    if lists > 0 {
        add_line(
            &mut out,
            &if english {
                format!("  {lists} revocation lists and responses")
            } else {
                format!("  失効情報 {lists} 件")
            },
        );
    }
    out
}

/// The chain as it was verified, for programs.
pub(super) fn verified_json(report: &RenewalReport) -> Value {
    let stamps = report.stamps.iter().map(|stamp| {
        json!({
            "chain": stamp.at.chain,
            "time_stamp": stamp.at.stamp,
            "hash": stamp.algorithm,
            "gen_time": stamp.gen_time.to_string(),
            "renewed": stamp.renewed.map(|time| time.to_string()),
            "tsu": stamp.tsu.subject,
        })
    });
    let failed = report.proven.as_ref().err();
    json!({
        "indication": report.indication().word(),
        "sub_indication": failed.map(|(sub, _)| sub.word()),
        "detail": failed.map(|(_, why)| why),
        "existed": report.proven.as_ref().ok().map(ToString::to_string),
        "time_stamps": stamps.collect::<Vec<_>>(),
    })
}

/// The verified renewals, as text.
pub(super) fn verified_text(report: &RenewalReport, language: Language) -> String {
    let english = language.is_english();
    let mut out = String::new();
    match (&report.proven, english) {
        (Ok(time), true) => add_line(
            &mut out,
            format!(
                "The evidence file existed at {time}: every time-stamp was sound until it was renewed."
            ),
        ),
        (Ok(time), false) => add_line(
            &mut out,
            format!(
                "エビデンスファイルは {time} に存在していました。各タイムスタンプは次の更新まで有効でした。"
            ),
        ),
        (Err((sub, why)), true) => {
            let (word, sub) = (sub.indication().word(), sub.word());
            add_line(
                &mut out,
                format!("The renewals prove nothing ({word}, {sub}): {why}"),
            );
        }
        (Err((sub, why)), false) => {
            let (word, sub) = (sub.indication().word(), sub.word());
            let why = language.said(why);
            add_line(
                &mut out,
                format!("更新からは何も証明されません（{word}、{sub}）：{why}"),
            );
        }
    }
    for stamp in &report.stamps {
        let (time, hash, tsu) = (stamp.gen_time, stamp.algorithm, &stamp.tsu.subject);
        let what = match (english, kind(stamp.at.chain, stamp.at.stamp)) {
            (true, Kind::First) => "time-stamp",
            (true, Kind::Timestamp) => "time-stamp renewal",
            (true, Kind::HashTree) => "hash-tree renewal",
            (false, Kind::First) => "タイムスタンプ",
            (false, Kind::Timestamp) => "タイムスタンプの更新",
            (false, Kind::HashTree) => "ハッシュの更新",
        };
        add_line(&mut out, format!("  {time}  {what}, {hash}, {tsu}"));
    }
    out
}

enum Kind {
    First,
    Timestamp,
    HashTree,
}

const fn kind(chain: usize, stamp: usize) -> Kind {
    match (chain, stamp) {
        (1, 1) => Kind::First,
        (_, 1) => Kind::HashTree,
        _ => Kind::Timestamp,
    }
}
