//! The entries of a list: the certificate that each is about, and its statement (RFC 5280 5.3).
//!
//! Each entry is a statement of its own. An entry that cannot be read says nothing, and does not
//! affect the others: its serial is kept, so that a caller that asks about that certificate learns
//! that an entry was not understood. Entries are walked, not copied.

use const_oid::ObjectIdentifier;

use super::CrlError;
use super::number::without_padding;
use crate::asn1::{self, ENUMERATED, Element, INTEGER, Reader, SEQUENCE};
use crate::general_name::GeneralName;
use crate::oid;
use crate::oid::dotted;
use crate::record::{Moment, Opaque, Reason, Revocation};
use crate::status_extension;
use crate::status_time;

/// Extensions of entries that may be critical and change nothing: what to do about a hold (RFC 3280
/// 5.3.2).
const HARMLESS: [ObjectIdentifier; 1] = [oid::HOLD_INSTRUCTION_CODE];

/// The CA about whose certificates an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryIssuer<'a> {
    /// The list's issuer.
    OfList,
    /// The issuer that this certificateIssuer names; its value, GeneralNames.
    Named(&'a [u8]),
    /// It cannot be told.
    Unclear,
}

/// One entry, as far as it can be read.
pub(super) struct Entry<'a> {
    pub(super) issuer: EntryIssuer<'a>,
    /// Contents of the serial's INTEGER, without padding; `None` if it cannot be read.
    pub(super) serial: Option<&'a [u8]>,
    /// Its statement, without the issuer's key; `None` if it cannot be told.
    pub(super) revocation: Option<Revocation>,
    /// Why part of it cannot be read, in English; `None` if all of it can.
    pub(super) unread: Option<String>,
}

impl Entry<'_> {
    /// Whether it may be about the certificate with this serial.
    pub(super) fn may_have(&self, serial: &[u8]) -> bool {
        self.serial.is_none_or(|own| own == without_padding(serial))
    }
}

/// Walks the entries; keeps the certificateIssuer that holds for those after it.
pub(super) struct Entries<'a> {
    reader: Reader<'a>,
    /// Whether the list is marked as indirect, where a certificateIssuer holds for the next
    /// entries, too.
    is_indirect: bool,
    issuer: EntryIssuer<'a>,
}

impl<'a> Entries<'a> {
    pub(super) const fn new(entries: &'a [u8], is_indirect: bool) -> Self {
        Self {
            reader: Reader::ber(entries),
            is_indirect,
            issuer: EntryIssuer::OfList,
        }
    }

    /// The next entry. An error: the elements cannot be told apart, or the list must not be used.
    pub(super) fn step(&mut self) -> Result<Option<Entry<'a>>, CrlError> {
        let Some(element) = self.reader.next()? else {
            return Ok(None);
        };
        let mut entry = read(&element)?;
        match (entry.issuer, self.issuer) {
            (EntryIssuer::OfList, EntryIssuer::OfList) => {}
            // 5.3.3 says so of indirect lists; in another list some take it so, and some do not.
            (EntryIssuer::OfList, held) if self.is_indirect => entry.issuer = held,
            (EntryIssuer::OfList, _) => entry.issuer = EntryIssuer::Unclear,
            (EntryIssuer::Unclear, _) if !self.is_indirect => {}
            (own, _) => self.issuer = own,
        }
        Ok(Some(entry))
    }
}

/// The names in a certificateIssuer.
pub(super) fn names(certificate_issuer: &[u8]) -> Option<Vec<GeneralName>> {
    let names = asn1::only(Reader::ber(certificate_issuer), SEQUENCE).ok()?;
    GeneralName::read_all(names.reader()).ok()
}

/// [`EntryIssuer::OfList`] stands for an entry without a certificateIssuer.
fn read<'a>(element: &Element<'a>) -> Result<Entry<'a>, CrlError> {
    let mut entry = Entry {
        // Without its extensions the issuer of the certificate is unknown.
        issuer: EntryIssuer::Unclear,
        serial: None,
        revocation: None,
        unread: None,
    };
    match read_fields(element, &mut entry) {
        Ok(()) => {}
        Err(Unread::Part(what)) => entry.unread = Some(what),
        Err(Unread::Critical(name)) => return Err(CrlError::CriticalExtension(name)),
    }
    Ok(entry)
}

enum Unread {
    Part(String),
    /// RFC 5280 5.3: the list must not be used to tell about any certificate.
    Critical(String),
}

impl<E: core::error::Error> From<E> for Unread {
    fn from(error: E) -> Self {
        Self::Part(error.to_string())
    }
}

fn read_fields<'a>(element: &Element<'a>, entry: &mut Entry<'a>) -> Result<(), Unread> {
    if element.tag != SEQUENCE {
        return Err(Unread::Part("it is no SEQUENCE".to_owned()));
    }
    let mut fields = element.reader();
    let serial = fields.expect(INTEGER)?;
    entry.serial = Some(without_padding(serial.content));
    let date = status_time::read(&mut fields);
    let extensions = fields.optional(SEQUENCE);
    let end = fields.finish();
    let mut reason = Ok(None);
    let mut invalidity_date = Ok(None);
    let extensions = match extensions? {
        Some(extensions) => status_extension::read_all(extensions.reader())?,
        None => Vec::new(),
    };
    entry.issuer = EntryIssuer::OfList;
    for extension in extensions {
        let (name, value) = (extension.name, extension.value);
        if name == oid::CRL_REASON.as_bytes() {
            reason = read_reason(value).map(Some);
        } else if name == oid::INVALIDITY_DATE.as_bytes() {
            invalidity_date = read_invalidity_date(value).map(Some);
        } else if name == oid::CERTIFICATE_ISSUER.as_bytes() {
            entry.issuer = EntryIssuer::Named(value);
        } else if extension.critical && !HARMLESS.iter().any(|known| known.as_bytes() == name) {
            return Err(Unread::Critical(dotted(name)));
        }
    }
    end?;
    let revocation = Revocation {
        issuer_key_hash: [0; 32],
        serial: Opaque::new("serial", serial.integer_octets()?)?,
        revocation_date: Moment::new("revocation_date", date?)?,
        reason: reason?,
        invalidity_date: None,
    };
    // Revoked it is in any case; from when on it counts as invalid is what may be untold.
    let revocation = entry.revocation.insert(revocation);
    revocation.invalidity_date = invalidity_date?;
    Ok(())
}

fn read_reason(value: &[u8]) -> Result<Reason, Unread> {
    let code = asn1::only(Reader::ber(value), ENUMERATED)?.unsigned()?;
    Ok(Reason::new(u8::try_from(code).unwrap_or(u8::MAX))?)
}

fn read_invalidity_date(value: &[u8]) -> Result<Moment, Unread> {
    let mut field = Reader::ber(value);
    let date = status_time::read(&mut field)?;
    field.finish()?;
    Ok(Moment::new("invalidity_date", date)?)
}
