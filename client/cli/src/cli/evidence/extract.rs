//! `ishibumi evidence extract`: what carries evidence, taken apart into the files that `verify`
//! takes.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi::evidence::pdf::{self, PdfTokens, Stamped};
use ishibumi_artifact::ArtifactType;
use ishibumi_artifact::unsigned::{UnsignedError, embedded_proofs};
use ishibumi_cli::render;
use ishibumi_cli::render::Language;
use ishibumi_tlog::proof::FILE_EXTENSION;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::super::{Exit, Failure, Output, files, tell};
use super::file;

const EXAMPLES: &str = "Examples:
  ishibumi evidence extract --out contract/ contract.tst.evidence.zip
  ishibumi verify --policy policy.txt --anchors anchors/ --document contract/contract.pdf \\
      --revocation contract/revocation contract/contract.tst
  ishibumi evidence extract --out invoice/ invoice.pdf
  ishibumi verify --policy policy.txt --anchors anchors/ --document invoice/invoice-1.signed \\
      invoice/invoice-1.tst

Of an evidence file: artifacts and documents go into the folder, each artifact with its own proof beside
it; lists, responses and their proofs into `revocation`; tokens over checkpoints into
`checkpoint-tokens/ARTIFACT`; certificates below the anchors into `certificates`; statements, with their
proofs, into `statements`; policy and anchors of the packer, which nobody has to trust, into `information`.

Of a token or reply with proofs in it: the token as it is, with the proofs beside it.

Of a PDF: the time-stamps of all its revisions, NAME-NUMBER.tst with the proofs in it beside it, and what
the token stamps: NAME-NUMBER.signed, the octets of the PDF that a document timestamp covers, or
NAME-NUMBER.signature, the value of the signature that a signature timestamp covers (whether that
signature is valid, a PDF validator says). A PDF that goes on behind what a time-stamp covers was changed
after it, which is said: what is proven of NAME-NUMBER.signed is then not proven of the PDF. `ishibumi verify
FILE.pdf` judges the PDF itself. Of many time-stamps, NAME-NUMBER.signed is written until four times the
PDF's octets are; --number takes out one of the others.

Nothing that is there already is overwritten. Nothing is verified.

Exit codes: 0 done, 1 the file is damaged, 2 another file is there already, 3 unavailable (also: no evidence and
no time-stamp is in it), 4 it cannot be read here.";

/// Take evidence files, tokens and PDFs apart into ordinary files
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExtractArguments {
    /// The folder to write to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Of a PDF, only the time-stamp of this number
    #[arg(long, value_name = "NUMBER")]
    number: Option<usize>,
    /// The evidence file, time-stamp token or reply, or PDF
    file: PathBuf,
}

/// Files to be written, by name, and a line about each token.
#[derive(Default)]
struct Extracted<'a> {
    files: BTreeMap<String, Vec<&'a [u8]>>,
    proofs: Vec<(String, Vec<u8>)>,
    tokens: Vec<Value>,
    refused: Vec<String>,
    /// What has to be known about a PDF, in the language of the run.
    said: Vec<String>,
}

/// How many times the octets of a PDF are written in pieces that time-stamps cover: each revision's
/// piece has nearly all of it, and there may be hundreds.
const SIGNED_TIMES_MAX: usize = 4;

pub(crate) fn run(arguments: &ExtractArguments, voice: Output) -> Result<Exit, Failure> {
    let path = &arguments.file;
    let octets = file::whole(path)?;
    let (collection, in_pdf);
    let extracted = if pdf::is_pdf(&octets) {
        in_pdf = pdf::tokens(&octets);
        of_pdf(arguments, &octets, &in_pdf, voice.language)?
    } else if let Some(number) = arguments.number {
        let message = format!("{}: --number {number} is for a PDF", path.display());
        return Err(Failure::usage(message).advice("leave --number out"));
    } else if ArtifactType::detect(&octets) == Some(ArtifactType::TimestampToken) {
        of_token(path, &octets)?
    } else {
        collection = file::opened(&octets, &path.display().to_string())?
            .collection()
            .extracted();
        let files = collection.iter();
        Extracted {
            files: files
                .map(|(name, octets)| (name.clone(), vec![&**octets]))
                .collect(),
            ..Extracted::default()
        }
    };
    let mut written = Vec::new();
    let proofs = extracted.proofs.iter();
    let proofs = proofs.map(|(name, octets)| (name, vec![&**octets]));
    let all = extracted.files.iter();
    let all = all.map(|(name, pieces)| (name, pieces.clone()));
    let all: Vec<_> = all.chain(proofs).collect();
    files::make_folder(&arguments.out)?;
    for (name, pieces) in &all {
        files::check_same(&arguments.out.join(name), pieces)?;
    }
    for (name, pieces) in &all {
        write_new(&arguments.out.join(name), pieces)?;
        written.push((*name).clone());
    }
    for refusal in &extracted.refused {
        tell(&voice.language.said(refusal));
    }
    say(arguments, &written, &extracted, voice);
    Ok(Exit::Proven)
}

fn say(arguments: &ExtractArguments, written: &[String], extracted: &Extracted<'_>, voice: Output) {
    let shown = arguments.out.display().to_string();
    let proof = format!(".{FILE_EXTENSION}");
    let proofs = written.iter().filter(|name| name.ends_with(&proof)).count();
    let (count, english) = (written.len(), voice.language.is_english());
    let text = if english {
        format!("{shown}: {count} files, of which {proofs} are proofs, not verified")
    } else {
        format!("{shown}：{count} ファイル、うち証明 {proofs} 件（未検証）")
    };
    let mut lines = String::new();
    for line in std::iter::once(&text).chain(&extracted.said) {
        add_line(&mut lines, line);
    }
    let value = json!({
        "folder": shown,
        "files": written,
        "proofs": proofs,
        "tokens": extracted.tokens,
        "refused": extracted.refused,
        "verified": false,
    });
    voice.say(&value, &lines);
}

fn of_token<'a>(path: &Path, octets: &'a [u8]) -> Result<Extracted<'a>, Failure> {
    let shown = path.display();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut extracted = Extracted::default();
    let proofs = extracted.add(&name, octets);
    let proofs = proofs.map_err(|error| {
        let exit = match &error {
            UnsignedError::Token(token) => token.fault().into(),
            _ => Exit::Indeterminate,
        };
        Failure::new(exit, format!("{shown}: {error}"))
    })?;
    if proofs == 0 {
        let advice = "ishibumi evidence get fetches the proof; ishibumi evidence embed puts it in";
        return Err(
            Failure::unavailable(format!("{shown}: the token carries no proof")).advice(advice),
        );
    }
    Ok(extracted)
}

fn of_pdf<'a>(
    arguments: &ExtractArguments,
    octets: &'a [u8],
    found: &'a PdfTokens,
    language: Language,
) -> Result<Extracted<'a>, Failure> {
    let path = &arguments.file;
    let shown = path.display();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut extracted = Extracted::default();
    let imprints = found.imprints(octets);
    let mut room = octets.len().saturating_mul(SIGNED_TIMES_MAX);
    for (number, token) in (1..).zip(&found.tokens) {
        if arguments.number.is_some_and(|wanted| wanted != number) {
            continue;
        }
        let name = format!("{stem}-{number}.tst");
        let (document, pieces, kind) = match &token.stamped {
            Stamped::Document => {
                let pieces = token.coverage.pieces(octets).to_vec();
                (
                    format!("{stem}-{number}.signed"),
                    pieces,
                    "document-timestamp",
                )
            }
            Stamped::Signature(value) => {
                let document = format!("{stem}-{number}.signature");
                (document, vec![&**value], "signature-timestamp")
            }
        };
        let proofs = extracted.add(&name, &token.token).unwrap_or_else(|error| {
            extracted
                .refused
                .push(format!("{shown}: time-stamp {number}: {error}"));
            0
        });
        let standing = found.standing(number, octets.len(), &imprints);
        let sentences = standing.map(|it| render::pdf_sentences(&it, language));
        extracted.said.extend(sentences.into_iter().flatten());
        let length = pieces.iter().map(|piece| piece.len()).sum();
        let left = room.checked_sub(length);
        room = left.unwrap_or(room);
        if left.is_none() {
            extracted.refused.push(format!(
                "{shown}: {document} was not written: with it, more than {SIGNED_TIMES_MAX} times the PDF would \
                 be; --number {number} takes it out alone"
            ));
        }
        extracted.tokens.push(json!({
            "number": number,
            "kind": kind,
            "token": name,
            "document": left.is_some().then_some(&document),
            "proofs": proofs,
            "covers_whole_file": token.coverage.reaches_end(octets),
            "pdf": standing.as_ref().map(render::pdf_json),
        }));
        if left.is_some() {
            extracted.files.insert(document, pieces);
        }
    }
    let refused = found.refused.iter();
    let refused = refused.map(|(at, error)| format!("{shown}: signature at octet {at}: {error}"));
    extracted.refused.extend(refused);
    if let (Some(number), true) = (arguments.number, extracted.tokens.is_empty()) {
        let count = found.tokens.len();
        let message = format!("{shown}: it has {count} time-stamps, and none is number {number}");
        return Err(Failure::usage(message).advice("leave --number out to see all of them"));
    }
    if found.tokens.is_empty() {
        let without = found.without;
        let message = format!("{shown}: no time-stamp in it ({without} signatures without one)");
        let advice = "document timestamps and signatures with a signature-time-stamp attribute are looked for";
        return Err(Failure::unavailable(message)
            .lines(extracted.refused)
            .advice(advice));
    }
    Ok(extracted)
}

impl<'a> Extracted<'a> {
    /// A token under this name, and its proofs, named as in an evidence file; how many those are.
    /// The token is there even if its proofs cannot be read.
    fn add(&mut self, name: &str, token: &'a [u8]) -> Result<usize, UnsignedError> {
        self.files.insert(name.to_owned(), vec![token]);
        let proofs = embedded_proofs(token)?;
        let count = proofs.len();
        for (number, proof) in (1..).zip(proofs) {
            let number = match number {
                1 => String::new(),
                _ => format!(".{number}"),
            };
            self.proofs
                .push((format!("{name}{number}.{FILE_EXTENSION}"), proof));
        }
        Ok(count)
    }
}

/// Writes a file, unless it is there with these octets. Names come from foreign files, so no file
/// is ever replaced, and no link is followed at the last step.
fn write_new(path: &Path, pieces: &[&[u8]]) -> Result<(), Failure> {
    if files::holds(path, pieces) {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            files::taken(path)
        } else {
            files::unwritable(path, &error)
        }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    for piece in pieces {
        file.write_all(piece).map_err(failed)?;
    }
    Ok(())
}
