//! The octets of one slot of a head file (`docs/formats/head-file.md`).
//!
//! Version 1 lacks the holder. It is still read, so that a log of an older program can go on; only
//! version 2 is written.

use ishibumi_tlog::hash::{HASH_LEN, Hash};
use ishibumi_tlog::key::VerifierKey;

use super::head::Head;
use super::holder::{HOLDER_LEN, Holder};

const MAGIC: &[u8; 8] = b"ishiHEAD";
/// Octets of a slot: one page, so that writing one never touches the sector of the other.
pub(super) const SLOT_LEN: usize = 4096;
pub(super) const SUM_AT: usize = SLOT_LEN - HASH_LEN;

/// The log and key to which a head file belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) key_id: u32,
    pub(super) origin: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Zero in a new file, one more with each write. An even one is in the first slot.
    pub(super) sequence: u64,
    pub(super) owner: Owner,
    pub(super) head: Head,
    /// The process that writes; `None` in a slot of version 1.
    pub(super) holder: Option<Holder>,
}

impl Owner {
    pub(super) fn of(key: &VerifierKey) -> Self {
        Self {
            key_id: key.id(),
            origin: key.name().to_owned(),
        }
    }
}

impl Slot {
    pub(super) fn offset(&self) -> u64 {
        if self.sequence.is_multiple_of(2) {
            0
        } else {
            SLOT_LEN as u64
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let origin = self.owner.origin.as_bytes();
        let origin_len = u8::try_from(origin.len()).expect("a key name has at most 255 octets");
        let version: u16 = if self.holder.is_some() { 2 } else { 1 };
        let mut octets = Vec::with_capacity(2 * SLOT_LEN);
        octets.extend_from_slice(MAGIC);
        octets.extend_from_slice(&version.to_be_bytes());
        octets.extend_from_slice(&self.sequence.to_be_bytes());
        octets.extend_from_slice(&self.owner.key_id.to_be_bytes());
        octets.extend_from_slice(&self.head.size.to_be_bytes());
        octets.extend_from_slice(&self.head.root.0);
        if let Some(holder) = &self.holder {
            octets.extend_from_slice(&holder.encode());
        }
        octets.push(origin_len);
        octets.extend_from_slice(origin);
        octets.resize(SUM_AT, 0);
        let sum = Hash::of(&octets);
        octets.extend_from_slice(&sum.0);
        octets
    }

    /// Reads a slot whose every octet is as [`Self::encode`] writes it; `None` for any other.
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        let mut rest = octets;
        let (magic, version) = (take::<8>(&mut rest)?, take::<2>(&mut rest)?);
        let sequence = u64::from_be_bytes(take(&mut rest)?);
        let key_id = u32::from_be_bytes(take(&mut rest)?);
        let size = u64::from_be_bytes(take(&mut rest)?);
        let root = Hash(take(&mut rest)?);
        let holder = match u16::from_be_bytes(version) {
            1 => None,
            2 => Some(Holder::decode(&take::<HOLDER_LEN>(&mut rest)?)?),
            _ => return None,
        };
        let [origin_len] = take(&mut rest)?;
        let origin = rest.get(..usize::from(origin_len))?;
        let slot = Self {
            sequence,
            owner: Owner {
                key_id,
                origin: std::str::from_utf8(origin).ok()?.to_owned(),
            },
            head: Head { size, root },
            holder,
        };
        let right = magic == *MAGIC && slot.encode() == octets;
        right.then_some(slot)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}
