//! Admission of what a provider says about its own end (docs/formats/record.md, "2:
//! provider-statement").
//!
//! A statement is the provider's word, so what is checked is that it is the provider's: under its
//! bearer token, about itself, and about a list or certificate that this log holds and that chains
//! to the provider's anchors. The log cannot check whether the statement is true.

use ishibumi_artifact::record::{EndingStatement, LastCrl};
use ishibumi_artifact::{ArtifactType, Body, Crl, LookupKey, Record, admit};
use ishibumi_store::{Clock, LogStore};
use ishibumi_tlog::Hash;

use crate::admission::new_record;
use crate::core::Item;
use crate::refusal::Refusal;
use crate::registry::{Provider, Submitter};

/// The media type of such a statement: the octets of its record.
pub const STATEMENT: &str = "application/vnd.ishibumi.provider-statement";

/// Checks a statement, and takes off the provider's quota what that costs, also if it is refused:
/// one about a list has the list verified again, and costs as many records as that has entries.
///
/// # Errors
/// [`Refusal`] if the statement is malformed, unfounded or another provider's to make, or the quota
/// is used up.
pub fn admit_statement(
    submitter: &Submitter,
    store: &dyn LogStore,
    octets: &[u8],
    clock: &dyn Clock,
) -> Result<Item, Refusal> {
    let Submitter::Provider(provider) = submitter else {
        return Err(not_yours(
            "a provider states its end itself, under its own token",
        ));
    };
    submitter.charge(1, clock)?;
    let malformed = Refusal::StatementMalformed;
    let record = Record::decode(octets).map_err(|error| malformed(error.to_string()))?;
    let Body::Provider(statement) = record.body() else {
        return Err(malformed("this record is no provider statement".to_owned()));
    };
    if !statement.code().is_by_provider() {
        let code = statement.code().0;
        return Err(not_yours(format!(
            "statement {code} is the log's to make, about its registry; a provider makes those from 7 to 10"
        )));
    }
    if statement.provider() != provider.id.as_bytes() {
        return Err(not_yours(format!(
            "the statement is about {:?}, and this token is of {:?}",
            String::from_utf8_lossy(statement.provider()),
            provider.id
        )));
    }
    let said = statement
        .ending()
        .map_err(|error| malformed(error.to_string()))?;
    if !statement.anchors().is_empty() {
        return Err(malformed(
            "a provider's own statement has no anchors".to_owned(),
        ));
    }
    match &said {
        EndingStatement::KeyDestroyed(said) => {
            check_certificate(provider, store, said.certificate)?;
        }
        EndingStatement::LastCount(said) => check_certificate(provider, store, said.certificate)?,
        EndingStatement::LastCrl(said) => {
            let owe = |records| submitter.owe(records, clock);
            check_list(owe, provider, store, said)?;
        }
        EndingStatement::ArchiveCustodian(_) => {}
    }
    Ok(Item {
        records: vec![new_record(&record)?],
        ..Item::default()
    })
}

/// The certificate has to be in the log, or be an anchor, and to be the provider's.
fn check_certificate(
    provider: &Provider,
    store: &dyn LogStore,
    digest: [u8; 32],
) -> Result<(), Refusal> {
    if provider.anchor_digests().contains(&digest) {
        return Ok(());
    }
    let what = format!("the certificate with SHA-256 {}", hex::encode(digest));
    let Some(Body::Certificate(body)) = logged(store, &LookupKey::Certificate(digest))? else {
        return Err(unknown(format!(
            "{what} is not in this log: submit it first"
        )));
    };
    let der = body.certificate.as_bytes();
    admit(ArtifactType::Certificate, der, &provider.anchors)
        .map(drop)
        .map_err(|refusal| not_yours(format!("{what} is not of this provider: {refusal}")))
}

/// The list has to be in the log, complete, and the provider's. The cost of verifying it is charged
/// before.
fn check_list(
    owe: impl FnOnce(usize),
    provider: &Provider,
    store: &dyn LogStore,
    said: &LastCrl,
) -> Result<(), Refusal> {
    let (digest, issuer_key_hash) = (said.crl, said.issuer_key_hash);
    let what = format!("the list with SHA-256 {}", hex::encode(digest));
    let Some(Body::Crl(list)) = logged(store, &LookupKey::Crl(digest))? else {
        return Err(unknown(format!(
            "{what} is not in this log: submit it first"
        )));
    };
    if list.issuer_key_hash != issuer_key_hash {
        return Err(unknown(format!(
            "{what} is signed by the key {}",
            hex::encode(list.issuer_key_hash)
        )));
    }
    if !list.base_number.as_bytes().is_empty() {
        return Err(unknown(format!(
            "{what} is a delta list; the last one has to be complete"
        )));
    }
    let blob = store.blob(Hash(digest))?;
    let blob = blob.ok_or_else(|| unknown(format!("{what} was erased here")))?;
    owe(usize::try_from(list.count).unwrap_or(usize::MAX));
    // Verified, and not made into records again: those of a long list take much memory.
    let verified = Crl::parse(&blob).and_then(|crl| crl.verify(&provider.anchors));
    verified
        .map(drop)
        .map_err(|refusal| not_yours(format!("{what} is not of this provider: {refusal}")))
}

/// The first record under `key`.
fn logged(store: &dyn LogStore, key: &LookupKey) -> Result<Option<Body>, Refusal> {
    let found = store.lookup(&key.to_bytes(), 0, 1)?;
    let octets = found
        .first()
        .map_or(Ok(None), |&index| store.record(index))?;
    let record = octets.and_then(|octets| Record::decode(&octets).ok());
    Ok(record.map(|record| record.body().clone()))
}

fn not_yours(detail: impl Into<String>) -> Refusal {
    Refusal::StatementNotYours(detail.into())
}

fn unknown(detail: impl Into<String>) -> Refusal {
    Refusal::StatementUnfounded(detail.into())
}
