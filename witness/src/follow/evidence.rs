//! Evidence of forks as it is kept: portable files in registers that are never overwritten.
//!
//! | register | what | how many |
//! | --- | --- | --- |
//! | `fork/<id>` | two checkpoints of one size with two roots | the first |
//! | `suspicion/<id>/<n>` | a recorded checkpoint, and a signed one whose consistency proof failed | the first 8 that differ |
//!
//! A fork convicts the log, so the first is enough. A suspicion convicts nobody: anybody can send a
//! true checkpoint with a wrong proof. The bound keeps such a sender from filling the disk.
//!
//! Version 1 of `fork/<id>` was `ishibumi-witness fork v1`, which is still read:
//!
//! ```text
//! ishibumi-witness fork v1
//! seen <time>
//! held <octets>
//! submitted <octets>
//!
//! <note held><note submitted>
//! ```

use ishibumi_store::Registers;
use ishibumi_tlog::Hash;
use ishibumi_tlog::fork::Evidence;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;

use super::state::StateError;

/// The most suspicions that are kept of one log.
pub const SUSPICIONS_MAX: usize = 8;

const HEADING_V1: &str = "ishibumi-witness fork v1";

fn fork_register(id: Hash) -> String {
    format!("fork/{id}")
}

fn suspicion_register(id: Hash, number: usize) -> String {
    format!("suspicion/{id}/{number}")
}

/// The proof that the log with the origin hash `id` and these `keys` forked, if one was kept.
pub(super) fn fork<R: Registers>(
    registers: &R,
    id: Hash,
    keys: &[VerifierKey],
) -> Result<Option<Evidence>, StateError> {
    read(registers, fork_register(id), keys)
}

/// The suspicions against that log.
pub(super) fn suspicions<R: Registers>(
    registers: &R,
    id: Hash,
    keys: &[VerifierKey],
) -> Result<Vec<Evidence>, StateError> {
    let numbers = (0..SUSPICIONS_MAX).map(|number| suspicion_register(id, number));
    let read = numbers.map(|register| read(registers, register, keys));
    // They are numbered without gaps.
    read.map_while(Result::transpose).collect()
}

/// Keeps a fork unless one is kept already; says whether it was.
pub(super) fn keep_fork<R: Registers>(
    registers: &R,
    id: Hash,
    evidence: &Evidence,
) -> Result<bool, StateError> {
    let register = fork_register(id);
    if registers.read(register.as_bytes())?.is_some() {
        return Ok(false);
    }
    registers.swap(register.as_bytes(), None, evidence.encode().as_bytes())?;
    Ok(true)
}

/// Keeps a suspicion unless one about the same checkpoint is kept already, or too many; says
/// whether it was.
pub(super) fn keep_suspicion<R: Registers>(
    registers: &R,
    id: Hash,
    evidence: &Evidence,
) -> Result<bool, StateError> {
    let kept = suspicions(registers, id, evidence.keys())?;
    let [_, suspect] = evidence.checkpoints();
    if kept.len() == SUSPICIONS_MAX || kept.iter().any(|kept| kept.checkpoints()[1] == suspect) {
        return Ok(false);
    }
    let register = suspicion_register(id, kept.len());
    registers.swap(register.as_bytes(), None, evidence.encode().as_bytes())?;
    Ok(true)
}

fn read<R: Registers>(
    registers: &R,
    register: String,
    keys: &[VerifierKey],
) -> Result<Option<Evidence>, StateError> {
    let Some(value) = registers.read(register.as_bytes())? else {
        return Ok(None);
    };
    let read = if value.starts_with(HEADING_V1.as_bytes()) {
        read_v1(&value, keys).ok_or_else(|| "it is not in the format v1".to_owned())
    } else {
        Evidence::parse(&value).map_err(|error| error.to_string())
    };
    read.map(Some)
        .map_err(|detail| StateError::Damaged { register, detail })
}

fn read_v1(bytes: &[u8], keys: &[VerifierKey]) -> Option<Evidence> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, notes) = bytes.split_at(end + 2);
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    (lines.next()? == HEADING_V1).then_some(())?;
    let mut number = |name: &str| {
        let text = lines.next()?.strip_prefix(name)?.strip_prefix(' ')?;
        text.parse::<u64>().ok()
    };
    let seen = number("seen")?;
    let held_len = usize::try_from(number("held")?).ok()?;
    let submitted_len = usize::try_from(number("submitted")?).ok()?;
    let (held, submitted) = notes.split_at_checked(held_len)?;
    (submitted.len() == submitted_len).then_some(())?;
    let note = |bytes| Note::parse(bytes).ok();
    Evidence::new(keys.to_vec(), seen, note(held)?, note(submitted)?).ok()
}
