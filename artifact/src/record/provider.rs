//! The entry of a log's provider registry: `detail` of a provider statement.
//!
//! A statement carries the whole entry as it is from there on, so the newest statement about a
//! provider is all that a reader needs, and comparing a registry with what the log says is
//! comparing two values. `sequence` makes an entry that returns to an earlier state a record of its
//! own. Layout in docs/formats/record.md, "2: provider-statement". Bearer tokens are not part of
//! it.

use super::codec::{Cursor, Moment, Opaque, RecordError, Writer};
use super::statement::{ProviderStatement, StatementCode};
use crate::time::Time;

/// Most kinds in an entry.
pub const KINDS_MAX: usize = 16;

/// Most intermediates in an entry.
pub const INTERMEDIATES_MAX: usize = 32;

/// Most status changes in an entry.
pub const STATUS_CHANGES_MAX: usize = 16;

const VERSION: u8 = 1;
const KIND_SIZE_MAX: usize = 32;
const KINDS_SIZE_MAX: usize = KINDS_MAX * (1 + KIND_SIZE_MAX);
const INTERMEDIATES_SIZE_MAX: usize = INTERMEDIATES_MAX * 32;
const STATUS_SIZE_MAX: usize = STATUS_CHANGES_MAX * (1 + 15 + 1 + 64);

/// A provider as a log's registry has it, its anchors aside, which the statement itself carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderEntry {
    /// Number of the statement about this provider, from 0.
    pub sequence: u32,
    /// Its name for people, UTF-8.
    pub name: Opaque<1, 255>,
    /// Its name in Japanese, UTF-8, or empty.
    pub name_ja: Opaque<0, 255>,
    /// The kinds of artifacts that it may submit, as named in the log's configuration; empty if it
    /// left the registry.
    pub kinds: Vec<Opaque<1, KIND_SIZE_MAX>>,
    /// SHA-256 of the DER of certificates that are known without being trusted.
    pub intermediates: Vec<[u8; 32]>,
    /// Most records a minute; 0 if there is no limit.
    pub records_per_minute: u32,
    /// Most records a day; 0 if there is no limit.
    pub records_per_day: u32,
    /// A token whose genTime lies longer before its inclusion is suspected of backdating, in
    /// seconds; 0 for no such limit.
    pub backdating_seconds: u32,
    /// Its states, in order of the moments from which they hold; empty means accepted.
    pub status: Vec<StatusChange>,
}

/// A state of a provider and the moment from which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Accepted, suspended, terminating, terminated or successor.
    pub state: StatementCode,
    /// From when.
    pub from: Moment,
    /// The provider that takes over, an identifier of the registry; empty if there is none.
    pub successor: Opaque<0, 64>,
}

impl ProviderEntry {
    /// The state at `time`: the last one that holds from then or before. `None` before the first.
    /// An entry without states is accepted.
    pub fn state_at(&self, time: Time) -> Option<StatementCode> {
        if self.status.is_empty() {
            return Some(StatementCode::ACCEPTED);
        }
        let begun = |change: &&StatusChange| change.from.time() <= time;
        let last = self.status.iter().rev().find(begun);
        last.map(|change| change.state)
    }

    /// The octets for `detail`, at most 4,096.
    ///
    /// # Errors
    /// [`RecordError::Bounds`] if there are more kinds, intermediates or states than fit.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        at_most("kinds (count)", self.kinds.len(), KINDS_MAX)?;
        let count = self.intermediates.len();
        at_most("intermediates (count)", count, INTERMEDIATES_MAX)?;
        at_most("status (count)", self.status.len(), STATUS_CHANGES_MAX)?;
        let mut out = Writer(Vec::new());
        out.u8(VERSION);
        out.u32(self.sequence);
        out.opaque(&self.name);
        out.opaque(&self.name_ja);
        let mut kinds = Writer(Vec::new());
        self.kinds.iter().for_each(|kind| kinds.opaque(kind));
        out.prefixed(&kinds.0, KINDS_SIZE_MAX);
        out.prefixed(&self.intermediates.concat(), INTERMEDIATES_SIZE_MAX);
        out.u32(self.records_per_minute);
        out.u32(self.records_per_day);
        out.u32(self.backdating_seconds);
        let mut status = Writer(Vec::new());
        for change in &self.status {
            status.u8(change.state.0);
            status.moment(change.from);
            status.opaque(&change.successor);
        }
        out.prefixed(&status.0, STATUS_SIZE_MAX);
        Ok(out.0)
    }

    /// Reads `detail`. Every octet is accounted for.
    ///
    /// # Errors
    /// [`RecordError`]: the first field that cannot be read, or octets that are left over.
    pub fn decode(detail: &[u8]) -> Result<Self, RecordError> {
        let mut fields = Cursor::new(detail);
        let version = fields.u8("detail.version")?;
        if version != VERSION {
            return Err(RecordError::Value {
                field: "detail.version",
                value: version.into(),
            });
        }
        let sequence = fields.u32("sequence")?;
        let name = fields.opaque("name")?;
        let name_ja = fields.opaque("name_ja")?;
        let mut list = list(&mut fields, "kinds", KINDS_SIZE_MAX)?;
        let mut kinds = Vec::new();
        while !list.is_empty() {
            kinds.push(list.opaque("kinds")?);
        }
        at_most("kinds (count)", kinds.len(), KINDS_MAX)?;
        let intermediates = digests(&mut fields)?;
        let entry = Self {
            sequence,
            name,
            name_ja,
            kinds,
            intermediates,
            records_per_minute: fields.u32("records_per_minute")?,
            records_per_day: fields.u32("records_per_day")?,
            backdating_seconds: fields.u32("backdating_seconds")?,
            status: changes(&mut fields)?,
        };
        fields.finish()?;
        Ok(entry)
    }
}

impl ProviderStatement {
    /// The registry entry in `detail`; an error if it holds something else.
    ///
    /// # Errors
    /// [`RecordError`], if `detail` is no registry entry.
    pub fn entry(&self) -> Result<ProviderEntry, RecordError> {
        ProviderEntry::decode(self.detail())
    }
}

fn at_most(field: &'static str, length: usize, max: usize) -> Result<(), RecordError> {
    if length <= max {
        return Ok(());
    }
    Err(RecordError::Bounds {
        field,
        length,
        min: 0,
        max,
    })
}

fn list<'a>(
    fields: &mut Cursor<'a>,
    field: &'static str,
    max: usize,
) -> Result<Cursor<'a>, RecordError> {
    let length = fields.length(field, max)?;
    at_most(field, length, max)?;
    fields.take(field, length).map(Cursor::new)
}

fn digests(fields: &mut Cursor<'_>) -> Result<Vec<[u8; 32]>, RecordError> {
    let mut list = list(fields, "intermediates", INTERMEDIATES_SIZE_MAX)?;
    let mut digests = Vec::new();
    while !list.is_empty() {
        digests.push(list.array("intermediates")?);
    }
    Ok(digests)
}

fn changes(fields: &mut Cursor<'_>) -> Result<Vec<StatusChange>, RecordError> {
    let mut list = list(fields, "status", STATUS_SIZE_MAX)?;
    let mut changes = Vec::new();
    while !list.is_empty() {
        changes.push(StatusChange {
            state: StatementCode(list.u8("status.state")?),
            from: list.moment("status.from")?,
            successor: list.opaque("status.successor")?,
        });
    }
    at_most("status (count)", changes.len(), STATUS_CHANGES_MAX)?;
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        let time = Time::from_generalized(text.as_bytes()).unwrap();
        Moment::new("from", time).unwrap()
    }

    fn change(state: StatementCode, from: &str) -> StatusChange {
        StatusChange {
            state,
            from: moment(from),
            successor: Opaque::new("successor", *b"heir").unwrap(),
        }
    }

    fn entry() -> ProviderEntry {
        ProviderEntry {
            sequence: 7,
            name: Opaque::new("name", *b"North").unwrap(),
            name_ja: Opaque::new("name_ja", "北").unwrap(),
            kinds: vec![Opaque::new("kinds", *b"crl").unwrap()],
            intermediates: vec![[3; 32], [4; 32]],
            records_per_minute: 60,
            records_per_day: 0,
            backdating_seconds: 86_400,
            status: vec![
                change(StatementCode::ACCEPTED, "20260101000000Z"),
                change(StatementCode::TERMINATED, "20270101000000Z"),
            ],
        }
    }

    #[test]
    fn an_entry_has_one_encoding() {
        let octets = entry().encode().unwrap();
        assert_eq!(ProviderEntry::decode(&octets), Ok(entry()));
        for cut in 0..octets.len() {
            assert!(ProviderEntry::decode(&octets[..cut]).is_err(), "{cut}");
        }
        assert!(ProviderEntry::decode(&[&octets[..], &[0]].concat()).is_err());
        let mut other = octets.clone();
        other[0] = 2;
        assert!(ProviderEntry::decode(&other).is_err());
    }

    #[test]
    fn the_largest_entry_fits_a_statement() {
        let largest = ProviderEntry {
            name: Opaque::new("name", vec![b'n'; 255]).unwrap(),
            name_ja: Opaque::new("name_ja", vec![b'j'; 255]).unwrap(),
            kinds: vec![Opaque::new("kinds", vec![b'k'; 32]).unwrap(); KINDS_MAX],
            intermediates: vec![[0; 32]; INTERMEDIATES_MAX],
            status: vec![
                StatusChange {
                    successor: Opaque::new("successor", vec![b's'; 64]).unwrap(),
                    ..change(StatementCode::ACCEPTED, "20260101000000Z")
                };
                STATUS_CHANGES_MAX
            ],
            ..entry()
        };
        let detail = largest.encode().unwrap();
        let statement =
            ProviderStatement::new(StatementCode::ACCEPTED, "north", Vec::new(), &detail).unwrap();
        assert_eq!(statement.entry(), Ok(largest.clone()));
        let mut beyond = largest;
        beyond.intermediates.push([0; 32]);
        assert!(beyond.encode().is_err());
    }

    #[test]
    fn the_state_is_the_last_that_has_begun() {
        let at = |text| entry().state_at(moment(text).time());
        assert_eq!(at("20251231235959Z"), None);
        assert_eq!(at("20260101000000Z"), Some(StatementCode::ACCEPTED));
        assert_eq!(at("20261231235959Z"), Some(StatementCode::ACCEPTED));
        assert_eq!(at("20270101000000Z"), Some(StatementCode::TERMINATED));
        let always = ProviderEntry {
            status: Vec::new(),
            ..entry()
        };
        let long_ago = moment("19990101000000Z").time();
        assert_eq!(always.state_at(long_ago), Some(StatementCode::ACCEPTED));
    }
}
