//! The log's statements about its providers, compared with the registry that is to be in force.
//!
//! Every change of the registry becomes a `provider-statement` record before it takes effect, so
//! that who was accepted when is as provable as what was accepted. What the log says is replayed
//! from its own records, found through the index; nothing beside the log remembers it. A statement
//! carries the whole entry of its provider, so one statement a change is enough, and a change that
//! is taken back is one too.

use std::collections::BTreeMap;

use ishibumi_artifact::record::{ProviderEntry, ProviderStatement, RecordError, StatementCode};
use ishibumi_artifact::{Body, LookupKey, Record};
use ishibumi_store::{LogStore, StoreError};

use crate::registry::{Provider, Registry};

/// Indices that are read at once.
const PAGE: usize = 1000;

/// Why statements cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index leads to something else than a provider statement.
    #[error(
        "the index says that record {index} is a provider statement, which it is not; run fsck, then reindex"
    )]
    Index {
        /// Where the index pointed to.
        index: u64,
    },
    /// An entry does not fit a record.
    #[error("provider {provider:?}: {source}")]
    Entry {
        /// The provider.
        provider: String,
        /// Why the statement does not fit a record.
        source: RecordError,
    },
}

/// The log's newest statement about one provider.
struct Said {
    last: ProviderStatement,
    count: u32,
}

/// The records that have to be in the log before `registry` is in force: one for every provider
/// about which the log says something else, or nothing. Empty if nothing changed.
///
/// # Errors
/// [`StatementError`] if the store fails, its index leads to another record, or an entry does not
/// fit a record.
pub fn outstanding(
    store: &dyn LogStore,
    registry: &Registry,
) -> Result<Vec<Record>, StatementError> {
    let mut said = replay(store)?;
    let mut statements = Vec::new();
    for provider in registry.providers() {
        let before = said.remove(provider.id.as_bytes());
        let statement = changed(provider, before.as_ref());
        let statement = statement.map_err(|source| entry_error(&provider.id, source))?;
        statements.extend(statement);
    }
    for (provider, before) in said {
        let provider = String::from_utf8_lossy(&provider);
        let statement = left(&provider, &before);
        let statement = statement.map_err(|source| entry_error(&provider, source))?;
        statements.extend(statement);
    }
    let record = |statement| Record::from(Body::Provider(statement));
    Ok(statements.into_iter().map(record).collect())
}

fn entry_error(provider: &str, source: RecordError) -> StatementError {
    StatementError::Entry {
        provider: provider.to_owned(),
        source,
    }
}

fn replay(store: &dyn LogStore) -> Result<BTreeMap<Vec<u8>, Said>, StatementError> {
    let key = LookupKey::Providers.to_bytes();
    let mut said: BTreeMap<Vec<u8>, Said> = BTreeMap::new();
    let mut from = 0;
    loop {
        let indices = store.lookup(&key, from, PAGE)?;
        for &index in &indices {
            let octets = store.record(index)?.unwrap_or_default();
            let record = Record::decode(&octets).map_err(|_| StatementError::Index { index })?;
            let Body::Provider(last) = record.body().clone() else {
                return Err(StatementError::Index { index });
            };
            // A provider's own statement is not about the registry.
            if last.code().is_by_provider() {
                continue;
            }
            let count = said.get(last.provider()).map_or(0, |said| said.count) + 1;
            said.insert(last.provider().to_vec(), Said { last, count });
        }
        match indices.last() {
            Some(last) if indices.len() == PAGE => from = last + 1,
            _ => return Ok(said),
        }
    }
}

/// The statement that a provider of the registry needs, if any.
fn changed(
    provider: &Provider,
    before: Option<&Said>,
) -> Result<Option<ProviderStatement>, RecordError> {
    let anchors = provider.anchor_digests();
    let last = before.and_then(|said| Some((said, said.last.entry().ok()?)));
    let mut code = provider
        .entry
        .status
        .last()
        .map_or(StatementCode::ACCEPTED, |change| change.state);
    if let Some((said, entry)) = &last {
        // Equal but for what says which statement it is, and for the names.
        let renumbered = ProviderEntry {
            sequence: entry.sequence,
            ..provider.entry.clone()
        };
        let same_anchors = said.last.anchors() == anchors;
        if same_anchors && renumbered == *entry {
            return Ok(None);
        }
        let unnamed = ProviderEntry {
            name: entry.name.clone(),
            name_ja: entry.name_ja.clone(),
            ..renumbered
        };
        if same_anchors && unnamed == *entry {
            code = StatementCode::RENAMED;
        }
    }
    let entry = ProviderEntry {
        sequence: before.map_or(0, |said| said.count),
        ..provider.entry.clone()
    };
    ProviderStatement::new(code, &provider.id, anchors, &entry.encode()?).map(Some)
}

/// The statement about a provider that is in the registry no more, if the log does not say so yet.
fn left(provider: &str, before: &Said) -> Result<Option<ProviderStatement>, RecordError> {
    let Ok(entry) = before.last.entry() else {
        return Ok(None);
    };
    if entry.kinds.is_empty() {
        return Ok(None);
    }
    let entry = ProviderEntry {
        sequence: before.count,
        kinds: Vec::new(),
        ..entry
    };
    let anchors = before.last.anchors().to_vec();
    let code = StatementCode::SUSPENDED;
    ProviderStatement::new(code, provider, anchors, &entry.encode()?).map(Some)
}
