//! The sentences about policies, in both languages.

use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::policy::{
    AlgorithmRequirement, Lint, Member, Quorum, Shared, Standing, TrustError,
};
use ishibumi_tlog::{Policy, TrustedCheckpoint};

use super::super::{Language, rfc3339, shown};

/// The name of a witness or group in its policy.
pub(super) fn name(policy: &Policy, member: Member) -> String {
    let name = match member {
        Member::Witness(place) => policy.witnesses().get(place).map(|witness| &witness.name),
        Member::Group(place) => policy.groups().get(place).map(|group| &group.name),
    };
    name.map(|name| shown(name)).unwrap_or_default()
}

/// One sentence for each `log`, `witness`, `group` and `quorum` line.
pub(super) fn lines(policy: &Policy, language: Language) -> Vec<String> {
    let english = language.is_english();
    let mut lines = Vec::new();
    for log in policy.logs() {
        let (key, url) = (key(&log.key, language), at(log.url.as_deref(), language));
        let origin = log.key.name();
        lines.push(if english {
            format!("log: checkpoints of {origin} count ({key}){url}")
        } else {
            format!("ログ：{origin} のチェックポイントを対象とします（{key}）{url}")
        });
    }
    for witness in policy.witnesses() {
        let (key, url) = (
            key(&witness.key, language),
            at(witness.url.as_deref(), language),
        );
        let (name, signs) = (shown(&witness.name), witness.key.name());
        lines.push(if english {
            format!("witness {name}: cosignatures of {signs} count ({key}){url}")
        } else {
            format!("証人 {name}：{signs} の連署を数えます（{key}）{url}")
        });
    }
    for group in policy.groups() {
        let members = group.members.iter();
        let members: Vec<String> = members.map(|&member| name(policy, member)).collect();
        let (name, threshold) = (shown(&group.name), group.threshold);
        let (count, members) = (members.len(), members.join(", "));
        lines.push(if english {
            format!(
                "group {name}: has witnessed when {threshold} of these {count} have: {members}"
            )
        } else {
            format!(
                "グループ {name}：次の {count} 者のうち {threshold} 者が証言したときに証言したものとします：{members}"
            )
        });
    }
    lines.push(match (policy.quorum(), english) {
        (Quorum::None, true) => {
            "quorum: none; the log alone is trusted, and no time is ever proven".to_owned()
        }
        (Quorum::None, false) => {
            "定足数：なし。ログだけを信頼し、時刻は一切証明されません".to_owned()
        }
        (Quorum::Of(member), true) => format!(
            "quorum: a checkpoint is trusted when its log signed it and {} has witnessed it",
            name(policy, member)
        ),
        (Quorum::Of(member), false) => format!(
            "定足数：ログが署名し、{} が証言したチェックポイントを信頼します",
            name(policy, member)
        ),
    });
    lines
}

fn key(key: &VerifierKey, language: Language) -> String {
    let (algorithm, id) = (key.kind().algorithm(), key.id());
    match language {
        Language::English => format!("{algorithm}, key id {id:08x}"),
        Language::Japanese => format!("{algorithm}、鍵 ID {id:08x}"),
    }
}

fn at(url: Option<&[u8]>, language: Language) -> String {
    match (url, language) {
        (None, _) => String::new(),
        (Some(url), Language::English) => format!(", at {}", shown(url)),
        (Some(url), Language::Japanese) => format!("、所在 {}", shown(url)),
    }
}

/// What has to be true of a checkpoint; the tree of witnesses and groups stands below it.
pub(super) fn demand(policy: &Policy, language: Language) -> String {
    let demand = policy.demand();
    let quantum = demand == AlgorithmRequirement::PostQuantum;
    let said = match (policy.quorum(), quantum) {
        (Quorum::None, _) => language.pick(
            "A checkpoint is trusted when its log signed it, and nobody else is asked.",
            "ログが署名したチェックポイントを信頼します。ほかには誰の確認も求めません。",
        ),
        (Quorum::Of(_), false) => language.pick(
            "A checkpoint is trusted when its log signed it and this has cosigned it:",
            "ログが署名し、次の者が連署したチェックポイントを信頼します：",
        ),
        (Quorum::Of(_), true) => language.pick(
            "A checkpoint is trusted when its log signed it and this has cosigned it with ML-DSA-44 keys alone:",
            "ログが署名し、次の者が ML-DSA-44 の鍵だけで連署したチェックポイントを信頼します：",
        ),
    };
    if policy.can_be_met(demand) {
        return said.to_owned();
    }
    let never = language.pick(
        "That can never be met: too few witnesses of the policy have an ML-DSA-44 key.",
        "この条件が満たされることはありません。ML-DSA-44 の鍵を持つ証人が足りません。",
    );
    format!("{never}\n{said}")
}

/// The name of a witness or group.
pub(super) fn member(policy: &Policy, member: Member, language: Language) -> String {
    let english = language.is_english();
    match member {
        Member::Witness(place) => {
            let known = policy.witnesses().get(place).map(|witness| &witness.key);
            let signs = known.map(VerifierKey::name).unwrap_or_default();
            let algorithm = known.map_or("", |key| key.kind().algorithm());
            let counts = known.is_some_and(|key| policy.demand().counts(key));
            let not = match (counts, english) {
                (true, _) => "",
                (false, true) => ", which does not count here",
                (false, false) => "（ここでは数えません）",
            };
            format!("{} ({signs}, {algorithm}){not}", name(policy, member))
        }
        Member::Group(place) => {
            let group = policy.groups().get(place);
            let (threshold, count) = group.map_or((0, 0), |g| (g.threshold, g.members.len()));
            let name = name(policy, member);
            match (english, threshold == count, threshold) {
                (true, true, _) => format!("all {count} of the group {name}:"),
                (true, false, 1) => format!("any one of the {count} of the group {name}:"),
                (true, false, _) => {
                    format!("at least {threshold} of the {count} of the group {name}:")
                }
                (false, true, _) => format!("グループ {name} の {count} 者全員："),
                (false, false, 1) => {
                    format!("グループ {name} の {count} 者のうち少なくとも 1 者：")
                }
                (false, false, _) => {
                    format!("グループ {name} の {count} 者のうち少なくとも {threshold} 者：")
                }
            }
        }
    }
}

/// How far a witness or group is.
pub(super) fn standing(
    policy: &Policy,
    standing: &Standing,
    who: Member,
    language: Language,
) -> String {
    let english = language.is_english();
    let what = member(policy, who, language);
    let what = what.trim_end_matches([':', '：']);
    match who {
        Member::Witness(place) => {
            let seen = standing.cosignatures.iter().find(|c| c.witness == place);
            let time = seen.map(|cosignature| rfc3339(cosignature.time));
            let over = standing.passed_over.contains(&place);
            match (time, over, english) {
                (Some(time), _, true) => format!("[x] {what}: cosigned at {time}"),
                (Some(time), _, false) => format!("[x] {what}：{time} に連署"),
                (None, true, true) => {
                    format!("[ ] {what}: cosigned, but that cosignature does not count")
                }
                (None, true, false) => format!("[ ] {what}：連署はありますが、数えません"),
                (None, false, true) => format!("[ ] {what}: missing"),
                (None, false, false) => format!("[ ] {what}：連署なし"),
            }
        }
        Member::Group(place) => {
            let Some(group) = standing.groups.get(place) else {
                return what.to_owned();
            };
            let have = group.witnessed;
            match (group.since.map(rfc3339), english) {
                (Some(time), true) => format!("[x] {what}: {have} have, enough since {time}"),
                (Some(time), false) => format!("[x] {what}：{have} 者が証言、{time} に充足"),
                (None, true) => format!("[ ] {what}: {have} have, too few"),
                (None, false) => format!("[ ] {what}：{have} 者が証言、不足"),
            }
        }
    }
}

/// The checkpoint, its signers, and the decision.
pub(super) fn checkpoint(
    policy: &Policy,
    standing: &Standing,
    decision: &Result<TrustedCheckpoint, TrustError>,
    language: Language,
) -> Vec<String> {
    let english = language.is_english();
    let head = &standing.checkpoint;
    let (origin, size, root) = (&head.origin, head.size, head.root);
    let logs = standing.logs.iter();
    let keys = logs.filter_map(|&place| policy.logs().get(place));
    let keys: Vec<String> = keys.map(|log| key(&log.key, language)).collect();
    let mut lines = vec![if english {
        format!("checkpoint: {size} records of {origin}, root {root}")
    } else {
        format!("チェックポイント：{origin} の {size} 件、ルート {root}")
    }];
    lines.push(match (keys.is_empty(), english) {
        (true, true) => "log: did NOT sign it".to_owned(),
        (true, false) => "ログ：署名していません".to_owned(),
        (false, true) => format!("log: signed it ({})", keys.join("; ")),
        (false, false) => format!("ログ：署名済み（{}）", keys.join("；")),
    });
    lines.push(match (decision, english) {
        (Ok(trusted), true) => match trusted.not_after().map(rfc3339) {
            Some(time) => {
                format!("quorum: MET; this tree existed before {time}, when it was complete")
            }
            None => {
                "quorum: none is asked for; trusted on the log's word, no time is proven".into()
            }
        },
        (Ok(trusted), false) => match trusted.not_after().map(rfc3339) {
            Some(time) => {
                format!("定足数：充足。この木は、定足数がそろった {time} より前に存在していました")
            }
            None => "定足数：求めていません。ログだけを信頼しており、時刻は証明されません".into(),
        },
        (Err(error), true) => format!("NOT trusted: {error}"),
        (Err(error), false) => format!("信頼できません（{error}）"),
    });
    lines
}

/// A suspicion of the lint.
pub(super) fn warning(policy: &Policy, lint: &Lint, language: Language) -> String {
    let english = language.is_english();
    let witness = |place| name(policy, Member::Witness(place));
    match lint {
        Lint::CountsTwice {
            first,
            second,
            shared,
        } => {
            let (first, second) = (witness(*first), witness(*second));
            let shared = common(shared, language);
            if english {
                format!(
                    "the witnesses {first} and {second} seem to be one operator's ({shared}) and can count \
                     as two: put them into one group with the threshold 1"
                )
            } else {
                format!(
                    "証人 {first} と {second} は同じ運用者のものと思われますが（{shared}）、2 者として数えられます。\
                     しきい値 1 の同じグループに入れてください"
                )
            }
        }
        Lint::LogWitnessesItself {
            log,
            witness: place,
            shared,
        } => {
            let log = policy.logs().get(*log).map(|log| log.key.name());
            let (log, witness) = (log.unwrap_or_default(), witness(*place));
            let shared = common(shared, language);
            if english {
                format!(
                    "the witness {witness} seems to be the operator of the log {log} ({shared}): a log that \
                     witnesses itself proves nothing more"
                )
            } else {
                format!(
                    "証人 {witness} はログ {log} の運用者自身と思われます（{shared}）。ログ自身の証言は何も付け加えません"
                )
            }
        }
        Lint::NeverCounts { witness: place } => {
            let witness = witness(*place);
            if english {
                format!("the witness {witness} is in no group of the quorum: it never counts")
            } else {
                format!(
                    "証人 {witness} は定足数のどのグループにも属さず、数えられることはありません"
                )
            }
        }
        Lint::TwoQuorums { first, second } => {
            let names = |places: &[usize]| {
                let names: Vec<String> = places.iter().map(|&place| witness(place)).collect();
                names.join(language.pick(", ", "、"))
            };
            let (first, second) = (names(first), names(second));
            if english {
                format!(
                    "{first} are a quorum, and so are {second}, with nobody in both: a log that shows them two \
                     trees deceives each of them alone. Ask for more than half of the witnesses"
                )
            } else {
                format!(
                    "{first} と {second} は、それぞれだけで定足数を満たし、共通の証人がいません。ログが両者に別々の木を見せても、\
                     どちらも気付けません。証人の過半数を求めてください"
                )
            }
        }
        _ => format!("{lint:?}"),
    }
}

fn common(shared: &Shared, language: Language) -> String {
    let english = language.is_english();
    match (shared, english) {
        (Shared::PublicKey, true) => "the same public key".to_owned(),
        (Shared::PublicKey, false) => "公開鍵が同じ".to_owned(),
        (Shared::KeyName(name), true) => format!("the same key name {name}"),
        (Shared::KeyName(name), false) => format!("鍵の名前 {name} が同じ"),
        (Shared::Host(host), true) => format!("the same host {host}"),
        (Shared::Host(host), false) => format!("ホスト {host} が同じ"),
        (Shared::Domain(domain), true) => format!("the same domain {domain}"),
        (Shared::Domain(domain), false) => format!("ドメイン {domain} が同じ"),
        (other, _) => format!("{other:?}"),
    }
}
