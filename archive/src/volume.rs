//! A ZIP volume: written as a stream, and read entry by entry without unpacking it.
//!
//! Foreign octets: the whole structure is walked when a volume is opened and has to be the one
//! spelling of its entries ([`zip_format`]); an entry is never larger than the
//! file, since nothing is compressed; its name is one of a closed list; none is there twice; and
//! its checksum is compared whenever it is read. No ZIP64: a volume stays below 4 GiB and 65,535
//! entries, which every tool opens.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use crate::names;
use crate::zip_format::{self, END_LEN, ENTRIES_MAX, Era, Header, LOCAL_LEN};

/// The longest volume, in octets: offsets are counted in four, and the last value is kept for
/// ZIP64.
pub const VOLUME_LEN_MAX: u64 = 0xffff_fffe;

/// Why a volume cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin as a ZIP does.
    #[error("this is no ZIP file")]
    NotZip,
    /// More than [`VOLUME_LEN_MAX`].
    #[error("a volume of {0} octets is too long: {VOLUME_LEN_MAX} is the most")]
    TooLong(u64),
    /// More than [`ENTRIES_MAX`].
    #[error("more than {ENTRIES_MAX} entries are too many for a volume")]
    TooMany,
    /// It ends within an entry.
    #[error("the file is cut off within the entry at offset {0}")]
    Truncated(u64),
    /// The header before an entry is not as it is written here.
    #[error(
        "the header at offset {0} is not one of a volume: the file is damaged, or was zipped anew \
         (compressed, dated, or with extra fields)"
    )]
    Header(u64),
    /// A name that no file of an archive has.
    #[error("the entry at offset {offset} has a name that is not allowed in a volume: {name:?}")]
    Name {
        /// Offset of its header in the volume, in octets.
        offset: u64,
        /// The name.
        name: String,
    },
    /// Two entries of one name.
    #[error("{0} is there twice")]
    Twice(String),
    /// The part after the last entry is not the directory of exactly these entries.
    #[error(
        "the directory at offset {0} does not belong to the entries before it: the file is cut off, \
         damaged, or was zipped anew"
    )]
    Directory(u64),
    /// The octets of an entry are not what its checksum says.
    #[error("{0}: the CRC-32 differs, the entry is damaged")]
    Checksum(String),
    /// An entry is longer than such a file may be.
    #[error("{name}: {size} octets are too many, {most} is the most")]
    EntryTooLong {
        /// Its name.
        name: String,
        /// Its length.
        size: u32,
        /// The greatest length allowed, in octets.
        most: usize,
    },
}

/// The location of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    offset: u64,
    size: u32,
    crc: u32,
}

/// A volume that is read.
#[derive(Debug)]
pub struct Volume<R = File> {
    file: Mutex<R>,
    slots: BTreeMap<String, Slot>,
}

impl<R: Read + Seek> Volume<R> {
    /// Walks the whole structure of a volume; contents are looked at when they are read.
    ///
    /// # Errors
    /// [`VolumeError`]: the first deviation from the format of a volume.
    pub fn open(mut file: R) -> Result<Self, VolumeError> {
        let length = file.seek(SeekFrom::End(0))?;
        if length > VOLUME_LEN_MAX {
            return Err(VolumeError::TooLong(length));
        }
        let mut file = io::BufReader::new(file);
        file.seek(SeekFrom::Start(0))?;
        let (mut slots, mut directory, mut count) = (BTreeMap::new(), Vec::new(), 0_u16);
        let mut at = 0;
        while let Some((name, slot, row)) = walk(&mut file, at, length)? {
            if usize::from(count) == ENTRIES_MAX {
                return Err(VolumeError::TooMany);
            }
            count += 1;
            directory.extend(row);
            at = slot.offset + u64::from(slot.size);
            file.seek(SeekFrom::Start(at))?;
            if slots.insert(name.clone(), slot).is_some() {
                return Err(VolumeError::Twice(name));
            }
        }
        if slots.is_empty() {
            return Err(VolumeError::NotZip);
        }
        let wrong = || VolumeError::Directory(at);
        let size = u32::try_from(directory.len()).map_err(|_| wrong())?;
        let offset = u32::try_from(at).map_err(|_| wrong())?;
        directory.extend(zip_format::end(count, size, offset));
        file.seek(SeekFrom::Start(at))?;
        let mut rest = Vec::new();
        file.by_ref()
            .take(directory.len() as u64 + 1)
            .read_to_end(&mut rest)?;
        if rest != directory {
            return Err(wrong());
        }
        Ok(Self {
            file: Mutex::new(file.into_inner()),
            slots,
        })
    }

    /// The names of the entries.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.keys().map(String::as_str)
    }

    /// The octets of an entry, of at most `most`; `None` if there is none of that name.
    ///
    /// # Errors
    /// [`VolumeError`], if it cannot be read, is longer than `most`, or has another checksum.
    pub fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, VolumeError> {
        let Some(slot) = self.slots.get(name) else {
            return Ok(None);
        };
        let size = usize::try_from(slot.size).unwrap_or(usize::MAX);
        if size > most {
            return Err(VolumeError::EntryTooLong {
                name: name.to_owned(),
                size: slot.size,
                most,
            });
        }
        let mut octets = vec![0; size];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(slot.offset))?;
            file.read_exact(&mut octets)?;
        }
        if !cfg!(fuzzing) && crc32fast::hash(&octets) != slot.crc {
            return Err(VolumeError::Checksum(name.to_owned()));
        }
        Ok(Some(octets))
    }
}

type Walked = (String, Slot, Vec<u8>);

/// The entry whose header is at `at`; `None` if no entry begins there.
fn walk(file: &mut impl Read, at: u64, length: u64) -> Result<Option<Walked>, VolumeError> {
    let left = length.saturating_sub(at);
    let fixed = LOCAL_LEN as u64;
    if left < END_LEN as u64 {
        return Ok(None);
    }
    let mut magic = [0; 4];
    file.read_exact(&mut magic)?;
    if magic != zip_format::LOCAL.to_le_bytes() {
        return Ok(None);
    }
    if left < fixed {
        return Err(VolumeError::Truncated(at));
    }
    let mut header = [0; LOCAL_LEN];
    header[..4].copy_from_slice(&magic);
    file.read_exact(&mut header[4..])?;
    let (crc, size, name_len) = zip_format::read_local(&header);
    let start = at + fixed + u64::from(name_len);
    if start > length {
        return Err(VolumeError::Truncated(at));
    }
    let mut name = vec![0; usize::from(name_len)];
    file.read_exact(&mut name)?;
    let shown = || String::from_utf8_lossy(&name).chars().take(80).collect();
    let name = match std::str::from_utf8(&name) {
        Ok(name) if names::is_known(name) => name.to_owned(),
        _ => {
            let name = shown();
            return Err(VolumeError::Name { offset: at, name });
        }
    };
    let expected = Header {
        name: &name,
        size,
        crc,
    };
    let stands: Vec<u8> = [&header[..], name.as_bytes()].concat();
    if expected.local() != stands {
        return Err(VolumeError::Header(at));
    }
    if start + u64::from(size) > length {
        return Err(VolumeError::Truncated(at));
    }
    let offset = u32::try_from(at).map_err(|_| VolumeError::TooLong(length))?;
    // Names are ASCII, so both eras have one row.
    let row = expected.central(offset, Era::Now);
    let slot = Slot {
        offset: start,
        size,
        crc,
    };
    Ok(Some((name, slot, row)))
}

/// Writes a volume.
#[derive(Debug)]
pub struct VolumeWriter<W> {
    out: W,
    at: u64,
    directory: Vec<u8>,
    count: u16,
}

impl<W: Write> VolumeWriter<W> {
    /// A volume without entries yet.
    pub fn new(out: W) -> Self {
        Self {
            out,
            at: 0,
            directory: Vec::new(),
            count: 0,
        }
    }

    /// Appends an entry. The caller makes sure that there is none of that name.
    ///
    /// # Errors
    /// [`VolumeError`], if it cannot be written, or exceeds a limit of the format.
    pub fn add(&mut self, name: &str, octets: &[u8]) -> Result<(), VolumeError> {
        if usize::from(self.count) >= ENTRIES_MAX {
            return Err(VolumeError::TooMany);
        }
        let after = self.at + (LOCAL_LEN + name.len() + octets.len()) as u64;
        let directory = self.directory.len() + LOCAL_LEN + 16 + name.len() + END_LEN;
        let whole = after + directory as u64;
        let (Ok(offset), Ok(size)) = (u32::try_from(self.at), u32::try_from(octets.len())) else {
            return Err(VolumeError::TooLong(whole));
        };
        if whole > VOLUME_LEN_MAX {
            return Err(VolumeError::TooLong(whole));
        }
        let crc = crc32fast::hash(octets);
        let header = Header { name, size, crc };
        self.out.write_all(&header.local())?;
        self.out.write_all(octets)?;
        self.directory.extend(header.central(offset, Era::Now));
        self.at = after;
        self.count += 1;
        Ok(())
    }

    /// Writes the directory; gives the writer back.
    ///
    /// # Errors
    /// [`VolumeError`], if it cannot be written, or exceeds a limit of the format.
    pub fn finish(mut self) -> Result<W, VolumeError> {
        let fits = |value: u64| u32::try_from(value).map_err(|_| VolumeError::TooLong(value));
        let (length, offset) = (fits(self.directory.len() as u64)?, fits(self.at)?);
        self.out.write_all(&self.directory)?;
        self.out
            .write_all(&zip_format::end(self.count, length, offset))?;
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn made(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = VolumeWriter::new(Vec::new());
        for (name, octets) in entries {
            writer.add(name, octets).unwrap();
        }
        writer.finish().unwrap()
    }

    const ENTRIES: [(&str, &[u8]); 3] = [
        ("checkpoint", b"note"),
        ("tile/0/000.p/1", &[7; 32]),
        ("checkpoints/3", b""),
    ];

    fn read_all(octets: &[u8]) -> Result<(), VolumeError> {
        let volume = Volume::open(Cursor::new(octets))?;
        let names: Vec<String> = volume.names().map(str::to_owned).collect();
        for name in names {
            volume.read(&name, 100)?;
        }
        Ok(())
    }

    #[test]
    fn what_is_written_reads_back_here_and_by_an_ordinary_tool() {
        let octets = made(&ENTRIES);
        let volume = Volume::open(Cursor::new(&octets)).unwrap();
        let mut ordinary = zip::ZipArchive::new(Cursor::new(&octets)).unwrap();
        for (name, content) in ENTRIES {
            assert_eq!(volume.read(name, 32).unwrap().unwrap(), content);
            let mut read = Vec::new();
            ordinary
                .by_name(name)
                .unwrap()
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, content);
        }
        assert!(volume.read("README.txt", 32).unwrap().is_none());
        let long = volume.read("tile/0/000.p/1", 31).unwrap_err();
        assert!(matches!(long, VolumeError::EntryTooLong { .. }));
    }

    /// Every octet counts, nothing can be cut off, put before or behind.
    #[test]
    fn no_other_file_is_read() {
        let octets = made(&ENTRIES);
        read_all(&octets).unwrap();
        for at in 0..octets.len() {
            for change in [1, 0x20, 0x80, 0xff] {
                let mut octets = octets.clone();
                octets[at] ^= change;
                assert!(read_all(&octets).is_err(), "octet {at} ^ {change}");
            }
            assert!(read_all(&octets[..at]).is_err(), "cut at {at}");
        }
        assert!(read_all(&[&octets[..], b"\0"].concat()).is_err());
        assert!(read_all(&[b"\0", &octets[..]].concat()).is_err());
        assert!(read_all(&[&octets[..], &octets[..]].concat()).is_err());
    }

    #[test]
    fn names_that_escape_or_come_twice_are_refused_by_name() {
        let escaping = read_all(&made(&[("../checkpoint", b"")])).unwrap_err();
        assert!(escaping.to_string().contains("../checkpoint"), "{escaping}");
        let twice = read_all(&made(&[("checkpoint", b"1"), ("checkpoint", b"2")])).unwrap_err();
        assert!(matches!(twice, VolumeError::Twice(name) if name == "checkpoint"));
    }

    /// A size in a header that the file does not have allocates nothing.
    #[test]
    fn a_stated_size_is_not_believed() {
        let mut octets = made(&[("checkpoint", b"note")]);
        for at in [18, 22] {
            octets[at..at + 4].copy_from_slice(&0xf000_0000_u32.to_le_bytes());
        }
        assert!(matches!(read_all(&octets), Err(VolumeError::Truncated(0))));
    }
}
