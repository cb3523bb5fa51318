//! Public keys: the vkey lines of policies and lists.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::kind::{KeyError, NAME_LEN_MAX, SignatureType};
use super::material::PublicKey;

/// A public key that can check one kind of signature under one name.
#[derive(Clone, Debug)]
pub struct VerifierKey {
    name: String,
    id: u32,
    kind: SignatureType,
    key: PublicKey,
}

impl PartialEq for VerifierKey {
    /// The id follows from the rest.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.public_key() == other.public_key()
    }
}

impl Eq for VerifierKey {}

impl VerifierKey {
    pub(super) fn new(name: &str, kind: SignatureType, material: &[u8]) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            id: key_id(name, kind, material),
            kind,
            key: PublicKey::read(kind, material)?,
        })
    }

    /// The key's name: the origin of a log, the name of a witness.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id (C2SP signed-note): an identifier, not a commitment.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The type of signature that this key verifies.
    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    /// The octets of the public key, 32 of Ed25519 or 1,312 of ML-DSA-44: two keys are duplicates
    /// if these are equal (C2SP tlog-policy).
    pub fn public_key(&self) -> &[u8] {
        self.key.octets()
    }

    /// Checks a signature over `message`; `false` also for one of another length than the type has.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(message, signature)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    /// Reads a vkey: `<name>+<hex id>+<base64(type || key)>` (C2SP signed-note, "Verifier keys").
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, stated, kind, material) = split_key(text)?;
        let key = Self::new(name, kind, &material)?;
        matching_id(stated, key.id)?;
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}",
            join_key(&self.name, self.id, self.kind, self.public_key())
        )
    }
}

/// A key name: non-empty, no Unicode space, no plus, no control character (C2SP signed-note,
/// "Format").
pub(crate) fn check_name(name: &str) -> Result<(), KeyError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > NAME_LEN_MAX || name.contains(bad) {
        return Err(KeyError::Name(name.chars().take(64).collect()));
    }
    Ok(())
}

fn key_id(name: &str, kind: SignatureType, material: &[u8]) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', kind.octet()]);
    hasher.update(material);
    let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
    u32::from_be_bytes([a, b, c, d])
}

pub(super) fn matching_id(stated: u32, computed: u32) -> Result<(), KeyError> {
    if stated == computed {
        Ok(())
    } else {
        Err(KeyError::Id { stated, computed })
    }
}

/// Name, stated id, type and key octets; no length is checked yet.
pub(super) fn split_key(text: &str) -> Result<(&str, u32, SignatureType, Vec<u8>), KeyError> {
    // Base64 may hold a plus, names and hex cannot.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    check_name(name)?;
    let canonical_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if id.len() != 8 || !id.bytes().all(canonical_hex) {
        return Err(KeyError::Form);
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| KeyError::Form)?;
    let material = STANDARD.decode(material).map_err(|_| KeyError::Form)?;
    let (&kind, key) = material.split_first().ok_or(KeyError::Form)?;
    let kind = SignatureType::from_octet(kind).ok_or(KeyError::Type(kind))?;
    Ok((name, id, kind, key.to_vec()))
}

pub(super) fn join_key(name: &str, id: u32, kind: SignatureType, material: &[u8]) -> String {
    let octets: Vec<u8> = std::iter::once(kind.octet())
        .chain(material.iter().copied())
        .collect();
    format!("{name}+{id:08x}+{}", STANDARD.encode(octets))
}
