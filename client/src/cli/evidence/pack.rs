//! `ishibumi evidence pack`: artifacts, proofs, and all that belongs to them, in one file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ishibumi::evidence::{
    Collection, ENTRIES_MAX, FILE_LEN_MAX, File, Item, Logged, PackError, Packed, Stamp, pack_item,
    stamp_of, status_data,
};
use ishibumi::fetch::Covering;
use ishibumi_artifact::{Anchors, Fault, Verified, VerifiedToken};
use ishibumi_tlog::proof::FILE_EXTENSION;
use ishibumi_tlog::shown::add_line;
use ishibumi_tlog::tile::ENTRY_LEN_MAX;
use serde_json::json;

use super::super::verify::{WithProof, with_proofs};
use super::super::{Exit, Failure, Voice, files, network};
use super::anchored;
use super::file;
use super::verify;

const EXAMPLES: &str = "Examples:
  ishibumi evidence pack --policy policy.txt --anchors anchors/ --document contract.pdf contract.tst
  ishibumi evidence pack --policy policy.txt --anchors anchors/ --document documents/ \\
      --revocation ca.crl --checkpoint-token log.tst --out 2026.evidence.zip artifacts/
  ishibumi evidence pack --policy policy.txt --anchors anchors/ --from https://log.example contract.tst

Of a folder, every file with a proof beside it is packed. A document is found by the hash that a token
stamps, whatever it is called. Certificates between artifact and anchor are packed too; policy and
anchors only for information, since whoever verifies uses his own. What does not verify is not packed.
With --from, what the log holds of TSAs' tokens over its checkpoints is packed as well, if --anchors has the
TSAs' certificates: a proof of time for whoever trusts no witness.
The file is a ZIP that any tool opens; META-INF/README.txt inside says how to verify by hand.

Exit codes: 0 packed, 1 something is disproven, 2 usage, 3 unavailable, 4 something cannot be proven.";

/// Pack artifacts, documents, proofs and revocation data into one file
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PackArguments {
    #[command(flatten)]
    terms: verify::TermsArguments,
    /// A document that a token stamps, or a folder in which to look for them
    #[arg(long, value_name = "PATH")]
    document: Vec<PathBuf>,
    /// A revocation list or an OCSP response, or a folder of them; a proof beside one is packed too
    #[arg(long, value_name = "PATH")]
    revocation: Vec<PathBuf>,
    /// A time-stamp token over the text of a checkpoint, or a folder of them; with a proof beside it,
    /// over the checkpoint of that proof
    #[arg(long, value_name = "PATH")]
    checkpoint_token: Vec<PathBuf>,
    /// A record about a provider or the log, its very octets, with its proof beside it; or a folder
    #[arg(long, value_name = "PATH")]
    statement: Vec<PathBuf>,
    /// Fetch the first token of each TSA over a checkpoint that covers an artifact, from this log, mirror
    /// or folder; several are asked in their order
    #[arg(long, value_name = "URL|DIR")]
    from: Vec<String>,
    /// Pack also what does not verify, and say so
    #[arg(long)]
    unverified: bool,
    /// Where to write; by default beside the first artifact, with `.evidence.zip` behind its name
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Artifacts with their proofs beside them, or folders
    #[arg(required = true)]
    artifacts: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &PackArguments, voice: Voice) -> Result<Exit, Failure> {
    let terms = arguments.terms.read()?;
    let mut packer = Packer::new(terms.anchors());
    packer
        .collection
        .policies
        .push(terms.policy_file().to_vec());
    packer.add_artifacts(&artifacts(&arguments.artifacts)?)?;
    packer.add_documents(&arguments.document)?;
    for data in with_proofs(&arguments.revocation)? {
        packer.add_revocation(data)?;
    }
    for token in with_proofs(&arguments.checkpoint_token)? {
        packer.add_stamp(token)?;
    }
    for record in with_proofs(&arguments.statement)? {
        packer.add_statement(&record)?;
    }
    let anchored = if arguments.from.is_empty() {
        None
    } else {
        let sources = network::sources(&arguments.from)?;
        let items = &packer.collection.items;
        let found = anchored::fetch(&sources, terms.policy(), terms.anchors(), items)?;
        Some(packer.add_anchors(found)?)
    };
    let octets = packer.collection.encode();
    let octets = octets.map_err(|error| file::refused(&error))?;
    // What is judged is the file as others will read it.
    let read = file::decode(&octets, "the packed file")?;
    let judged = verify::judge(&read, terms);
    if judged.exit() != Exit::Proven && !arguments.unverified {
        let failures = judged.failures(voice.language);
        let failures = failures.lines().filter(|line| !line.is_empty());
        let message = "nothing was packed, since not all of it verifies";
        return Err(Failure::new(judged.exit(), message)
            .lines(failures.map(str::to_owned))
            .advice("--unverified packs it all the same"));
    }
    let first = arguments.artifacts.first().map(PathBuf::as_path);
    let beside = || file::default_path(first.unwrap_or(Path::new("evidence")));
    let out = arguments.out.clone().unwrap_or_else(beside);
    files::write(&out, &octets)?;
    let verified = judged.exit() == Exit::Proven;
    let (shown, items) = (out.display().to_string(), read.items.len());
    let documents = read.items.iter().filter(|item| item.document.is_some());
    let documents = documents.count();
    let line = match (voice.language.is_english(), verified) {
        (true, true) => format!("{shown}: {items} artifacts, {documents} documents, all verified"),
        (true, false) => {
            format!("{shown}: {items} artifacts, {documents} documents, NOT ALL VERIFIED")
        }
        (false, true) => {
            format!("{shown}：成果物 {items} 件、文書 {documents} 件（すべて検証済み）")
        }
        (false, false) => {
            format!("{shown}：成果物 {items} 件、文書 {documents} 件（検証できないものがあります）")
        }
    };
    let mut text = String::new();
    add_line(&mut text, line);
    if !verified {
        text.push_str(&judged.failures(voice.language));
    }
    let value = json!({
        "file": shown,
        "octets": octets.len(),
        "items": items,
        "documents": documents,
        "verified": verified,
        "covered_by_tsa_tokens": anchored,
    });
    voice.say(&value, &text);
    Ok(Exit::Proven)
}

/// The artifacts at these paths: files as they are, of folders those with a proof beside them.
fn artifacts(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let is_proof = |path: &Path| path.extension().is_some_and(|it| it == FILE_EXTENSION);
        let found = files::files_in(path)?;
        let found = found.into_iter();
        let found = found.filter(|it| !is_proof(it) && files::proof_beside(it).is_some());
        let before = all.len();
        all.extend(found);
        if all.len() == before {
            let message = format!("{}: no file in it has a proof beside it", path.display());
            return Err(Failure::unavailable(message));
        }
    }
    if all.len() > ENTRIES_MAX {
        let message = format!("{} artifacts are too many for one evidence file", all.len());
        return Err(Failure::usage(message).advice("pack them in several files"));
    }
    Ok(all)
}

/// A collection as it grows.
struct Packer<'a> {
    anchors: &'a Anchors,
    collection: Collection,
    /// What each item's token stamps, by its place among the items.
    tokens: Vec<(usize, Box<VerifiedToken>)>,
    /// Octets of documents so far.
    documents_len: usize,
}

impl<'a> Packer<'a> {
    fn new(anchors: &'a Anchors) -> Self {
        Self {
            anchors,
            collection: Collection::default(),
            tokens: Vec::new(),
            documents_len: 0,
        }
    }

    fn add_artifacts(&mut self, paths: &[PathBuf]) -> Result<(), Failure> {
        let bar = network::progress_bar(paths.len() as u64, "artifacts packed");
        for path in paths {
            let octets = files::read(path, files::ARTIFACT_LEN_MAX)?;
            let proof = files::proof_beside(path).ok_or_else(|| no_proof(path))?;
            let proof = files::read_proof(&proof)?;
            let artifact = File::new(&file_name(path), octets);
            let packed = pack_item(artifact, &proof, self.anchors);
            let packed = packed.map_err(|error| refused(&path.display(), &error))?;
            let (item, verified) = self.keep(packed);
            if let Verified::Token(token) = verified {
                self.tokens.push((self.collection.items.len(), token));
            }
            self.collection.items.push(item);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Takes the certificates over.
    fn keep<T>(&mut self, packed: Packed<T>) -> (T, Verified) {
        for certificate in packed.certificates {
            if !self.collection.certificates.contains(&certificate) {
                self.collection.certificates.push(certificate);
            }
        }
        if let Some(anchor) = packed.anchor
            && !self.collection.anchors.contains(&anchor)
        {
            self.collection.anchors.push(anchor);
        }
        (packed.content, packed.verified)
    }

    /// Finds the token of each document by the hash that it stamps.
    fn add_documents(&mut self, paths: &[PathBuf]) -> Result<(), Failure> {
        let mut stamped: HashMap<(&str, &[u8]), Vec<usize>> = HashMap::new();
        let mut by_algorithm: HashMap<&str, &VerifiedToken> = HashMap::new();
        for (place, token) in &self.tokens {
            let algorithm = token.imprint_algorithm().name();
            by_algorithm.entry(algorithm).or_insert(token);
            let places = stamped.entry((algorithm, token.imprint())).or_default();
            places.push(*place);
        }
        let items: &mut Vec<Item> = &mut self.collection.items;
        for path in paths {
            let folder = path.is_dir();
            let inside = if folder {
                files::files_in(path)?
            } else {
                vec![path.clone()]
            };
            for path in inside {
                let octets: Arc<[u8]> = files::read(&path, FILE_LEN_MAX)?.into();
                let mut matched = false;
                for (algorithm, token) in &by_algorithm {
                    let mut hasher = token.document_hasher();
                    hasher.update(&octets);
                    let digest = hasher.finish();
                    let places = stamped.get(&(*algorithm, &digest[..]));
                    for &place in places.into_iter().flatten() {
                        if let Some(item) = items.get_mut(place) {
                            item.document = Some(File::new(&file_name(&path), Arc::clone(&octets)));
                            self.documents_len += octets.len();
                        }
                        matched = true;
                    }
                }
                if self.documents_len > FILE_LEN_MAX {
                    let message = format!(
                        "the documents have more than {FILE_LEN_MAX} octets, which is the most for one evidence file"
                    );
                    return Err(Failure::usage(message)
                        .advice("pack them in several files, or without documents"));
                }
                if !matched && !folder {
                    let message = format!("{}: none of the tokens stamps it", path.display());
                    return Err(Failure::new(Exit::Disproven, message).advice(
                        "is it the very file that was stamped? a document that was saved again is another one",
                    ));
                }
            }
        }
        Ok(())
    }

    fn add_revocation(&mut self, data: WithProof) -> Result<(), Failure> {
        let packed = status_data(data.octets, data.proof.as_deref(), self.anchors);
        let packed = packed.map_err(|error| refused(&data.name, &error))?;
        let (content, _) = self.keep(packed);
        self.collection.revocation.push(content);
        Ok(())
    }

    /// A token with a proof beside it brings that proof to the item whose record it is about.
    fn add_stamp(&mut self, token: WithProof) -> Result<(), Failure> {
        if let Some(proof) = &token.proof {
            let items = &mut self.collection.items;
            let about = items.iter_mut().find_map(|item| {
                let entry = item.proofs.first()?.entry.clone();
                let logged = Arc::new(Logged::read(entry, proof).ok()?);
                Some((item, logged))
            });
            let Some((item, logged)) = about else {
                let message = format!(
                    "{}: the proof beside it is about no artifact that is packed",
                    token.name
                );
                return Err(Failure::new(Exit::Disproven, message));
            };
            if !item.proofs.contains(&logged) {
                item.proofs.push(logged);
            }
        }
        let proofs = self.collection.items.iter().flat_map(|item| &item.proofs);
        let packed: Result<Packed<Stamp>, _> = stamp_of(token.octets, proofs, self.anchors);
        let packed = packed.map_err(|error| refused(&token.name, &error))?;
        let (content, _) = self.keep(packed);
        self.collection.checkpoint_tokens.push(content);
        Ok(())
    }

    /// Takes the tokens that cover items, and says how many items are covered.
    fn add_anchors(&mut self, found: Vec<Vec<Covering>>) -> Result<usize, Failure> {
        let mut covered = 0;
        for (place, by) in found.into_iter().enumerate() {
            covered += usize::from(!by.is_empty());
            for Covering { token, proof } in by {
                let Some(item) = self.collection.items.get_mut(place) else {
                    continue;
                };
                let text = proof.checkpoint.text();
                // The proof that the artifact has already may be under this very checkpoint.
                if !item.proofs.iter().any(|it| it.checkpoint.text() == text) {
                    let entry = item.proofs.first().map(|it| it.entry.clone());
                    item.proofs.push(Arc::new(Logged {
                        entry: entry.unwrap_or_default(),
                        index: proof.index,
                        path: proof.hashes,
                        checkpoint: Arc::new(proof.checkpoint),
                    }));
                }
                let mut known = self.collection.checkpoint_tokens.iter();
                if known.any(|stamp| *stamp.token == *token) {
                    continue;
                }
                let packed = stamp_of(token, &item.proofs, self.anchors);
                let packed = packed.map_err(|error| refused(&"a token of the log", &error))?;
                let (content, _) = self.keep(packed);
                self.collection.checkpoint_tokens.push(content);
            }
        }
        Ok(covered)
    }

    fn add_statement(&mut self, record: &WithProof) -> Result<(), Failure> {
        if record.octets.len() > ENTRY_LEN_MAX {
            let message = format!(
                "{}: a record has at most {ENTRY_LEN_MAX} octets",
                record.name
            );
            return Err(Failure::usage(message));
        }
        let proof = record.proof.as_deref();
        let proof = proof.ok_or_else(|| no_proof(Path::new(&record.name)))?;
        let logged = Logged::read(record.octets.clone(), proof);
        let logged = logged.map_err(|error| refused(&record.name, &error))?;
        self.collection.statements.push(Arc::new(logged));
        Ok(())
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn no_proof(path: &Path) -> Failure {
    Failure::unavailable(format!("{}: no proof beside it", path.display()))
        .advice("fetch it: ishibumi evidence get")
}

fn refused(shown: &impl std::fmt::Display, error: &PackError) -> Failure {
    let message = format!("{shown}: {error}");
    match error {
        PackError::NoArtifact(_) | PackError::NoStatusData => Failure::usage(message),
        PackError::Refused(refusal) => {
            let fault = refusal.fault();
            let failure = Failure::new(fault.into(), message);
            if matches!(fault, Fault::Chain | Fault::Signer) {
                return failure.advice(
                    "are all certificates there? the folder `intermediates` in --anchors has those below the anchors",
                );
            }
            failure
        }
        PackError::NotProven(_) | PackError::StampsNothing => {
            Failure::new(Exit::Disproven, message)
        }
        _ => Failure::new(Exit::Indeterminate, message),
    }
}
