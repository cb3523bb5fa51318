//! The ZIP format of an evidence file: entries stored uncompressed, in one layout that has one
//! spelling.
//!
//! A ZIP states everything twice, before each entry and in the directory at its end, and readers
//! differ in which they believe; it can have gaps, comments, a prefix, a second directory. All of
//! that lets one file be two. So of each set of entries exactly one file is made here and nothing
//! else is read: the entries one after another from octet 0, then the directory and end record that
//! follow from them. Ordinary tools open it. Nothing is compressed: the contents are never larger
//! than the file, and the octets do not depend on a compressor
//! (`docs/decisions/0004-evidence-file.md`).

use ishibumi_archive::zip_format::{self, Era, Header, LOCAL, LOCAL_LEN};

pub use ishibumi_archive::zip_format::ENTRIES_MAX;

use super::names;

/// The longest evidence file that is written or read, in octets.
pub const FILE_LEN_MAX: usize = 1 << 30;

/// One file in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) octets: &'a [u8],
}

/// Why a file is not a container in this format, or cannot be made one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// More than [`FILE_LEN_MAX`].
    #[error(
        "{0} octets are too many for one evidence file, {FILE_LEN_MAX} is the most: use several"
    )]
    TooLong(usize),
    /// More than [`ENTRIES_MAX`].
    #[error(
        "{0} entries are too many for one evidence file, {ENTRIES_MAX} is the most: use several"
    )]
    TooMany(usize),
    /// It does not begin as a ZIP does.
    #[error("this is no ZIP file")]
    NotZip,
    /// The file ends within an entry or its directory.
    #[error("the file is cut off after {0} octets")]
    Truncated(usize),
    /// The header before an entry is not as it is written here.
    #[error(
        "the entry at offset {0} is not stored as an evidence file has it (compressed, dated, or with \
         extra fields?); it was not written by `ishibumi evidence`, or zipped anew since"
    )]
    Header(usize),
    /// A name that could be misread, or could leave the folder that it is unpacked to.
    #[error("the entry at offset {offset} has a name that is not allowed: {name:?}")]
    Name {
        /// Offset of its header in the file, in octets.
        offset: usize,
        /// The name, without characters that could steer a terminal.
        name: String,
    },
    /// The checksum in its header is another one.
    #[error("entry {0}: the CRC-32 differs, the file is damaged or was changed")]
    Checksum(String),
    /// Two entries of one name, or of names that differ in case only, or out of order.
    #[error("entry {0} is out of order, or there twice")]
    Order(String),
    /// The part after the last entry is not the directory of exactly these entries.
    #[error(
        "the directory at offset {0} does not belong to the entries before it, or more follows it; or the \
         file was zipped anew"
    )]
    Directory(usize),
}

impl ContainerError {
    /// Whether it is no ZIP of ours at all, or not all of it: nothing in it is then shown to be
    /// false.
    pub const fn is_unread(&self) -> bool {
        matches!(
            self,
            Self::TooLong(_) | Self::TooMany(_) | Self::NotZip | Self::Truncated(_)
        )
    }
}

/// The container of `entries`: the first stays the first, the others have to be sorted by their
/// names.
pub(crate) fn encode(entries: &[Entry<'_>]) -> Result<Vec<u8>, ContainerError> {
    if let Some(bad) = entries.iter().find(|it| !names::is_entry_name(it.name)) {
        return Err(bad_name(0, bad.name.as_bytes()));
    }
    check_order(entries)?;
    // At once: growing, it would be there twice for a moment.
    let content: usize = entries.iter().map(|entry| entry.octets.len()).sum();
    let headers = entries.iter().map(|entry| LOCAL_LEN + entry.name.len());
    let length = content.saturating_add(headers.sum());
    let mut out = Vec::with_capacity(length.min(FILE_LEN_MAX));
    for entry in entries {
        out.extend(header(entry, crc32fast::hash(entry.octets)).local());
        out.extend_from_slice(entry.octets);
        if out.len() > FILE_LEN_MAX {
            return Err(ContainerError::TooLong(out.len()));
        }
    }
    let directory = directory(entries, Era::Now);
    out.reserve_exact(directory.len());
    out.extend(directory);
    if out.len() > FILE_LEN_MAX {
        return Err(ContainerError::TooLong(out.len()));
    }
    Ok(out)
}

/// The entries of a container; every octet of it is accounted for.
pub(crate) fn decode(octets: &[u8]) -> Result<Vec<Entry<'_>>, ContainerError> {
    if octets.len() > FILE_LEN_MAX {
        return Err(ContainerError::TooLong(octets.len()));
    }
    if !octets.starts_with(&LOCAL.to_le_bytes()) {
        return Err(ContainerError::NotZip);
    }
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(rest) = octets.get(at..).filter(|rest| begins_entry(rest)) {
        if entries.len() == ENTRIES_MAX {
            return Err(ContainerError::TooMany(ENTRIES_MAX + 1));
        }
        let (entry, length) = read_entry(rest, at, octets.len())?;
        entries.push(entry);
        at += length;
    }
    check_order(&entries)?;
    let rest = octets.get(at..).unwrap_or_default();
    let expected = directory(&entries, Era::Now);
    if rest == expected || rest == directory(&entries, Era::Early) {
        Ok(entries)
    } else if expected.starts_with(rest) {
        Err(ContainerError::Truncated(octets.len()))
    } else {
        Err(ContainerError::Directory(at))
    }
}

fn begins_entry(rest: &[u8]) -> bool {
    rest.starts_with(&LOCAL.to_le_bytes())
}

/// The entry that `rest` begins with, and its length with its header.
fn read_entry(rest: &[u8], at: usize, whole: usize) -> Result<(Entry<'_>, usize), ContainerError> {
    let truncated = || ContainerError::Truncated(whole);
    let fixed = rest.first_chunk::<LOCAL_LEN>().ok_or_else(truncated)?;
    // Sizes and name length are read; all else follows from them, and is compared.
    let (crc, stated, name_len) = zip_format::read_local(fixed);
    let size = usize::try_from(stated).unwrap_or(usize::MAX);
    let name_len = usize::from(name_len);
    let name = rest
        .get(LOCAL_LEN..LOCAL_LEN + name_len)
        .ok_or_else(truncated)?;
    let known = std::str::from_utf8(name).ok();
    let name = known
        .filter(|name| names::is_entry_name(name))
        .ok_or_else(|| bad_name(at, name))?;
    let start = LOCAL_LEN + name_len;
    let end = start.checked_add(size).ok_or_else(truncated)?;
    let expected_start = rest.get(..start).ok_or_else(truncated)?;
    let Some(content) = rest.get(start..end) else {
        // A size that only a compressed or ZIP64 entry states says nothing about this file's
        // length.
        let stated = Header {
            name,
            size: stated,
            crc,
        };
        let stored = stated.local() == expected_start;
        return Err(if stored {
            truncated()
        } else {
            ContainerError::Header(at)
        });
    };
    let entry = Entry {
        name,
        octets: content,
    };
    if header(&entry, crc).local() != expected_start {
        return Err(ContainerError::Header(at));
    }
    if !cfg!(fuzzing) && crc32fast::hash(content) != crc {
        return Err(ContainerError::Checksum(name.to_owned()));
    }
    Ok((entry, end))
}

/// Sorted but for the first, which readers look at to tell what the file is; and no two names that
/// are one on a file system that does not tell cases apart.
fn check_order(entries: &[Entry<'_>]) -> Result<(), ContainerError> {
    if entries.len() > ENTRIES_MAX {
        return Err(ContainerError::TooMany(entries.len()));
    }
    let mut seen = std::collections::HashSet::with_capacity(entries.len());
    let mut before = "";
    for (place, entry) in entries.iter().enumerate() {
        let sorted = place == 0 || before < entry.name;
        if !sorted || !seen.insert(names::folded(entry.name)) {
            return Err(ContainerError::Order(entry.name.to_owned()));
        }
        if place > 0 {
            before = entry.name;
        }
    }
    Ok(())
}

fn bad_name(offset: usize, name: &[u8]) -> ContainerError {
    ContainerError::Name {
        offset,
        name: ishibumi_tlog::shown::octets(name),
    }
}

fn header<'a>(entry: &Entry<'a>, crc: u32) -> Header<'a> {
    Header {
        name: entry.name,
        size: number32(entry.octets.len()),
        crc,
    }
}

/// The directory and the end record.
fn directory(entries: &[Entry<'_>], era: Era) -> Vec<u8> {
    let mut out = Vec::new();
    let mut offset = 0;
    for entry in entries {
        let crc = crc32fast::hash(entry.octets);
        out.extend(header(entry, crc).central(number32(offset), era));
        offset += LOCAL_LEN + entry.name.len() + entry.octets.len();
    }
    // Fits: no more than ENTRIES_MAX are written or read.
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    out.extend(zip_format::end(
        count,
        number32(out.len()),
        number32(offset),
    ));
    out
}

/// Fits: checked before ([`FILE_LEN_MAX`]); a number that did not would make a header that no
/// reader accepts.
fn number32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [Entry<'static>; 3] = [
        Entry {
            name: "mimetype",
            octets: b"x",
        },
        Entry {
            name: "META-INF/a",
            octets: b"",
        },
        Entry {
            name: "\u{7891}.txt",
            octets: b"stone",
        },
    ];

    #[test]
    fn what_is_written_reads_back() {
        let made = encode(&ENTRIES).unwrap();
        assert_eq!(decode(&made).unwrap(), ENTRIES);
        assert_eq!(&made[30..39], b"mimetypex");
    }

    /// Every octet of the file counts: with any other value at its offset the file is refused.
    #[test]
    fn no_octet_can_be_changed() {
        let made = encode(&ENTRIES).unwrap();
        for at in 0..made.len() {
            for change in 1..=255 {
                let mut octets = made.clone();
                octets[at] ^= change;
                assert!(decode(&octets).is_err(), "octet {at} ^ {change}");
            }
        }
    }

    /// Files of before stay as they are; a directory is of one era as a whole.
    #[test]
    fn the_directory_of_before_is_read_and_no_mixture() {
        let made = encode(&ENTRIES).unwrap();
        let split = made.len() - directory(&ENTRIES, Era::Now).len();
        let early = directory(&ENTRIES, Era::Early);
        let before = [&made[..split], &early[..]].concat();
        assert_ne!(before, made);
        assert_eq!(decode(&before).unwrap(), ENTRIES);
        let differ = |at: &usize| before[*at] != made[*at];
        let places: Vec<usize> = (0..made.len()).filter(differ).collect();
        // The system, and the attributes: 0o100644 in the upper half.
        assert_eq!(places.len(), 3);
        for kept in &places {
            let mut mixed = before.clone();
            mixed[*kept] = made[*kept];
            assert_eq!(decode(&mixed), Err(ContainerError::Directory(split)));
        }
    }

    #[test]
    fn nothing_can_be_cut_off_put_before_or_behind() {
        let made = encode(&ENTRIES).unwrap();
        for length in 0..made.len() {
            assert!(decode(&made[..length]).is_err(), "{length}");
        }
        assert!(decode(&[&made[..], b"\0"].concat()).is_err());
        assert!(decode(&[b"\0", &made[..]].concat()).is_err());
        assert!(decode(&[&made[..], &made[..]].concat()).is_err());
        // The directory of other entries, which are as long.
        let mut other = ENTRIES;
        other[2].octets = b"STONE";
        let other = encode(&other).unwrap();
        let split = made.len() - directory(&ENTRIES, Era::Now).len();
        let spliced = [&made[..split], &other[split..]].concat();
        assert_eq!(decode(&spliced), Err(ContainerError::Directory(split)));
        // Both directories, one after the other: a reader may begin at either end.
        let both = [&made[..], &made[split..]].concat();
        assert_eq!(decode(&both), Err(ContainerError::Directory(split)));
    }

    #[test]
    fn names_that_clash_or_escape_are_neither_written_nor_read() {
        for name in [
            "../a", "/a", "a/../b", "a\\b", "", "a//b", "META-INF", "C:a", "a/",
        ] {
            let entry = Entry { name, octets: b"" };
            let refused = encode(&[ENTRIES[0].clone(), entry]).unwrap_err();
            assert!(matches!(refused, ContainerError::Name { .. }), "{name}");
        }
        let named = |name| Entry { name, octets: b"" };
        for pair in [["a", "a"], ["A", "a"], ["b", "a"]] {
            let refused = encode(&[ENTRIES[0].clone(), named(pair[0]), named(pair[1])]);
            assert!(matches!(refused, Err(ContainerError::Order(_))), "{pair:?}");
        }
        encode(&[ENTRIES[0].clone(), named("A"), named("b")]).unwrap();
    }

    #[test]
    fn too_many_entries_are_refused_at_once() {
        let names: Vec<String> = (0..=ENTRIES_MAX).map(|n| format!("{n:07}")).collect();
        let named = |name: &'static str| Entry { name, octets: b"" };
        let entry = |name: &String| header(&named(name.clone().leak()), 0).local();
        let many: Vec<u8> = names.iter().flat_map(entry).collect();
        assert_eq!(decode(&many), Err(ContainerError::TooMany(ENTRIES_MAX + 1)));
    }
}
