//! The output about revocation: of the signer, of the CAs above it, and the sources.

use super::{Language, in_japanese, rfc3339};
use ishibumi::verify::{
    Answer, ConsultedInformation, Facts, InformationFacts, IssuerState, Outcome, Report,
    Revocation, RevocationKnown, Step, SubIndication,
};

pub(super) fn sentences(report: &Report, english: bool) -> Vec<String> {
    let mut said: Vec<String> = signer(report, english).into_iter().collect();
    said.extend(not_asked(report, english).map(str::to_owned));
    said.extend(report.issuers().iter().map(|ca| issuer(ca, english)));
    let information = report.information().iter();
    said.extend(information.map(|information| consulted(information, english)));
    said
}

fn signer(report: &Report, english: bool) -> Option<String> {
    let outcome = report.outcome(Step::Revocation)?;
    let known = match report.valid() {
        Answer::InFavour(valid) => Some(valid.revocation()),
        _ => None,
    };
    Some(match (report.revocation(), english) {
        _ if known == Some(RevocationKnown::TrustedDirectly) && english => {
            "The signer's certificate is trusted directly: nobody was asked whether it was revoked."
                .to_owned()
        }
        _ if known == Some(RevocationKnown::TrustedDirectly) => {
            "署名者の証明書は直接信頼されているため、失効は問い合わせていません。".to_owned()
        }
        (Revocation::NotChecked, true) => {
            "Revocation was not checked: no revocation list and no OCSP response was given."
                .to_owned()
        }
        (Revocation::NotChecked, false) => {
            "失効は検査していません（失効リストもOCSPレスポンスも与えられていません）。".to_owned()
        }
        (Revocation::NotCovered(why), true) => {
            format!("Revocation was not checked, what was given does not tell: {why}.")
        }
        (Revocation::NotCovered(why), false) => {
            let why = in_japanese(why);
            format!("失効は検査していません。与えられた資料からは判断できません（{why}）。")
        }
        (Revocation::NotRevoked { as_of }, true) => format!("Not revoked as of {as_of}."),
        (Revocation::NotRevoked { as_of }, false) => format!("{as_of} 現在、失効していません。"),
        (Revocation::Revoked { date, reason, .. }, _) => {
            let state = revoked(&date.to_string(), *reason, english);
            let is_decided = *reason == Some(HOLD)
                || !matches!(outcome, Outcome::Failed(sub) if !DECIDING.contains(&sub));
            format!("{state}{}", effect(report, outcome, is_decided, english))
        }
    })
}

/// The note that validity was judged without knowing about revocation, and by whose choice.
fn not_asked(report: &Report, english: bool) -> Option<&'static str> {
    let Answer::InFavour(valid) = report.valid() else {
        return None;
    };
    let language = if english {
        Language::English
    } else {
        Language::Japanese
    };
    (valid.revocation() == RevocationKnown::NotAsked).then(|| revocation_not_asked(language))
}

/// Said of every verdict that was reached without asking about revocation.
pub fn revocation_not_asked(language: Language) -> &'static str {
    language.pick(
        "Whoever verified chose not to ask about revocation: validity was judged without knowing.",
        "検証者の選択により、失効を確認せずに有効性を判定しています。",
    )
}

const HOLD: &str = "certificateHold";

fn revoked(date: &str, reason: Option<&str>, english: bool) -> String {
    match (reason, english) {
        (Some(HOLD), true) => format!("The certificate is on hold since {date}"),
        (Some(HOLD), false) => format!("証明書は {date} から一時停止（certificateHold）中です"),
        (Some(reason), true) => format!("The certificate was revoked at {date}, reason {reason}"),
        (None, true) => format!("The certificate was revoked at {date}, no reason stated"),
        (Some(reason), false) => format!("証明書は {date} に失効しました（理由 {reason}）"),
        (None, false) => format!("証明書は {date} に失効しました（理由の記載なし）"),
    }
}

/// What a step is called that failed because of a revocation, and not because of something else
/// that was given.
const DECIDING: [SubIndication; 2] = [SubIndication::Revoked, SubIndication::RevokedNoPoe];

/// What a revocation means for the artifact.
fn effect(report: &Report, outcome: Outcome, is_decided: bool, english: bool) -> &'static str {
    let of_token = matches!(report.facts(), Some(Facts::Token { .. }));
    match (of_token, outcome, english) {
        _ if !is_decided && english => {
            "; something else that was given, which cannot be used, may say worse."
        }
        _ if !is_decided => {
            "。ほかに、使用できない資料があり、より重い失効を述べている可能性があります。"
        }
        (true, Outcome::Passed, true) => ": that does not touch this token (RFC 3161, section 4).",
        (true, Outcome::Passed, false) => {
            "。ただし、このトークンの有効性には影響しません（RFC 3161 第4節）。"
        }
        (true, _, true) => ": that decides against this token (RFC 3161, section 4).",
        (true, _, false) => "。このため、このトークンは有効と認められません（RFC 3161 第4節）。",
        (false, Outcome::Failed(_), true) => {
            ": nothing proves that it is older, so it is not known to have been valid."
        }
        (false, Outcome::Failed(_), false) => {
            "。失効より前に存在したことの証明がないため、有効であったとは判定できません。"
        }
        (false, _, true) => ".",
        (false, _, false) => "。",
    }
}

fn issuer(ca: &IssuerState, english: bool) -> String {
    let subject = &ca.subject;
    match (&ca.revocation, english) {
        (Revocation::NotChecked, true) => format!("The CA \"{subject}\": not checked."),
        (Revocation::NotChecked, false) => format!("認証局「{subject}」：検査していません。"),
        (Revocation::NotCovered(why), true) => format!("The CA \"{subject}\": not checked, {why}."),
        (Revocation::NotCovered(why), false) => {
            let why = in_japanese(why);
            format!("認証局「{subject}」：検査していません（{why}）。")
        }
        (Revocation::NotRevoked { as_of }, true) => {
            format!("The CA \"{subject}\": not revoked as of {as_of}.")
        }
        (Revocation::NotRevoked { as_of }, false) => {
            format!("認証局「{subject}」：{as_of} 現在、失効していません。")
        }
        (Revocation::Revoked { date, reason, .. }, true) => {
            let state = revoked(&date.to_string(), *reason, true);
            format!("The CA \"{subject}\": {state}.")
        }
        (Revocation::Revoked { date, reason, .. }, false) => {
            let state = revoked(&date.to_string(), *reason, false);
            format!("認証局「{subject}」：{state}。")
        }
    }
}

fn consulted(information: &ConsultedInformation, english: bool) -> String {
    let name = &information.name;
    let facts = match (&information.says, english) {
        (Ok(facts), _) => facts,
        (Err(why), true) => return format!("{name} was not used: {why}."),
        (Err(why), false) => {
            return format!("{name} は使用していません（{}）。", in_japanese(why));
        }
    };
    let what = described(name, facts, english);
    let time = |statement: &ishibumi::verify::Statement| statement.not_after.map(rfc3339);
    match (&information.logged, english) {
        (None, true) => format!("{what}; no proof came with it."),
        (None, false) => format!("{what}。包含証明は添付されていません。"),
        (Some(Ok(statement)), true) => match time(statement) {
            Some(time) => format!("{what} and was in the log before {time}."),
            None => format!("{what} and is in the log; no time is proven."),
        },
        (Some(Ok(statement)), false) => match time(statement) {
            Some(time) => format!("{what}。{time} より前にログに記録されています。"),
            None => format!("{what}。ログに記録されています（時刻の証明なし）。"),
        },
        (Some(Err(why)), true) => format!("{what}; its own proof was not accepted: {why}."),
        (Some(Err(why)), false) => {
            let why = in_japanese(why);
            format!("{what}。その包含証明は認められません（{why}）。")
        }
    }
}

fn described(name: &str, facts: &InformationFacts, english: bool) -> String {
    match (facts, english) {
        (InformationFacts::Crl(list), true) => {
            let kind = match (list.is_delta, list.is_last) {
                (_, true) => "last list of its issuer",
                (true, _) => "delta list",
                (false, _) => "list",
            };
            format!("The {kind} {name} is of {}", list.this_update)
        }
        (InformationFacts::Crl(list), false) => {
            let kind = match (list.is_delta, list.is_last) {
                (_, true) => "最終失効リスト",
                (true, _) => "差分失効リスト",
                (false, _) => "失効リスト",
            };
            format!("{kind} {name} は {} 付です", list.this_update)
        }
        (InformationFacts::Ocsp(response), true) => {
            let (at, by) = (response.produced_at, &response.responder);
            let trusted = if response.is_by_trusted_responder {
                " a responder that is trusted here and not authorised by the CA,"
            } else {
                ""
            };
            format!("The OCSP response {name} is of {at}, by \"{by}\",{trusted}")
        }
        (InformationFacts::Ocsp(response), false) => {
            let (at, by) = (response.produced_at, &response.responder);
            let trusted = if response.is_by_trusted_responder {
                "（認証局の委任ではなく、利用者が信頼するレスポンダ）"
            } else {
                ""
            };
            format!("OCSPレスポンス {name} は {at} 付、レスポンダ「{by}」{trusted}によるものです")
        }
    }
}
