//! The batch for programs. Members may be added.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::words;
use crate::batch::{Batch, Row, Status};
use crate::render::Language;
use ishibumi::verify::{RevocationRule, SubIndication};

/// The batch as a JSON object.
pub fn json(batch: &Batch, language: Language) -> Value {
    let summary = batch.summary();
    let counts = Status::ALL.map(|status| (status.name().to_owned(), summary.count(status).into()));
    json!({
        "folder": batch.folder,
        "from": batch.period.from_shown(),
        "to": batch.period.to_shown(),
        "verified_at": batch.period.zone().show(batch.verified_at),
        "policy_sha256": batch.policy_digest,
        "anchors_sha256": batch.anchors,
        "accredited_list_sha256": batch.accredited_digest,
        "total": summary.total(),
        "not_compared": summary.not_compared(),
        "require_document": batch.require_document,
        "revocation_asked": batch.revocation == RevocationRule::Required,
        "summary": Value::Object(counts.into_iter().collect()),
        "rows": batch.rows.iter().map(|it| row(batch, it, language)).collect::<Vec<_>>(),
    })
}

fn row(batch: &Batch, row: &Row, language: Language) -> Value {
    let zone = batch.period.zone();
    let stamped = row.stamped.as_ref().map(|it| {
        json!({
            "gen_time": zone.show(it.gen_time),
            "serial": hex::encode(&it.serial),
            "hash_algorithm": it.imprint_algorithm,
            "hash_base64": STANDARD.encode(&it.imprint),
            "tsa_certificate": it.tsu.subject,
            "tsa_certificate_sha256": hex::encode(it.tsu.digest),
            "valid_from": zone.show(it.tsu.not_before),
            "valid_to": zone.show(it.tsu.not_after),
            "accredited": it.accreditation.name(),
        })
    });
    json!({
        "file": row.file,
        "status": row.status.name(),
        "sub_indication": row.sub_indication.map(SubIndication::word),
        "token": stamped,
        "proven_time": row.proven_time.map(|it| zone.show(it)),
        "document": row.document.0,
        "compared": row.document.1.name(),
        "reasons": words::reasons(batch, row, language),
    })
}
