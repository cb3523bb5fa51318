//! Entry bundles: big-endian `u16` length-prefixed records (C2SP tlog-tiles, "Log entries").

use super::TILE_WIDTH;

/// The longest entry that a bundle can hold, in octets.
pub const ENTRY_LEN_MAX: usize = u16::MAX as usize;

/// Why octets are no bundle of the width that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The octets end within the entry with this number, counted from 0.
    #[error("the bundle is cut off within entry {0}")]
    CutOff(u16),
    /// Octets follow the last entry.
    #[error("{0} octets follow the last entry")]
    Trailing(usize),
    /// An entry that no bundle can hold.
    #[error("an entry of {0} octets: at most {ENTRY_LEN_MAX} fit")]
    EntryTooLong(usize),
    /// A width that no bundle has.
    #[error("a bundle of {0} entries: it has 1 to 256")]
    Width(usize),
}

/// The octets of a bundle of 1 to 256 entries.
///
/// # Errors
/// [`BundleError::Width`] for no entries or more than 256, [`BundleError::EntryTooLong`] for one of
/// more than 65,535 octets.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    if entries.is_empty() || entries.len() > usize::from(TILE_WIDTH) {
        return Err(BundleError::Width(entries.len()));
    }
    let mut out = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let len = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong(entry.len()))?;
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// Reads a bundle of exactly `width` entries.
///
/// # Errors
/// [`BundleError`], if the octets end within an entry, or do not end after `width` entries.
pub fn decode_bundle(width: u16, bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    if !(1..=TILE_WIDTH).contains(&width) {
        return Err(BundleError::Width(usize::from(width)));
    }
    let mut rest = bytes;
    let mut entries = Vec::with_capacity(usize::from(width));
    for number in 0..width {
        let cut = BundleError::CutOff(number);
        let (len, after) = rest.split_first_chunk::<2>().ok_or_else(|| cut.clone())?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (entry, after) = after.split_at_checked(len).ok_or(cut)?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() {
        Ok(entries)
    } else {
        Err(BundleError::Trailing(rest.len()))
    }
}
