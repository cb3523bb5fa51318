//! The evidence file as it is put together: artifacts with their proofs, and what belongs to them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ishibumi::evidence::pdf;
use ishibumi::evidence::{
    Collection, FILE_LEN_MAX, File, LoggedEntry, PackError, Packed, Stamp, pack_item, stamp_of,
    status_data,
};
use ishibumi::fetch::Covering;
use ishibumi::succession::Policies;
use ishibumi::{Evidence, RevocationRule, Verifier};
use ishibumi_artifact::{Anchors, Fault, Verified, VerifiedToken};
use ishibumi_tlog::proof::TlogProof;
use ishibumi_tlog::tile::ENTRY_LEN_MAX;

use super::super::below::{Below, Documents, Imprint};
use super::super::with_proof::{self, WithProof};
use super::super::{Exit, Failure, files, mistaken, network};
use super::left_out::{self, LeftOut, Why};

/// A collection as it grows.
pub(super) struct Packer<'a> {
    policies: &'a Policies,
    anchors: &'a Anchors,
    pub(super) collection: Collection,
    tokens: Vec<Token>,
    /// Octets of documents so far.
    documents_len: usize,
}

/// A token among the items, and what it stamps.
struct Token {
    path: PathBuf,
    item: usize,
    verified: Box<VerifiedToken>,
}

impl Token {
    fn imprint(&self) -> Imprint {
        let verified = &self.verified;
        (verified.imprint_algorithm(), verified.imprint().to_vec())
    }
}

impl<'a> Packer<'a> {
    pub(super) fn new(policies: &'a Policies, anchors: &'a Anchors) -> Self {
        Self {
            policies,
            anchors,
            collection: Collection::default(),
            tokens: Vec::new(),
            documents_len: 0,
        }
    }

    pub(super) fn add_artifacts(&mut self, paths: &[PathBuf]) -> Result<(), Failure> {
        let bar = network::progress_bar(paths.len() as u64, "artifacts packed");
        for path in paths {
            let octets = with_proof::read(path)?;
            if pdf::is_pdf(&octets) {
                return Err(in_pdf(path, &octets));
            }
            let proof = self.deciding(&octets, with_proof::proofs(path, None, &octets)?);
            let artifact = File::new(&file_name(path), octets);
            let packed = pack_item(artifact, &proof, self.anchors);
            let packed = packed.map_err(|error| refused(&path.display(), &error))?;
            let (item, verified) = self.keep(packed);
            if let Verified::Token(verified) = verified {
                self.tokens.push(Token {
                    path: path.clone(),
                    item: self.collection.items.len(),
                    verified,
                });
            }
            self.collection.items.push(item);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Of the proofs in a token the one by which it is proven, since an evidence file is judged by
    /// one.
    fn deciding(&self, artifact: &[u8], proofs: Vec<Vec<u8>>) -> Vec<u8> {
        let proves = |proof: &Vec<u8>| {
            let Ok(read) = TlogProof::parse(proof) else {
                return false;
            };
            let policy = self.policies.of(&read.checkpoint);
            let verifier = Verifier::builder(policy, self.anchors)
                .revocation(RevocationRule::NotAsked)
                .build();
            let report = verifier.verify(Evidence::new(artifact, proof));
            report.is_ok_and(|report| report.is_proven())
        };
        let place = match &proofs[..] {
            [_] => 0,
            several => several.iter().position(proves).unwrap_or(0),
        };
        proofs.into_iter().nth(place).unwrap_or_default()
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

    /// Documents at these paths, each by the hash that a token stamps. A file that is named has to
    /// be one; of a folder, those that are none are left out.
    pub(super) fn add_named_documents(
        &mut self,
        paths: &[PathBuf],
    ) -> Result<Vec<LeftOut>, Failure> {
        let mut left = Vec::new();
        for path in paths {
            if path.is_dir() {
                let others = Below::look(path).others;
                let used = self.add_by_hash(&others)?;
                let unused = others.into_iter().filter(|it| !used.contains(it));
                left.extend(unused.map(|it| LeftOut::new(&it, Why::Unproven)));
            } else if self.add_by_hash(std::slice::from_ref(path))?.is_empty() {
                let message = format!("{}: none of the tokens stamps it", path.display());
                return Err(Failure::new(Exit::Disproven, message)
                    .advice(
                        "is it the very file that was stamped? a document that was saved again is another one",
                    )
                    .in_japanese(format!(
                        "{}：格納したどのトークンの対象でもありません。タイムスタンプを付けた時のファイルそのものか確認してください（保存し直した文書は別のものになります）。",
                        path.display()
                    )));
            }
        }
        Ok(left)
    }

    /// Finds documents of tokens that have none yet: beside them, or among `others`. Files among
    /// these that are no token's document are left out, and so are missing documents.
    pub(super) fn find_documents(&mut self, others: &[PathBuf]) -> Result<Vec<LeftOut>, Failure> {
        let (mut left, mut used) = (Vec::new(), HashSet::new());
        for place in 0..self.tokens.len() {
            if let Some(token) = self.without_document(place)
                && let Some(document) = files::document_beside(&token.path)
            {
                used.insert(document.clone());
                let (algorithm, stamped) = token.imprint();
                if files::digest(&document, algorithm)? == stamped {
                    self.put_document(place, &document)?;
                } else {
                    left.push(LeftOut::new(&document, Why::OtherHash(token.path.clone())));
                }
            }
        }
        used.extend(self.add_by_hash(others)?);
        for place in 0..self.tokens.len() {
            if let Some(token) = self.without_document(place) {
                left.push(LeftOut::new(&token.path, Why::NoDocument));
            }
        }
        let unused = others.iter().filter(|it| !used.contains(*it));
        left.extend(unused.map(|it| LeftOut::new(it, Why::Unproven)));
        Ok(left)
    }

    fn without_document(&self, place: usize) -> Option<&Token> {
        let token = self.tokens.get(place)?;
        let item = self.collection.items.get(token.item)?;
        item.document.is_none().then_some(token)
    }

    /// Gives tokens that have no document yet theirs, if it is among `others`; those of `others`
    /// that any token stamps.
    fn add_by_hash(&mut self, others: &[PathBuf]) -> Result<HashSet<PathBuf>, Failure> {
        let stamped: HashSet<Imprint> = self.tokens.iter().map(Token::imprint).collect();
        let documents = Documents::among(others, &stamped);
        for place in 0..self.tokens.len() {
            let imprint = self.without_document(place).map(Token::imprint);
            if let Some(document) = imprint.and_then(|it| documents.with(&it)) {
                self.put_document(place, document)?;
            }
        }
        Ok(documents.paths().cloned().collect())
    }

    fn put_document(&mut self, place: usize, path: &Path) -> Result<(), Failure> {
        let octets = files::read(path, FILE_LEN_MAX)?;
        self.documents_len += octets.len();
        if self.documents_len > FILE_LEN_MAX {
            let message = format!(
                "the documents have more than {FILE_LEN_MAX} octets, which is the most for one evidence file"
            );
            return Err(Failure::usage(message)
                .advice("pack them in several files, or with --no-documents")
                .in_japanese(format!(
                    "文書の合計が、1つのエビデンスファイルの上限（{FILE_LEN_MAX} オクテット）を超えています。複数に分けるか、--no-documents を付けてください。"
                )));
        }
        let item = self.tokens.get(place).map(|it| it.item);
        if let Some(item) = item.and_then(|it| self.collection.items.get_mut(it)) {
            item.document = Some(File::new(&file_name(path), octets));
        }
        Ok(())
    }

    pub(super) fn add_revocation(&mut self, data: WithProof) -> Result<(), Failure> {
        let packed = status_data(data.octets, data.proof.as_deref(), self.anchors);
        let packed = packed.map_err(|error| refused(&data.name, &error))?;
        let (content, _) = self.keep(packed);
        self.collection.revocation.push(content);
        Ok(())
    }

    /// Adds the token and its proof to the item whose record the proof is about.
    pub(super) fn add_stamp(&mut self, token: WithProof) -> Result<(), Failure> {
        if let Some(proof) = &token.proof {
            let items = &mut self.collection.items;
            let about = items.iter_mut().find_map(|item| {
                let entry = item.proofs.first()?.entry.clone();
                let logged = Arc::new(LoggedEntry::read(entry, proof).ok()?);
                Some((item, logged))
            });
            let Some((item, logged)) = about else {
                let message = format!(
                    "{}: the proof beside it is about no artifact that is packed",
                    token.name
                );
                return Err(Failure::new(Exit::Disproven, message)
                    .advice("put the proof of one of the artifacts under that checkpoint beside it")
                    .in_japanese(format!(
                        "{}：隣の証明が、格納するどの対象のものでもありません。対象のいずれかの、そのチェックポイントに基づく証明を隣に置いてください。",
                        token.name
                    )));
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
    pub(super) fn add_anchors(&mut self, found: Vec<Vec<Covering>>) -> Result<usize, Failure> {
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
                    item.proofs.push(Arc::new(LoggedEntry {
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

    pub(super) fn add_statement(&mut self, record: &WithProof) -> Result<(), Failure> {
        if record.octets.len() > ENTRY_LEN_MAX {
            let message = format!(
                "{}: a record has at most {ENTRY_LEN_MAX} octets",
                record.name
            );
            return Err(Failure::usage(message));
        }
        let proof = record.proof.as_deref();
        let proof = proof.ok_or_else(|| no_proof(Path::new(&record.name)))?;
        let logged = LoggedEntry::read(record.octets.clone(), proof);
        let logged = logged.map_err(|error| refused(&record.name, &error.into()))?;
        self.collection.statements.push(Arc::new(logged));
        Ok(())
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn no_proof(path: &Path) -> Failure {
    let name = path.display();
    Failure::unavailable(format!("{name}: no proof beside it"))
        .advice("fetch it: ishibumi evidence get")
        .in_japanese(format!(
            "{name}：証明が隣にありません。`ishibumi evidence get` で取得してください。"
        ))
}

/// The error for a PDF, whose time-stamps are artifacts once they are taken out.
fn in_pdf(path: &Path, octets: &[u8]) -> Failure {
    let (name, found) = (path.display(), pdf::tokens(octets));
    if found.tokens.is_empty() {
        return mistaken::no_time_stamp(path, found.without);
    }
    let (count, proven) = (found.tokens.len(), left_out::with_proof(&found));
    Failure::usage(format!(
        "{name}: a PDF is no artifact; it has {count} time-stamps in it, {proven} of them with a proof"
    ))
    .advice("take them out, and pack the folder: ishibumi evidence extract --out FOLDER FILE.pdf")
    .in_japanese(format!(
        "{name}：PDFはそのままでは格納できません。内部にタイムスタンプが {count} 個（うち証明付き {proven} 個）あります。`ishibumi evidence extract --out フォルダ {name}` で取り出し、そのフォルダを格納してください。"
    ))
}

/// What to do about an artifact without a path to the anchors.
const CERTIFICATES: &str = "are all certificates there? the folder `intermediates` in --anchors has those below the anchors";

fn refused(shown: &impl std::fmt::Display, error: &PackError) -> Failure {
    let message = format!("{shown}: {error}");
    match error {
        PackError::NoArtifact(_) | PackError::NoStatusData => Failure::usage(message),
        PackError::Refused(refusal) => {
            let fault = refusal.fault();
            let failure = Failure::new(fault.into(), message);
            if matches!(fault, Fault::Chain | Fault::Signer) {
                return failure.advice(CERTIFICATES);
            }
            failure
        }
        PackError::NotProven(_) | PackError::StampsNothing => {
            Failure::new(Exit::Disproven, message)
        }
        _ => Failure::new(Exit::Indeterminate, message),
    }
}
