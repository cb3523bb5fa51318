//! The report for programs. `docs/verdicts.md` lists the members; members may be added.

use ishibumi_tlog::policy::AlgorithmRequirement;
use serde_json::{Value, json};

use super::{Language, answers, kind_name, rfc3339, sentences};
use ishibumi::verify::{
    AnswerFacts, CertificateFacts, Check, ConsultedInformation, ConsultedToken, Existence, Facts,
    InformationFacts, ListFacts, Outcome, ProvenBy, Report, ResponseFacts, Revocation, Statement,
    SubIndication,
};

/// The report as a JSON object. Times are RFC 3339 in UTC, hashes and serials lowercase hex.
pub fn json(report: &Report) -> Value {
    json!({
        "indication": report.indication().word(),
        "sub_indication": report.sub_indication().map(SubIndication::word),
        "proven": report.is_proven(),
        "answers": answers::json(report),
        "statement": report.statement().map(statement),
        "existence": report.existence().map(existence),
        "checkpoint_tokens": report.checkpoint_tokens().iter().map(stamped).collect::<Vec<_>>(),
        "artifact": {
            "file_sha256": report.artifact_digest().to_hex(),
            "claims": report.facts().map(facts),
        },
        "pdf": super::pdf::json_of_report(report),
        "checks": report.checks().iter().map(check).collect::<Vec<_>>(),
        "revocation": revocation(report.revocation()),
        "issuers": report.issuers().iter().map(|ca| json!({
            "subject": ca.subject,
            "revocation": revocation(&ca.revocation),
        })).collect::<Vec<_>>(),
        "revocation_lists": report.information().iter().map(consulted).collect::<Vec<_>>(),
        "sentences": {
            "en": sentences(report, Language::English),
            "ja": sentences(report, Language::Japanese),
        },
    })
}

fn statement(statement: &Statement) -> Value {
    let witnesses = statement.witnesses.iter();
    json!({
        "leaf": statement.leaf.to_hex(),
        "kind": kind_name(statement.kind),
        "index": statement.index,
        "log": statement.origin,
        "tree_size": statement.size,
        "root": statement.root.to_hex(),
        "witnesses": witnesses
            .map(|seen| {
                let time = rfc3339(seen.time);
                json!({ "name": seen.name, "algorithm": seen.algorithm, "time": time })
            })
            .collect::<Vec<_>>(),
        "witnesses_in_policy": statement.witnesses_known,
        "post_quantum": statement.demand == AlgorithmRequirement::PostQuantum,
        "not_after": statement.not_after.map(rfc3339),
    })
}

fn existence(existence: Existence) -> Value {
    let (by, token) = match existence.by {
        ProvenBy::Witnesses => ("witnesses", None),
        ProvenBy::CheckpointToken(place) => ("checkpoint-token", Some(place)),
    };
    json!({
        "not_after": existence.not_after.to_string(),
        "by": by,
        "checkpoint_token": token,
    })
}

fn stamped(token: &ConsultedToken) -> Value {
    let stamped = token.stamped.as_ref().ok().map(|stamped| {
        json!({
            "tree_size": stamped.size,
            "gen_time": stamped.gen_time.to_string(),
            "accuracy_us": stamped.accuracy.map(ishibumi_artifact::record::Accuracy::total_micros),
            "not_after": stamped.not_after.to_string(),
            "serial": hex::encode(&stamped.serial),
            "tsu": certificate(&stamped.tsu),
        })
    });
    json!({
        "name": token.name,
        "stamped": stamped,
        "refused": token.stamped.as_ref().err(),
    })
}

fn facts(facts: &Facts) -> Value {
    match facts {
        Facts::Token {
            gen_time,
            accuracy,
            serial,
            policy,
            imprint_algorithm,
            imprint,
            tsu,
        } => {
            json!({
                "type": "timestamp-token",
                "gen_time": gen_time.to_string(),
                "accuracy_us": accuracy.map(ishibumi_artifact::record::Accuracy::total_micros),
                "serial": hex::encode(serial),
                "policy": policy,
                "imprint_algorithm": imprint_algorithm,
                "imprint": hex::encode(imprint),
                "tsu": certificate(tsu),
            })
        }
        Facts::Certificate(facts) => typed("certificate", certificate(facts)),
        Facts::Crl(facts) => typed("crl", list(facts)),
        Facts::Ocsp(facts) => typed("ocsp-response", response(facts)),
    }
}

fn typed(name: &str, mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.insert("type".to_owned(), name.into());
    }
    value
}

fn certificate(facts: &CertificateFacts) -> Value {
    json!({
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": hex::encode(&facts.serial),
        "not_before": facts.not_before.to_string(),
        "not_after": facts.not_after.to_string(),
        "sha256": hex::encode(facts.digest),
    })
}

fn list(facts: &ListFacts) -> Value {
    json!({
        "issuer": facts.issuer,
        "number": (!facts.number.is_empty()).then(|| hex::encode(&facts.number)),
        "this_update": facts.this_update.to_string(),
        "next_update": facts.next_update.map(|time| time.to_string()),
        "delta": facts.is_delta,
        "last": facts.is_last,
        "expired_certs_on": facts.expired_certs_on.map(|time| time.to_string()),
        "entries": facts.entries,
        "sha256": hex::encode(facts.digest),
    })
}

fn response(facts: &ResponseFacts) -> Value {
    let answer = |answer: &AnswerFacts| {
        json!({
            "serial": hex::encode(&answer.serial),
            "status": answer.status,
            "this_update": answer.this_update.to_string(),
            "next_update": answer.next_update.map(|time| time.to_string()),
            "archive_cutoff": answer.archive_cutoff.map(|time| time.to_string()),
            "cert_hash": answer.names_the_certificate,
        })
    };
    json!({
        "issuer": facts.issuer,
        "responder": facts.responder,
        "trusted_responder": facts.is_by_trusted_responder,
        "produced_at": facts.produced_at.to_string(),
        "answers": facts.answers.iter().map(answer).collect::<Vec<_>>(),
        "sha256": hex::encode(facts.digest),
    })
}

fn check(check: &Check) -> Value {
    let (outcome, sub_indication) = match check.outcome {
        Outcome::Passed => ("passed", None),
        Outcome::Failed(sub) => ("failed", Some(sub.word())),
        Outcome::NotChecked => ("not-checked", None),
    };
    json!({
        "step": check.step.name(),
        "outcome": outcome,
        "sub_indication": sub_indication,
        "detail": check.detail,
    })
}

fn revocation(state: &Revocation) -> Value {
    match state {
        Revocation::NotChecked => json!({ "state": "not-checked" }),
        Revocation::NotCovered(why) => json!({ "state": "not-covered", "reason": why }),
        Revocation::NotRevoked { as_of } => {
            json!({ "state": "not-revoked", "as_of": as_of.to_string() })
        }
        Revocation::Revoked {
            date,
            reason,
            invalidity_date,
        } => json!({
            "state": "revoked",
            "date": date.to_string(),
            "reason": reason,
            "invalidity_date": invalidity_date.map(|date| date.to_string()),
        }),
    }
}

fn consulted(consulted: &ConsultedInformation) -> Value {
    let (logged, problem) = match &consulted.logged {
        None => (None, None),
        Some(Ok(proven)) => (Some(statement(proven)), None),
        Some(Err(why)) => (None, Some(why)),
    };
    let (of_list, of_response) = match &consulted.says {
        Ok(InformationFacts::Crl(facts)) => (Some(list(facts)), None),
        Ok(InformationFacts::Ocsp(facts)) => (None, Some(response(facts))),
        Err(_) => (None, None),
    };
    json!({
        "name": consulted.name,
        "list": of_list,
        "response": of_response,
        "refused": consulted.says.as_ref().err(),
        "statement": logged,
        "proof_refused": problem,
    })
}
