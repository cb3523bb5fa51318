//! What a record says, as JSON for programs and, line by line, for people. Octets are hexadecimal.

use ishibumi_artifact::record::{
    Body, EndingStatement, LogEnding, LogStatement, Moment, OcspAnswer, Opaque, ProviderEntry,
    ProviderStatement, Reason, Record,
};
use ishibumi_artifact::time::LAST_LIST_NEXT_UPDATE;
use serde_json::{Map, Value, json};

use super::shown as text;

/// The fields of a record by name. A record proves nothing by itself: nothing in it is signed by an
/// issuer.
pub fn record_json(record: &Record) -> Value {
    match record.body() {
        Body::Log(LogStatement::Opened(opened)) => json!({
            "statement": "opened",
            "origin": text(opened.origin()),
            "keys": opened.keys().map(text).collect::<Vec<_>>(),
            "record_version": opened.record_version(),
            "predecessor": opened.predecessor().map(|before| json!({
                "keys": before.keys().map(text).collect::<Vec<_>>(),
                "checkpoint": text(before.checkpoint()),
            })),
        }),
        Body::Log(LogStatement::Closing(end)) => ending("closing", end),
        Body::Log(LogStatement::Closed(end)) => ending("closed", end),
        Body::Log(LogStatement::Erased(erased)) => json!({
            "statement": "erased",
            "blob": hex::encode(erased.blob),
            "date": erased.date.time().to_string(),
            "reason": text(erased.reason.as_bytes()),
        }),
        Body::Log(LogStatement::Unknown(unknown)) => json!({ "statement": unknown.code() }),
        Body::Provider(statement) => provider(statement),
        Body::Token(token) => json!({
            "gen_time": token.gen_time.time().to_string(),
            "serial": hex::encode(token.serial.as_bytes()),
            "ess_hash_algorithm": hex::encode(token.ess_hash_algorithm.as_bytes()),
            "ess_hash": hex::encode(token.ess_hash.as_bytes()),
            "content": hex::encode(token.content),
        }),
        Body::Certificate(certificate) => json!({
            "issuer_key_hash": hex::encode(certificate.issuer_key_hash),
            "certificate": hex::encode(certificate.certificate.as_bytes()),
        }),
        Body::CertificateDigest(digest) => json!({
            "tbs_digest": hex::encode(digest.tbs_digest),
            "issuer_key_hash": hex::encode(digest.issuer_key_hash),
            "serial": hex::encode(digest.serial.as_bytes()),
            "not_before": digest.not_before.time().to_string(),
            "not_after": digest.not_after.time().to_string(),
        }),
        Body::Revocation(revocation) => json!({
            "issuer_key_hash": hex::encode(revocation.issuer_key_hash),
            "serial": hex::encode(revocation.serial.as_bytes()),
            "revocation_date": revocation.revocation_date.time().to_string(),
            "reason": revocation.reason.map(Reason::name),
        }),
        Body::Crl(list) => json!({
            "issuer_key_hash": hex::encode(list.issuer_key_hash),
            "digest": hex::encode(list.digest),
            "this_update": list.this_update.time().to_string(),
            "next_update": list.next_update.map(|next| next.time().to_string()),
            "last": list.next_update.map(Moment::time) == Some(LAST_LIST_NEXT_UPDATE),
            "delta": !list.base_number.as_bytes().is_empty(),
            "count": list.count,
        }),
        Body::Ocsp(response) => json!({
            "issuer_key_hash": hex::encode(response.issuer_key_hash),
            "responder_key_hash": hex::encode(response.responder_key_hash),
            "digest": hex::encode(response.digest),
            "produced_at": response.produced_at.time().to_string(),
            "answers": response.answers().iter().map(answer).collect::<Vec<_>>(),
        }),
        Body::Anchor(anchor) => json!({
            "origin": anchor.checkpoint().origin,
            "size": anchor.checkpoint().size,
            "root": anchor.checkpoint().root.to_string(),
            "token": hex::encode(anchor.token()),
        }),
        Body::Mark(marked) => json!({
            "content": hex::encode(marked.content),
            "mark": marked.mark.name().map_or_else(|| marked.mark.0.into(), Value::from),
        }),
        _ => json!({}),
    }
}

fn ending(statement: &str, end: &LogEnding) -> Value {
    json!({
        "statement": statement,
        "date": end.date().time().to_string(),
        "reason": text(end.reason()),
        "reason_ja": text(end.reason_ja()),
        "successor": end.successor().map(text).collect::<Vec<_>>(),
        "custodians": end.custodians().map(text).collect::<Vec<_>>(),
    })
}

fn answer(answer: &OcspAnswer) -> Value {
    json!({
        "serial": hex::encode(answer.serial.as_bytes()),
        "status": answer.status.name(),
        "this_update": answer.this_update.time().to_string(),
        "next_update": answer.next_update.map(|next| next.time().to_string()),
    })
}

fn provider(statement: &ProviderStatement) -> Value {
    let code = statement.code();
    let anchors: Vec<String> = statement.anchors().iter().map(hex::encode).collect();
    let mut says = Map::new();
    says.insert(
        "statement".into(),
        code.name().map_or_else(|| code.0.into(), Value::from),
    );
    says.insert("provider".into(), text(statement.provider()).into());
    says.insert("anchors".into(), anchors.into());
    let detail = if code.is_by_provider() {
        statement.ending().map(|said| ending_json(&said))
    } else {
        statement.entry().map(|entry| entry_json(&entry))
    };
    says.extend(detail.unwrap_or_else(|_| {
        let octets = hex::encode(statement.detail()).into();
        Map::from_iter([("detail".to_owned(), octets)])
    }));
    says.into()
}

fn ending_json(said: &EndingStatement) -> Map<String, Value> {
    let value = match said {
        EndingStatement::KeyDestroyed(said) => json!({
            "certificate": hex::encode(said.certificate),
            "date": said.date.time().to_string(),
            "attestation": said.attestation.map(hex::encode),
            "text": text(said.text.as_bytes()),
        }),
        EndingStatement::ArchiveCustodian(said) => json!({
            "name": text(said.name.as_bytes()),
            "location": text(said.location.as_bytes()),
            "archive": hex::encode(said.archive),
        }),
        EndingStatement::LastCrl(said) => json!({
            "crl": hex::encode(said.crl),
            "issuer_key_hash": hex::encode(said.issuer_key_hash),
        }),
        EndingStatement::LastCount(said) => json!({
            "certificate": hex::encode(said.certificate),
            "count": said.count,
            "last_serial": said.last.as_ref().map(|(serial, _)| hex::encode(serial.as_bytes())),
            "last_gen_time": said.last.as_ref().map(|(_, time)| time.time().to_string()),
            "batch": hex::encode(said.batch),
        }),
    };
    value.as_object().cloned().unwrap_or_default()
}

fn entry_json(entry: &ProviderEntry) -> Map<String, Value> {
    let words = |words: &mut dyn Iterator<Item = &[u8]>| words.map(text).collect::<Vec<_>>();
    let status = entry.status.iter().map(|change| {
        json!({
            "state": change.state.name().map_or_else(|| change.state.0.into(), Value::from),
            "from": change.from.time().to_string(),
            "successor": text(change.successor.as_bytes()),
        })
    });
    let members = [
        ("sequence", entry.sequence.into()),
        ("name", text(entry.name.as_bytes()).into()),
        ("name_ja", text(entry.name_ja.as_bytes()).into()),
        (
            "kinds",
            words(&mut entry.kinds.iter().map(Opaque::as_bytes)).into(),
        ),
        (
            "intermediates",
            entry.intermediates.iter().map(hex::encode).collect(),
        ),
        ("records_per_minute", entry.records_per_minute.into()),
        ("records_per_day", entry.records_per_day.into()),
        ("backdating_seconds", entry.backdating_seconds.into()),
        ("status", status.collect()),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
