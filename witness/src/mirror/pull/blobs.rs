//! Blobs: lists and responses that records name by their SHA-256, and that lie beside the log.
//!
//! Which blobs a log of ours has is known from its `crl` and `ocsp-response` records; entries of
//! other logs are opaque. A blob that the log does not give gates nothing: it is asked for again at
//! the next round, and how far all are there is remembered. A blob that the log states to have
//! erased is not asked for any more; a copy that is here stays, until the mirror's own operator
//! erases it (`mirror erase`): whose evidence goes is not for the log alone to say.
//!
//!
//! ```text
//! ishibumi-mirror blobs v1
//! whole <index>       every blob that a record below this index names is kept
//! ```
//!
//! and, for each blob that the operator erased, under `erased/<hex SHA-256>`: `ishibumi-mirror
//! erased v1`.

use std::collections::BTreeMap;

use ishibumi_artifact::record::{Body, LogStatement, Record};
use ishibumi_store::Registers;
use ishibumi_tlog::Hash;

use super::error::PullError;
use super::remote::Remote;
use crate::follow::StateError;
use crate::mirror::copy::LogCopy;

/// The longest blob that is read, in octets.
const BLOB_LEN_MAX: usize = 64 << 20;

/// Records that are looked at in one go.
const RECORDS_AT_ONCE: u64 = 256;

/// The most missing blobs that are asked for again and again; beyond, no further record is looked
/// at.
const MISSING_MAX: usize = 10_000;

const HEADING: &str = "ishibumi-mirror blobs v1\nwhole ";

const ERASED: &[u8] = b"ishibumi-mirror erased v1\n";

/// Which blobs of one log are there.
#[derive(Debug)]
pub(super) struct Blobs {
    register: String,
    /// The first record that was not looked at yet.
    looked_at: u64,
    /// Blobs that records before it name and the log did not give, by index.
    missing: BTreeMap<u64, Hash>,
}

impl Blobs {
    pub(super) fn load<R: Registers>(registers: &R, log: Hash) -> Result<Self, StateError> {
        let register = format!("blobs/{log}");
        let value = registers.read(register.as_bytes())?;
        let whole = value.map_or(Some(0), |value| {
            let text = std::str::from_utf8(&value).ok()?;
            text.strip_prefix(HEADING)?.strip_suffix('\n')?.parse().ok()
        });
        let looked_at = whole.ok_or_else(|| StateError::Damaged {
            register: register.clone(),
            detail: "it is not in the format v1".to_owned(),
        })?;
        Ok(Self {
            register,
            looked_at,
            missing: BTreeMap::new(),
        })
    }

    /// How many blobs records name and the log did not give.
    pub(super) fn missing(&self) -> usize {
        self.missing.len()
    }

    /// Brings over the blobs that the records below `size` name. Returns how many.
    pub(super) fn bring_over<R: Registers>(
        &mut self,
        copy: &LogCopy,
        registers: &R,
        remote: &Remote,
        size: u64,
    ) -> Result<u64, PullError> {
        let mut brought = 0;
        for (index, digest) in std::mem::take(&mut self.missing) {
            brought += self.fetch(copy, registers, remote, index, digest)?;
        }
        while self.looked_at < size && self.missing.len() < MISSING_MAX {
            let end = size.min(self.looked_at.saturating_add(RECORDS_AT_ONCE));
            let records = copy.store().records(self.looked_at, end)?;
            for (index, octets) in (self.looked_at..).zip(records) {
                match named_blob(&octets) {
                    Some(Named::Kept(digest)) => {
                        brought += self.fetch(copy, registers, remote, index, digest)?;
                    }
                    Some(Named::Erased(digest)) => {
                        self.missing.retain(|_, missing| *missing != digest);
                    }
                    None => {}
                }
            }
            self.looked_at = end;
        }
        self.store(registers)?;
        Ok(brought)
    }

    fn fetch<R: Registers>(
        &mut self,
        copy: &LogCopy,
        registers: &R,
        remote: &Remote,
        index: u64,
        digest: Hash,
    ) -> Result<u64, PullError> {
        if copy.store().blob(digest)?.is_some() || is_erased(registers, digest)? {
            return Ok(0);
        }
        // Before the request: an error ends the round, and the next one asks again.
        self.missing.insert(index, digest);
        let path = format!("blob/{digest}");
        let Some(blob) = remote.get(&path, BLOB_LEN_MAX)? else {
            return Ok(0);
        };
        let found = Hash::of(&blob);
        if found != digest {
            return Err(remote.wrong(&path, format!("what came has the SHA-256 {found}")));
        }
        copy.keep_blob(blob)?;
        self.missing.remove(&index);
        Ok(1)
    }

    fn store<R: Registers>(&self, registers: &R) -> Result<(), StateError> {
        let first_missing = self.missing.keys().next().copied();
        let whole = first_missing.unwrap_or(self.looked_at);
        let value = format!("{HEADING}{whole}\n");
        let present = registers.read(self.register.as_bytes())?;
        if present.as_deref() != Some(value.as_bytes()) {
            let name = self.register.as_bytes();
            registers.swap(name, present.as_deref(), value.as_bytes())?;
        }
        Ok(())
    }
}

/// Remembers that the mirror's operator erased a blob, so that it is not brought over again.
pub(in crate::mirror) fn remember_erased<R: Registers>(
    registers: &R,
    digest: Hash,
) -> Result<(), StateError> {
    let register = erased_register(digest);
    let present = registers.read(register.as_bytes())?;
    if present.is_none() {
        registers.swap(register.as_bytes(), None, ERASED)?;
    }
    Ok(())
}

fn is_erased<R: Registers>(registers: &R, digest: Hash) -> Result<bool, StateError> {
    let register = erased_register(digest);
    Ok(registers.read(register.as_bytes())?.is_some())
}

fn erased_register(digest: Hash) -> String {
    format!("erased/{digest}")
}

/// A record's statement about a blob.
enum Named {
    /// It is kept beside the log.
    Kept(Hash),
    /// It was erased.
    Erased(Hash),
}

fn named_blob(octets: &[u8]) -> Option<Named> {
    let record = Record::decode(octets).ok()?;
    match record.body() {
        Body::Log(LogStatement::Erased(erased)) => Some(Named::Erased(Hash(erased.blob))),
        body => body.blob().map(Hash).map(Named::Kept),
    }
}
