//! From files to what an evidence file holds: the record made anew from each artifact, and a proof
//! that is about that record and nothing else.
//!
//! Whether the log and the witnesses of a proof are trusted is not asked here: that takes a policy,
//! and is the verdict about the finished file.

use std::sync::Arc;

use ishibumi_artifact::shape::Unrecognised;
use ishibumi_artifact::{
    Admitted, Anchors, ArtifactType, Path, Refusal, TimestampToken, Verified, admit, admit_marking,
};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::checkpoint::CheckpointError;
use ishibumi_tlog::proof::{LoggedError, ProofFileError};
use ishibumi_tlog::tree::ProofError;

use super::{File, Item, LoggedEntry, Stamp, StatusData};

/// Why something cannot be packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// It is no artifact.
    #[error(transparent)]
    NoArtifact(#[from] Unrecognised),
    /// A proof is to be added to an evidence file that proves nothing.
    #[error("there is no record in the evidence file that it could be about")]
    NoRecord,
    /// Something else than a revocation list or an OCSP response.
    #[error("it is neither a revocation list nor an OCSP response")]
    NoStatusData,
    /// Its record cannot be made.
    #[error("it breaks the rules of its kind, so it has no record: {0}")]
    Refused(#[from] Refusal),
    /// The proof cannot be read.
    #[error("its proof: {0}")]
    ProofFile(#[from] ProofFileError),
    /// The checkpoint of the proof cannot be read.
    #[error("its proof: the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof is about something else, or false.
    #[error("its proof is not about it, or false: {0}")]
    NotProven(#[from] ProofError),
    /// A token that stamps no checkpoint of the proofs that are packed.
    #[error(
        "it stamps the text of no checkpoint that is packed; if it stamps another one, put a proof of \
         the artifact under that checkpoint beside it"
    )]
    StampsNothing,
}

impl From<LoggedError> for PackError {
    fn from(error: LoggedError) -> Self {
        match error {
            LoggedError::Proof(error) => error.into(),
            LoggedError::Checkpoint(error) => error.into(),
            LoggedError::Inclusion(error) => error.into(),
        }
    }
}

/// Something packed, and the certificates that it was verified with.
#[derive(Clone, Debug)]
pub struct Packed<T> {
    /// The content to add to the collection.
    pub content: T,
    /// Certificates of its path below the anchor, DER.
    pub certificates: Vec<Vec<u8>>,
    /// The anchor of its path, DER.
    pub anchor: Option<Vec<u8>>,
    /// The verified artifact.
    pub verified: Verified,
}

/// An artifact with its proof, `tlog-proof@v1`.
///
/// # Errors
/// [`PackError`], if the artifact is refused, or the proof is not one of its record.
pub fn pack_item(
    artifact: File,
    proof: &[u8],
    anchors: &Anchors,
) -> Result<Packed<Item>, PackError> {
    let kind = ArtifactType::of(&artifact.octets)?;
    // Everything that a log accepted can be packed; verification decides what it is worth.
    let admitted = admit_marking(kind, &artifact.octets, anchors)?;
    let proofs = vec![Arc::new(LoggedEntry::read(
        admitted.record().encode(),
        proof,
    )?)];
    let item = Item {
        artifact,
        document: None,
        proofs,
    };
    Ok(packed(item, admitted))
}

/// A list or response, with the proof of its own record if there is one.
///
/// # Errors
/// [`PackError`], if the octets are no list or response, or the proof is not one of its record.
pub fn status_data(
    octets: Vec<u8>,
    proof: Option<&[u8]>,
    anchors: &Anchors,
) -> Result<Packed<StatusData>, PackError> {
    let kind = ArtifactType::detect(&octets);
    let kind = kind.filter(|kind| matches!(kind, ArtifactType::Crl | ArtifactType::OcspResponse));
    let admitted = admit(kind.ok_or(PackError::NoStatusData)?, &octets, anchors)?;
    let record = admitted.record().encode();
    let proof = proof
        .map(|proof| LoggedEntry::read(record, proof))
        .transpose()?;
    let data = StatusData {
        octets: octets.into(),
        proof: proof.map(Arc::new),
    };
    Ok(packed(data, admitted))
}

/// A token over one of the checkpoints of `proofs`.
///
/// # Errors
/// [`PackError`], if the token is refused, or stamps none of these checkpoints.
pub fn stamp_of<'a>(
    token: Vec<u8>,
    proofs: impl IntoIterator<Item = &'a Arc<LoggedEntry>>,
    anchors: &Anchors,
) -> Result<Packed<Stamp>, PackError> {
    let verified = TimestampToken::parse(&token).and_then(|read| read.verify(anchors));
    let verified = verified.map_err(Refusal::Token)?;
    let mut texts = proofs.into_iter().map(|it| it.checkpoint.text());
    let text = texts.find(|text| verified.matches(text.as_bytes()));
    let Checkpoint { origin, size, .. } = Checkpoint::parse(text.ok_or(PackError::StampsNothing)?)?;
    let (certificates, anchor) = chain(verified.path());
    Ok(Packed {
        content: Stamp {
            log: origin,
            size,
            token: token.into(),
        },
        certificates,
        anchor,
        verified: Verified::Token(Box::new(verified)),
    })
}

fn packed<T>(content: T, admitted: Admitted) -> Packed<T> {
    let (_, _, verified) = admitted.into_parts();
    let path = match &verified {
        Verified::Token(token) => Some(token.path()),
        Verified::Certificate(path) => Some(path),
        Verified::Crl(list) => Some(list.path()),
        Verified::Ocsp(response) => Some(response.path()),
    };
    let (mut certificates, anchor) = path.map(chain).unwrap_or_default();
    if matches!(verified, Verified::Certificate(_)) && !certificates.is_empty() {
        // The artifact itself.
        certificates.remove(0);
    }
    Packed {
        content,
        certificates,
        anchor,
        verified,
    }
}

/// The certificates of a path below its anchor, and the anchor.
fn chain(path: &Path) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
    let all = path.certificates().iter().map(|it| it.der().to_vec());
    let mut all: Vec<Vec<u8>> = all.collect();
    let anchor = all.pop();
    (all, anchor)
}
