//! Artifacts and the proofs that stand beside them or in them, from files.

use std::path::{Path, PathBuf};

use ishibumi::evidence::pdf;
use ishibumi::{CheckpointToken, RevocationData};
use ishibumi_artifact::unsigned::{UnsignedError, embedded_proofs};
use ishibumi_tlog::proof::FILE_EXTENSION;

use super::{Exit, Failure, files, mistaken};

/// The artifact; a PDF may be longer than anything else.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let octets = files::read(path, pdf::PDF_LEN_MAX)?;
    if octets.len() > files::ARTIFACT_LEN_MAX && !pdf::is_pdf(&octets) {
        if let Some(failure) = mistaken::no_artifact(path, &octets) {
            let exit = Exit::Usage;
            return Err(Failure { exit, ..failure });
        }
        return Err(files::too_long(path, files::ARTIFACT_LEN_MAX));
    }
    Ok(octets)
}

/// The proof that is named, else the one beside the artifact, else those inside of it.
pub(super) fn proofs(
    path: &Path,
    named: Option<&Path>,
    artifact: &[u8],
) -> Result<Vec<Vec<u8>>, Failure> {
    let beside = || files::proof_beside(path);
    if let Some(proof) = named.map(Path::to_owned).or_else(beside) {
        return Ok(vec![files::read_proof(&proof)?]);
    }
    match embedded_proofs(artifact) {
        Ok(proofs) if !proofs.is_empty() => Ok(proofs),
        // A file that is no token carries no proof; its kind is reported once there is one.
        Ok(_) | Err(UnsignedError::Token(_)) => {
            Err(mistaken::no_artifact(path, artifact).unwrap_or_else(|| no_proof(path)))
        }
        Err(error) => Err(Failure::unavailable(format!(
            "{}: no proof beside it, and what is embedded cannot be read: {error}",
            path.display()
        ))
        .advice("name the proof as second argument, or fetch it: ishibumi evidence get")),
    }
}

pub(super) fn no_proof(artifact: &Path) -> Failure {
    let expected = files::proof_path(artifact, None);
    let message = format!(
        "{}: no proof beside it ({} is missing) and none in it",
        artifact.display(),
        expected.display()
    );
    Failure::unavailable(message)
        .advice("name the proof as second argument, or fetch it: ishibumi evidence get")
        .in_japanese(format!(
            "{}：証明（{}）が見つかりません。2番目の引数で指定するか、`ishibumi evidence get` で取得してください。",
            artifact.display(),
            expected.display()
        ))
}

/// A file, and the proof beside it.
pub(super) struct WithProof {
    pub(super) name: String,
    pub(super) octets: Vec<u8>,
    pub(super) proof: Option<Vec<u8>>,
}

impl WithProof {
    fn read(path: &Path) -> Result<Self, Failure> {
        let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
        let proof = files::proof_beside(path)
            .map(|proof| files::read_proof(&proof))
            .transpose()?;
        Ok(Self {
            name: path.display().to_string(),
            octets,
            proof,
        })
    }

    pub(super) fn revocation(&self) -> RevocationData<'_> {
        RevocationData::new(&self.name, &self.octets).proof(self.proof.as_ref())
    }

    pub(super) fn checkpoint_token(&self) -> CheckpointToken<'_> {
        CheckpointToken::new(&self.name, &self.octets).proof(self.proof.as_ref())
    }
}

/// The files at these paths, and those of the folders among them.
pub(super) fn with_proofs(paths: &[PathBuf]) -> Result<Vec<WithProof>, Failure> {
    let is_proof = |path: &PathBuf| {
        path.extension()
            .is_some_and(|known| known == FILE_EXTENSION)
    };
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            all.extend(files::files_in(path)?.into_iter().filter(|p| !is_proof(p)));
        } else {
            all.push(path.clone());
        }
    }
    all.iter().map(|path| WithProof::read(path)).collect()
}
