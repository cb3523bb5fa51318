//! The types of signatures, and why a key cannot be read.

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

    pub(super) fn from_octet(octet: u8) -> Option<Self> {
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
    /// The id in the text is not the one computed from name and key.
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
    /// The octets are not a usable key of that type: the length is wrong, or anybody can sign for
    /// the key.
    #[error("not a usable key of its signature type (Ed25519: 32 octets, ML-DSA-44: 1312)")]
    Material,
    /// A text that a `0x06` key cannot sign: its message holds origin, size and root and nothing
    /// else.
    #[error("a key of type 0x06 signs checkpoints only: {0}")]
    Unsignable(String),
}
