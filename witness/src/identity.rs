//! Whose state this is: the witness's name and keys, those that sign and those that were retired.
//!
//! ```text
//! ishibumi-witness v2
//! key <vkey>            1 to 8 of them sign
//! retired <vkey>        0 to 64 of them sign no more; their old signatures still count as ours
//! ```
//!
//! Version 1 had one line `key` and was never changed; it is read, and the next change makes it
//! version 2.

use std::fmt::Write as _;

use ishibumi_store::{Registers, StoreError};
use ishibumi_tlog::key::{SignatureType, VerifierKey};

use crate::cosigners::COSIGNERS_MAX;
use crate::follow::StateError;
use crate::refusal::KeyChangeError;

/// Register that binds the store to the witness's keys.
const REGISTER: &[u8] = b"witness";
const HEADING_V1: &str = "ishibumi-witness v1";
const HEADING: &str = "ishibumi-witness v2";

/// The most keys that are remembered as retired.
pub const RETIRED_MAX: usize = 64;

/// The name and the keys of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    active: Vec<VerifierKey>,
    retired: Vec<VerifierKey>,
}

impl Identity {
    /// A witness that signs with these keys. `None` unless there are 1 to 8, of one name, all
    /// different, and of types that make cosignatures.
    pub fn new(active: Vec<VerifierKey>) -> Option<Self> {
        let identity = Self {
            active,
            retired: Vec::new(),
        };
        identity.is_sound().then_some(identity)
    }

    /// The witness's name.
    pub fn name(&self) -> &str {
        self.active.first().map_or("", VerifierKey::name)
    }

    /// The keys that sign, in the order of their lines.
    pub fn active(&self) -> &[VerifierKey] {
        &self.active
    }

    /// The keys that sign no more.
    pub fn retired(&self) -> &[VerifierKey] {
        &self.retired
    }

    /// All keys that ever signed.
    pub fn all(&self) -> Vec<VerifierKey> {
        self.active.iter().chain(&self.retired).cloned().collect()
    }

    /// Binds an empty store to this witness. Once per store.
    pub(crate) fn create<R: Registers>(&self, registers: &R) -> Result<(), StoreError> {
        registers.swap(REGISTER, None, self.encode().as_bytes())
    }

    /// The witness that a store belongs to.
    pub(crate) fn load<R: Registers>(registers: &R) -> Result<Self, StateError> {
        let value = registers.read(REGISTER)?.ok_or(StateError::Absent)?;
        Self::decode(&value).ok_or_else(|| StateError::Damaged {
            register: String::from_utf8_lossy(REGISTER).into_owned(),
            detail: "it is not in the format v1 or v2".to_owned(),
        })
    }

    /// Signs with one more key. Durable once this returns.
    pub(crate) fn add<R: Registers>(
        registers: &R,
        key: &VerifierKey,
    ) -> Result<Self, KeyChangeError> {
        Self::change(registers, |identity| {
            if identity.all().contains(key) {
                return Err(KeyChangeError::Known(key.to_string()));
            }
            if identity.active.len() == COSIGNERS_MAX {
                return Err(KeyChangeError::TooMany(COSIGNERS_MAX));
            }
            identity.active.push(key.clone());
            Ok(())
        })
    }

    /// Signs no more with the key with this id; retiring it again changes nothing. Durable once
    /// this returns.
    pub(crate) fn retire<R: Registers>(registers: &R, id: u32) -> Result<Self, KeyChangeError> {
        Self::change(registers, |identity| {
            if identity.retired.iter().any(|key| key.id() == id) {
                return Ok(());
            }
            let at = identity.active.iter().position(|key| key.id() == id);
            let at = at.ok_or(KeyChangeError::Unknown(id))?;
            if identity.active.len() == 1 {
                return Err(KeyChangeError::Last(id));
            }
            if identity.retired.len() == RETIRED_MAX {
                return Err(KeyChangeError::TooMany(RETIRED_MAX));
            }
            let key = identity.active.remove(at);
            identity.retired.push(key);
            Ok(())
        })
    }

    fn change<R: Registers>(
        registers: &R,
        change: impl FnOnce(&mut Self) -> Result<(), KeyChangeError>,
    ) -> Result<Self, KeyChangeError> {
        let old = Self::load(registers)?;
        let mut next = old.clone();
        change(&mut next)?;
        if next != old {
            let present = registers.read(REGISTER).map_err(StateError::from)?;
            registers
                .swap(REGISTER, present.as_deref(), next.encode().as_bytes())
                .map_err(StateError::from)?;
        }
        Ok(next)
    }

    fn encode(&self) -> String {
        let mut text = format!("{HEADING}\n");
        // Writing to a String does not fail.
        for key in &self.active {
            let _ = writeln!(text, "key {key}");
        }
        for key in &self.retired {
            let _ = writeln!(text, "retired {key}");
        }
        text
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines();
        let heading = lines.next()?;
        let (mut active, mut retired) = (Vec::new(), Vec::new());
        for line in lines {
            match line.split_once(' ')? {
                ("key", key) => active.push(key.parse().ok()?),
                ("retired", key) => retired.push(key.parse().ok()?),
                _ => return None,
            }
        }
        let identity = Self { active, retired };
        let spelled = match heading {
            HEADING_V1 => format!("{HEADING_V1}\nkey {}\n", identity.active.first()?),
            HEADING => identity.encode(),
            _ => return None,
        };
        (spelled == text && identity.is_sound()).then_some(identity)
    }

    fn is_sound(&self) -> bool {
        let all = self.all();
        let fits = |(at, key): (usize, &VerifierKey)| {
            key.name() == self.name()
                && key.kind() != SignatureType::Ed25519
                && !all.iter().take(at).any(|known| known.id() == key.id())
        };
        (1..=COSIGNERS_MAX).contains(&self.active.len())
            && self.retired.len() <= RETIRED_MAX
            && all.iter().enumerate().all(fits)
    }
}
