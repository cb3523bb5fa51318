//! The one spelling of a ZIP: entries stored uncompressed, from octet 0 without gaps, then the
//! directory and the end record that follow from them.
//!
//! A ZIP states everything twice, and readers differ in which statement they believe. So readers of
//! ours read name, size and checksum, make the headers that have to be there by this module, and
//! compare (`docs/decisions/0004-evidence-file.md`). Ordinary tools open what is written.

/// Signature of a local file header.
pub const LOCAL: u32 = 0x0403_4b50;

/// The fixed part of a header before an entry, in octets.
pub const LOCAL_LEN: usize = 30;

/// The most entries: the end record counts in two octets, and keeps the last value for ZIP64.
pub const ENTRIES_MAX: usize = 0xfffe;

/// The system that an entry names as its origin in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// UNIX, if the name is not ASCII. Info-ZIP takes the names of a file that MS-DOS made for
    /// those of a DOS code page, whatever their flag says, and of UNIX it takes them as they are.
    Now,
    /// MS-DOS, always: as it was written before, and is still read.
    Early,
}

const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// Version 1.0: files that are stored.
const VERSION: u16 = 10;

/// General purpose bit 11: the name is UTF-8. Set exactly if it is not ASCII.
const UTF8: u16 = 1 << 11;

/// "Version made by" in its upper octet: UNIX (APPNOTE 4.4.2.2).
const UNIX: u16 = 3 << 8;

/// A plain file that its owner may write and everybody may read, as UNIX keeps it in the
/// attributes. Without them an entry of UNIX would be unpacked unreadable.
const PLAIN_FILE: u32 = 0o100_644 << 16;

/// 1 January 1980, the least date that the format knows. Nothing here has a time.
const DATE: u16 = 0x0021;

/// Fields of the headers of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its length in octets.
    pub size: u32,
    /// The CRC-32 of its octets.
    pub crc: u32,
}

impl Header<'_> {
    /// The header before the entry.
    pub fn local(&self) -> Vec<u8> {
        let mut out = LOCAL.to_le_bytes().to_vec();
        out.extend(self.common());
        out.extend_from_slice(self.name.as_bytes());
        out
    }

    /// Its row in the directory, if its local header is at `offset`.
    pub fn central(&self, offset: u32, era: Era) -> Vec<u8> {
        let (system, attributes) = match era {
            Era::Now if !self.name.is_ascii() => (UNIX, PLAIN_FILE),
            _ => (0, 0),
        };
        let mut out = CENTRAL.to_le_bytes().to_vec();
        out.extend((system | VERSION).to_le_bytes());
        out.extend(self.common());
        // No comment, disk 0, no internal attributes; a plain file, never a link.
        out.extend([0; 6]);
        out.extend(attributes.to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
        out
    }

    /// From "version needed" to "extra field length": the fields that both headers have.
    fn common(&self) -> Vec<u8> {
        let flags = if self.name.is_ascii() { 0 } else { UTF8 };
        let mut out = Vec::with_capacity(26);
        for field in [VERSION, flags, 0, 0, DATE] {
            out.extend(field.to_le_bytes());
        }
        for field in [self.crc, self.size, self.size] {
            out.extend(field.to_le_bytes());
        }
        // A name that does not fit makes a header that no reader accepts.
        let name_len = u16::try_from(self.name.len()).unwrap_or(u16::MAX);
        for field in [name_len, 0] {
            out.extend(field.to_le_bytes());
        }
        out
    }
}

/// The end record of `count` entries whose directory of `length` octets begins at `offset`.
pub fn end(count: u16, length: u32, offset: u32) -> Vec<u8> {
    let mut out = END.to_le_bytes().to_vec();
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// The length of an end record, in octets.
pub const END_LEN: usize = 22;

/// CRC-32, size and length of the name out of the fixed part of a local header: all else follows
/// from these and has to be compared.
pub fn read_local(header: &[u8; LOCAL_LEN]) -> (u32, u32, u16) {
    let field = |from: usize| {
        let octets = header.get(from..).and_then(<[u8]>::first_chunk::<4>);
        u32::from_le_bytes(octets.copied().unwrap_or_default())
    };
    let name_len = u16::try_from(field(26) & 0xffff).unwrap_or_default();
    (field(14), field(22), name_len)
}
