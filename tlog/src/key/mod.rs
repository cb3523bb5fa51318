//! Keys of notes: verifier keys (C2SP signed-note, "Verifier keys") and the signing keys beside them.
//!
//! A key is a name, a signature type and key material; the first four octets of
//! `SHA-256(name || "\n" || type || key)` are its id. Name and id together say which line of a note
//! a key has to verify. Signatures are checked strictly: one message and one key have no second
//! acceptable signature that somebody else could derive (Ed25519 with `verify_strict`; ML-DSA is
//! strongly unforgeable as FIPS 204 has it).

mod material;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::material::{PublicKey, SecretKey};
use crate::cosignature;
use crate::note::SignatureLine;

/// The longest key name accepted, in octets. A name is a schema-less URL; 255 is also what
/// `subtree/v1` messages can hold (C2SP tlog-cosignature, `cosigner_name<1..2^8-1>`).
pub const NAME_LEN_MAX: usize = 255;

/// The signature types (C2SP signed-note, "Signature types") that this crate makes and checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureType {
    /// `0x01`: Ed25519 over the note text; what a log signs its checkpoints with.
    Ed25519,
    /// `0x04`: timestamped Ed25519 checkpoint cosignature (C2SP tlog-cosignature).
    CosignatureV1,
    /// `0x06`: timestamped ML-DSA-44 cosignature of a tree or subtree (C2SP tlog-cosignature); for
    /// witnesses, and with time zero also what a log signs its checkpoints with (tlog-checkpoint).
    SubtreeV1,
}

impl SignatureType {
    /// The identifier octet.
    pub fn octet(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
            Self::SubtreeV1 => 0x06,
        }
    }

    /// The algorithm, as people call it.
    pub const fn algorithm(self) -> &'static str {
        match self {
            Self::Ed25519 | Self::CosignatureV1 => "Ed25519",
            Self::SubtreeV1 => "ML-DSA-44",
        }
    }

    /// Whether signatures of this type are believed to withstand a quantum computer.
    pub fn is_post_quantum(self) -> bool {
        matches!(self, Self::SubtreeV1)
    }

    /// Whether a signature of this type over a checkpoint covers its extension lines.
    pub fn covers_extensions(self) -> bool {
        !matches!(self, Self::SubtreeV1)
    }

    fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::CosignatureV1),
            0x06 => Some(Self::SubtreeV1),
            _ => None,
        }
    }
}

/// Why a key cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty, too long, or holds a space, a plus or a control character.
    #[error(
        "key name {0:?} is not a non-empty name of at most {NAME_LEN_MAX} octets without spaces and '+'"
    )]
    Name(String),
    /// Not of the form `<name>+<8 hex digits>+<base64>`.
    #[error("not a key of the form <name>+<8 hex digits>+<base64>")]
    Form,
    /// The id in the text is not the one that name and key have.
    #[error(
        "the key says that its id is {stated:08x}, but name and key have the id {computed:08x}"
    )]
    Id {
        /// The id in the text.
        stated: u32,
        /// The id of this name and key.
        computed: u32,
    },
    /// A signature type that this crate does not know.
    #[error(
        "signature type {0:#04x} is not supported here (known: 0x01 Ed25519, 0x04 cosignature/v1, 0x06 ML-DSA-44 subtree/v1)"
    )]
    Type(u8),
    /// The octets are no usable key of that type: another length, or a key that anybody can sign for.
    #[error("not a usable key of its signature type (Ed25519: 32 octets, ML-DSA-44: 1312)")]
    Material,
    /// A text that a `0x06` key cannot sign: its message holds origin, size and root and nothing else.
    #[error("a key of type 0x06 signs checkpoints only: {0}")]
    Unsignable(String),
}

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
    fn new(name: &str, kind: SignatureType, material: &[u8]) -> Result<Self, KeyError> {
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

    /// What kind of signature this key checks.
    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    /// The octets of the public key, 32 of Ed25519 or 1,312 of ML-DSA-44: two keys are duplicates if
    /// these are equal (C2SP tlog-policy).
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

/// A private key that makes one kind of signature under one name.
///
/// Its text form is that of `golang.org/x/mod/sumdb/note`:
/// `PRIVATE+KEY+<name>+<hex id>+<base64(type || seed)>`, the seed 32 octets for every type (for
/// ML-DSA-44 the seed xi of FIPS 204 algorithm 6). The seed is wiped when the value is dropped.
pub struct NoteSigner {
    verifier: VerifierKey,
    key: SecretKey,
}

const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";

impl NoteSigner {
    /// The key with this name, kind and seed of 32 octets.
    pub fn from_seed(name: &str, kind: SignatureType, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SecretKey::from_seed(kind, seed);
        Ok(Self {
            verifier: VerifierKey::new(name, kind, &key.public_octets())?,
            key,
        })
    }

    /// Reads the private text form.
    pub fn from_private_text(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix(PRIVATE_PREFIX).ok_or(KeyError::Form)?;
        let (name, stated, kind, seed) = split_key(text)?;
        let seed = seed.as_slice().try_into().map_err(|_| KeyError::Material)?;
        let signer = Self::from_seed(name, kind, seed)?;
        matching_id(stated, signer.verifier.id)?;
        Ok(signer)
    }

    /// The private text form. Whoever reads it can sign.
    pub fn to_private_text(&self) -> String {
        let VerifierKey { name, id, kind, .. } = &self.verifier;
        format!(
            "{PRIVATE_PREFIX}{}",
            join_key(name, *id, *kind, self.key.seed())
        )
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The bare signature over `message`; see [`SecretKey::sign`] for `None`.
    pub(crate) fn sign_message(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.key.sign(message)
    }

    /// Signs a note text as a log does: as it is with an Ed25519 key (type `0x01`; C2SP signed-note,
    /// "Ed25519 signatures"); with an ML-DSA-44 key (type `0x06`) the checkpoint that the text is,
    /// with time zero, since a log says nothing about time.
    ///
    /// # Errors
    /// [`KeyError::Type`] for a key of type `0x04`: it makes cosignatures, and the two must never share
    /// a key id. [`KeyError::Unsignable`] if the key is of type `0x06` and the text is no checkpoint, or
    /// one with extension lines, which its signature would not cover.
    pub fn sign(&self, text: &str) -> Result<SignatureLine, KeyError> {
        match self.verifier.kind {
            SignatureType::Ed25519 => self
                .sign_message(text.as_bytes())
                .map(|signature| self.line(signature))
                .ok_or(KeyError::Material),
            SignatureType::CosignatureV1 => Err(KeyError::Type(self.verifier.kind.octet())),
            SignatureType::SubtreeV1 => cosignature::sign_untimed(self, text),
        }
    }

    pub(crate) fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine {
            name: self.verifier.name.clone(),
            id: self.verifier.id,
            signature,
        }
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier)
    }
}

/// A key name: non-empty, no Unicode space, no plus, no control character (C2SP signed-note, "Format").
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

fn matching_id(stated: u32, computed: u32) -> Result<(), KeyError> {
    if stated == computed {
        Ok(())
    } else {
        Err(KeyError::Id { stated, computed })
    }
}

/// Name, stated id, type and key octets; no length is checked yet.
fn split_key(text: &str) -> Result<(&str, u32, SignatureType, Vec<u8>), KeyError> {
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

fn join_key(name: &str, id: u32, kind: SignatureType, material: &[u8]) -> String {
    let octets: Vec<u8> = std::iter::once(kind.octet())
        .chain(material.iter().copied())
        .collect();
    format!("{name}+{id:08x}+{}", STANDARD.encode(octets))
}
