//! A checkpoint with the signatures that were verified, and with nothing else: the only form in
//! which a checkpoint is remembered, shown or kept.

use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{Note, NoteError, SignatureLine};

/// A checkpoint with signatures of its log and, if there are any, of ours; all verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    checkpoint: Checkpoint,
    log_lines: Vec<SignatureLine>,
    own_lines: Vec<SignatureLine>,
    time: Option<u64>,
}

impl Recorded {
    /// Verifies that keys of `log` made all of `log_lines` and keys of `own` all of `own_lines`,
    /// each line once, over `checkpoint`.
    pub(crate) fn check(
        checkpoint: Checkpoint,
        log_lines: Vec<SignatureLine>,
        own_lines: Vec<SignatureLine>,
        log: &[VerifierKey],
        own: &[VerifierKey],
    ) -> Result<Self, NoteError> {
        let text = checkpoint.to_text();
        times(&text, &log_lines, log)?;
        let time = times(&text, &own_lines, own)?.into_iter().flatten().max();
        Ok(Self {
            checkpoint,
            log_lines,
            own_lines,
            time,
        })
    }

    /// Reads a note whose lines are the log's and then ours.
    pub(crate) fn parse(
        bytes: &[u8],
        log: &[VerifierKey],
        own: &[VerifierKey],
    ) -> Result<Self, String> {
        let note = Note::parse(bytes).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
        let name = log.first().map_or("no log", VerifierKey::name);
        if checkpoint.origin != name {
            let found = checkpoint.origin;
            return Err(format!("it holds a checkpoint of {found}, not of {name}"));
        }
        let (log_lines, own_lines) = note
            .signatures()
            .iter()
            .cloned()
            .partition(|line| line.name == name);
        Self::check(checkpoint, log_lines, own_lines, log, own).map_err(|error| error.to_string())
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The log's signatures.
    pub fn log_lines(&self) -> &[SignatureLine] {
        &self.log_lines
    }

    /// Our cosignatures.
    pub fn own_lines(&self) -> &[SignatureLine] {
        &self.own_lines
    }

    /// The latest time that our cosignatures state, in seconds since the Epoch; `None` if none
    /// states one.
    pub fn time(&self) -> Option<u64> {
        self.time
    }

    /// The note: our encoding of the checkpoint, the log's signatures, our cosignatures.
    pub fn note(&self) -> Note {
        let lines = self.log_lines.iter().chain(&self.own_lines);
        Note::new(self.checkpoint.to_text(), lines.cloned().collect())
    }
}

/// The times of lines that all verify, each of them different from the others.
fn times(
    text: &str,
    lines: &[SignatureLine],
    keys: &[VerifierKey],
) -> Result<Vec<Option<u64>>, NoteError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let verified = Note::new(text.to_owned(), lines.to_vec()).verify(keys)?;
    if verified.len() != lines.len() {
        return Err(NoteError::NoKnownKey(lines.len()));
    }
    Ok(verified.iter().map(|signature| signature.time).collect())
}
