//! Signed notes (C2SP signed-note): a text, a blank line, signature lines.
//!
//! [`Note::parse`] is strict: what it accepts, [`Note::encode`] writes back octet by octet. A
//! parsed note says nothing yet; [`Note::verify`] says which of the given keys signed it. A line in
//! the name and id of a known key that does not verify refuses the whole note, and lines of unknown
//! keys are ignored.

use crate::cosigned;
pub use crate::key::SignatureLine;
use crate::key::{SignatureType, VerifierKey};

/// The longest note that is read, in octets: 160 post-quantum signatures fit.
pub const NOTE_LEN_MAX: usize = 1 << 20;

/// The most signature lines that a note may have (C2SP demands at least 16). More are refused
/// before any signature is checked.
pub const SIGNATURES_MAX: usize = 160;

/// Why a note is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Longer than [`NOTE_LEN_MAX`].
    #[error("the note has {0} octets, at most {NOTE_LEN_MAX} are read")]
    TooLong(usize),
    /// Not UTF-8, or a control character other than newline.
    #[error("the note holds an octet that is no text, at offset {0}")]
    NotText(usize),
    /// There is no blank line between text and signatures, or no signature, or no final newline.
    #[error("the note has no blank line followed by signature lines that each end in a newline")]
    NoSignatures,
    /// More than [`SIGNATURES_MAX`] signature lines.
    #[error("the note has {0} signature lines, at most {SIGNATURES_MAX} are read")]
    TooManySignatures(usize),
    /// A line below the blank line is not `— <name> <base64>`.
    #[error("signature line {0} is malformed")]
    SignatureLine(usize),
    /// A line bears name and id of a known key, but the signature does not verify.
    #[error("the signature of {0} does not verify: the whole note is refused")]
    BadSignature(String),
    /// No line bears name and id of a known key.
    #[error("none of the {0} signatures is by a known key")]
    NoKnownKey(usize),
}

/// A note that parsed. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// A verified signature: its key, its line, and the time that it states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// Index in the keys given to [`Note::verify`].
    pub key: usize,
    /// Index of its line in [`Note::signatures`].
    pub line: usize,
    /// The time in a cosignature, in seconds since the Epoch. `None` for an Ed25519 log signature,
    /// which carries none, and for a stated zero (an ML-DSA-44 log signature's), which is no time.
    pub time: Option<u64>,
}

impl Note {
    /// A note of `text`, which has to end in a newline, and `signatures`.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note (C2SP signed-note, "Format").
    ///
    /// # Errors
    /// [`NoteError`], if the octets are not as the format demands, or exceed a limit. Signatures
    /// are not verified.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_LEN_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let whole =
            std::str::from_utf8(bytes).map_err(|error| NoteError::NotText(error.valid_up_to()))?;
        if let Some(at) = bytes.iter().position(|&b| b < 0x20 && b != b'\n') {
            return Err(NoteError::NotText(at));
        }
        let (before, lines) = whole.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let count = lines.split('\n').count();
        if count > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures(count));
        }
        let signatures = (1..)
            .zip(lines.split('\n'))
            .map(|(n, line)| SignatureLine::parse(line).ok_or(NoteError::SignatureLine(n)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: format!("{before}\n"),
            signatures,
        })
    }

    /// The octets of the note; parsing them gives this note again.
    pub fn encode(&self) -> String {
        let mut out = format!("{}\n", self.text);
        for line in &self.signatures {
            out.push_str(&line.to_string());
            out.push('\n');
        }
        out
    }

    /// The text, with its final newline. Unverified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines. Unverified.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature line, unless the very same line is there already.
    pub fn push(&mut self, line: SignatureLine) {
        if !self.signatures.contains(&line) {
            self.signatures.push(line);
        }
    }

    /// The note with only those lines that `verified` names: what may be stored and passed on.
    #[must_use]
    pub fn retain(&self, verified: &[VerifiedSignature]) -> Self {
        let named = |line: usize| verified.iter().any(|v| v.line == line);
        let kept = self.signatures.iter().enumerate();
        let kept = kept.filter(|&(line, _)| named(line));
        Self {
            text: self.text.clone(),
            signatures: kept.map(|(_, signature)| signature.clone()).collect(),
        }
    }

    /// Checks every signature by one of `keys` and says which key signed.
    ///
    /// A line that is there twice counts once. At least one known key has to have signed. A key of
    /// type `0x06` signs origin, size and root: extension lines of the text are not covered by it.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] for a signature in the name of one of `keys` that does not
    /// verify, [`NoteError::NoKnownKey`] if none of them signed, [`NoteError::TooManySignatures`]
    /// beyond the limit.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, NoteError> {
        if self.signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures(self.signatures.len()));
        }
        let mut verified: Vec<VerifiedSignature> = Vec::new();
        for (line, signature) in self.signatures.iter().enumerate() {
            if self
                .signatures
                .iter()
                .take(line)
                .any(|earlier| earlier == signature)
            {
                continue;
            }
            for (key, verifier) in keys.iter().enumerate().filter(|(_, k)| signature.is_by(k)) {
                let time = self.check_line(verifier, signature)?;
                verified.push(VerifiedSignature { key, line, time });
            }
        }
        if verified.is_empty() {
            return Err(NoteError::NoKnownKey(self.signatures.len()));
        }
        Ok(verified)
    }

    /// The time that a valid signature states, if it states one.
    fn check_line(
        &self,
        key: &VerifierKey,
        line: &SignatureLine,
    ) -> Result<Option<u64>, NoteError> {
        let bad = || NoteError::BadSignature(line.name.clone());
        match key.kind() {
            SignatureType::Ed25519 if key.verifies(self.text.as_bytes(), &line.signature) => {
                Ok(None)
            }
            SignatureType::Ed25519 => Err(bad()),
            SignatureType::CosignatureV1 | SignatureType::SubtreeV1 => {
                let time = cosigned::check(key, &self.text, &line.signature).ok_or_else(bad)?;
                Ok((time != 0).then_some(time))
            }
        }
    }
}
