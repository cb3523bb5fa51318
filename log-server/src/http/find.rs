//! Finding records: the proof of a leaf, and the indices under a key.

use http::{HeaderValue, StatusCode, header};
use ishibumi_artifact::LookupKey;
use ishibumi_store::{KeptCheckpoint, earliest_covering, inclusion_proofs, public};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::{Hash, TrustedCheckpoint};
use ishibumi_wire::{Reply, reply};
use serde_json::json;

use super::app::App;
use super::problem::Problem;
use super::query::{Query, Signatures};
use super::read::no_store;
use crate::core::Published;

/// The most indices in one answer.
const INDICES_MAX: usize = 1000;

impl App {
    /// `GET /v1/proof/LEAF[?fresh&signatures=...]`: the tlog-proof of the record with this leaf
    /// hash.
    ///
    /// It is made for the earliest kept checkpoint that covers the record, which proves the
    /// earliest time; `fresh` asks for the newest checkpoint instead, `signatures` for fewer of
    /// them.
    pub(super) fn proof(&self, leaf: &str, query: Option<&str>) -> Result<Reply, Problem> {
        let unknown = || {
            let detail = format!(
                "no record has the leaf hash {leaf}; a leaf hash is 64 lowercase hexadecimal digits"
            );
            Problem::new(StatusCode::NOT_FOUND, "unknown-leaf", detail)
        };
        let query = Query::of_proof(query)?;
        let hash = Hash::from_hex(leaf).ok_or_else(unknown)?;
        let index = self
            .store
            .index_of(hash)
            .map_err(|error| Problem::store(&error))?;
        let index = index.ok_or_else(unknown)?;
        let published = self
            .handle
            .published()
            .filter(|p| p.checkpoint().size > index);
        let Some(published) = published else {
            return Ok(pending(index, hash));
        };
        let text = self.proof_text(index, &published, !query.is_fresh, query.signatures)?;
        let answer = no_store(reply(StatusCode::OK, public::TEXT, text));
        Ok(with_place(answer, index, hash))
    }

    /// The tlog-proof of record `index` under the `earliest` kept checkpoint that covers it, or
    /// under the published one.
    pub(super) fn proof_text(
        &self,
        index: u64,
        published: &Published,
        earliest: bool,
        signatures: Signatures,
    ) -> Result<String, Problem> {
        let newest = KeptCheckpoint {
            size: published.checkpoint().size,
            note: published.note().clone(),
        };
        let KeptCheckpoint { size, note } = if earliest {
            earliest_covering(self.store.as_ref(), index, newest)
                .map_err(|error| Problem::store(&error))?
        } else {
            newest
        };
        let mut texts = self.proof_texts(&[index], size, &note, signatures)?;
        texts.pop().ok_or_else(|| not_published(index))
    }

    /// The tlog-proofs of the records `indices` under `note`, a checkpoint of `size` leaves, with
    /// the `signatures` that were asked for.
    pub(super) fn proof_texts(
        &self,
        indices: &[u64],
        size: u64,
        note: &Note,
        signatures: Signatures,
    ) -> Result<Vec<String>, Problem> {
        let least = match signatures {
            Signatures::All => None,
            Signatures::Least(demand) => Some(self.policy.least(note, demand).map_err(|error| {
                let detail = format!(
                    "the checkpoint of {size} records cannot be cut by the log's policy: {error}; ask for \
                     signatures=all"
                );
                Problem::new(StatusCode::CONFLICT, "signatures-missing", detail)
            })?),
        };
        let note = least.as_ref().map_or(note, TrustedCheckpoint::note);
        let proofs = inclusion_proofs(self.store.as_ref(), indices, size, note)
            .map_err(|error| Problem::store(&error))?;
        let texts = indices.iter().zip(proofs).map(|(&index, proof)| {
            let proof = proof.ok_or_else(|| not_published(index))?;
            Ok(proof.encode())
        });
        texts.collect()
    }

    /// `GET /v1/lookup/KIND/VALUE...`: indices of records, for the caller to prove.
    pub(super) fn lookup(&self, path: &str, query: Option<&str>) -> Result<Reply, Problem> {
        let from = query
            .and_then(|query| query.strip_prefix("from=")?.parse().ok())
            .unwrap_or(0);
        let indices = match path.split_once('/') {
            Some(("leaf", leaf)) => {
                let leaf = Hash::from_hex(leaf).ok_or_else(malformed_lookup)?;
                let index = self.store.index_of(leaf);
                index.map(|index| index.filter(|&index| index >= from).into_iter().collect())
            }
            _ => {
                let key = lookup_key(path).ok_or_else(malformed_lookup)?;
                self.store.lookup(&key.to_bytes(), from, INDICES_MAX)
            }
        };
        let indices: Vec<u64> = indices.map_err(|error| Problem::store(&error))?;
        let size = self.handle.published().map_or(0, |p| p.checkpoint().size);
        let indices: Vec<u64> = indices.into_iter().filter(|&index| index < size).collect();
        let next = (indices.len() == INDICES_MAX).then(|| indices.last().map(|last| last + 1));
        let body = json!({ "indices": indices, "next": next.flatten() });
        Ok(no_store(reply(
            StatusCode::OK,
            "application/json",
            format!("{body}\n"),
        )))
    }
}

fn not_published(index: u64) -> Problem {
    Problem::not_found(format!("record {index} is not published yet"))
}

fn malformed_lookup() -> Problem {
    let detail = "expected leaf/LEAF_HASH, content/SHA256, certificate/SHA256, tbs-certificate/SHA256, \
                  crl/SHA256, serial/ISSUER_KEY_SHA256/SERIAL, tsu/HASH_ALGORITHM/ESS_HASH/SERIAL, \
                  organization/IDENTIFIER, provider/ID, providers, checkpoint-anchors, log-statements or \
                  erased/SHA256; all in lowercase hexadecimal but \
                  IDENTIFIER, ID and the algorithm (sha1, sha256, sha384, sha512)";
    Problem::new(StatusCode::BAD_REQUEST, "malformed-lookup", detail)
}

/// The answer for a record that is durable, but not covered by a quorum yet.
pub(super) fn pending(index: u64, leaf: Hash) -> Reply {
    let mut body = place_json(index, leaf).to_string();
    body.push('\n');
    let mut answer = no_store(reply(StatusCode::ACCEPTED, "application/json", body));
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    with_place(answer, index, leaf)
}

/// Where a record is, and where its proof will be.
pub(super) fn place_json(index: u64, leaf: Hash) -> serde_json::Value {
    json!({ "index": index, "leaf": leaf.to_hex(), "proof": format!("/v1/proof/{leaf}") })
}

/// The answer with the headers that say where the record is.
pub(super) fn with_place(mut answer: Reply, index: u64, leaf: Hash) -> Reply {
    let headers = answer.headers_mut();
    headers.insert("ishibumi-index", index.into());
    if let Ok(leaf) = HeaderValue::from_str(&leaf.to_hex()) {
        headers.insert("ishibumi-leaf", leaf);
    }
    answer
}

/// A key from the path behind `/v1/lookup/`; the values of organisations and providers are
/// percent-encoded there.
fn lookup_key(path: &str) -> Option<LookupKey> {
    let (kind, value) = path.split_once('/').unwrap_or((path, ""));
    match kind {
        "organization" | "provider" => LookupKey::from_words(kind, &percent_decode(value)?),
        _ => LookupKey::from_words(kind, value),
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b == b'%' {
            let digits = [rest.next()?, rest.next()?];
            octets.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            octets.push(b);
        }
    }
    String::from_utf8(octets)
        .ok()
        .filter(|text| text.len() <= 256)
}
