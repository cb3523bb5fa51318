//! Files in the given folders that are not packed, and why. A user who deletes a folder after
//! packing it has to know what else was in it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ishibumi::evidence::ENTRIES_MAX;
use ishibumi::evidence::pdf::{self, PdfToken, PdfTokens};
use ishibumi_artifact::ArtifactType;
use ishibumi_artifact::unsigned::embedded_proofs;
use ishibumi_cli::render::Language;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::super::below::{self, Below, Found};
use super::super::{Exit, Failure, collect, files};

/// Lines for people; programs get all of them.
const LINES_MAX: usize = 100;

/// Why a file is left out.
pub(super) enum Why {
    /// An artifact without a proof.
    NoProof,
    /// A token whose document is missing.
    NoDocument,
    /// The document beside this token, which is not the one stamped.
    OtherHash(PathBuf),
    /// No artifact with a proof, and the document of no token.
    Unproven,
    /// A PDF with so many time-stamps in it, and with how many of them that have a proof.
    InPdf(usize, usize),
    /// An evidence file.
    EvidenceFile,
    /// It cannot be read.
    Unreadable(Failure),
}

/// A file that is left out.
pub(super) struct LeftOut {
    path: PathBuf,
    why: Why,
}

impl LeftOut {
    pub(super) fn new(path: &Path, why: Why) -> Self {
        Self {
            path: path.to_owned(),
            why,
        }
    }

    /// Stable name, kebab-case.
    const fn name(&self) -> &'static str {
        match self.why {
            Why::NoProof => "no-proof",
            Why::NoDocument => "no-document",
            Why::OtherHash(_) => "other-hash",
            Why::Unproven => "unproven",
            Why::InPdf(..) => "time-stamps-in-pdf",
            Why::EvidenceFile => "evidence-file",
            Why::Unreadable(_) => "unreadable",
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "file": self.path.display().to_string(),
            "kind": self.name(),
            "reason": self.reason(Language::English),
        })
    }

    fn reason(&self, language: Language) -> String {
        let said = match &self.why {
            Why::NoProof => language.pick(
                "no proof beside it and none in it: ishibumi evidence get fetches it",
                "証明が隣にも内部にもありません。`ishibumi evidence get` で取得できます",
            ),
            Why::NoDocument => language.pick(
                "packed without its document, which is neither beside it nor in the folder: the token is proven, not \
                 what it stamps (--document PATH, or --no-documents if that is meant)",
                "文書が隣にもフォルダ内にもないため、文書なしで格納しました。証明の対象はトークンだけです（--document で\
                 指定するか、意図したものであれば --no-documents を付けてください）",
            ),
            Why::OtherHash(token) => {
                let token = token.display();
                return if language.is_english() {
                    format!("NOT the document that {token} stamps: its hash is another one")
                } else {
                    format!("{token} の対象の文書ではありません（ハッシュ値が異なります）")
                };
            }
            Why::Unproven => language.pick(
                "no proof beside it, and no token that is packed stamps it",
                "証明が隣になく、格納したどのトークンの対象でもありません",
            ),
            Why::InPdf(count, proven) => {
                return if language.is_english() {
                    format!(
                        "{count} time-stamps in it, {proven} of them with a proof: ishibumi evidence extract takes them out"
                    )
                } else {
                    format!(
                        "内部にタイムスタンプが {count} 個（うち証明付き {proven} 個）あります。`ishibumi evidence extract` で取り出せます"
                    )
                };
            }
            Why::EvidenceFile => language.pick(
                "an evidence file: ishibumi evidence merge joins it to this one",
                "エビデンスファイルです。`ishibumi evidence merge` で結合できます",
            ),
            Why::Unreadable(failure) => return failure.said(language),
        };
        said.to_owned()
    }
}

/// One reason for each file, the first.
pub(super) fn keep_first(left: &mut Vec<LeftOut>) {
    let mut named = HashSet::new();
    left.retain(|it| named.insert(it.path.clone()));
}

/// What leaving it out does to the exit code.
pub(super) fn exit(left: &[LeftOut]) -> Exit {
    let of = |it: &LeftOut| match it.why {
        Why::OtherHash(_) => Exit::Disproven,
        _ => Exit::Indeterminate,
    };
    left.iter().map(of).fold(Exit::Proven, Exit::worse)
}

/// Lines for people.
pub(super) fn text(left: &[LeftOut], language: Language) -> String {
    let mut out = String::new();
    if left.is_empty() {
        return out;
    }
    let count = left.len();
    let heading = if language.is_english() {
        format!("LEFT OUT: {count}")
    } else {
        format!("格納していないもの：{count} 件")
    };
    add_line(&mut out, heading);
    for one in left.iter().take(LINES_MAX) {
        let (path, reason) = (one.path.display(), one.reason(language));
        add_line(
            &mut out,
            format!("  {path}{}{reason}", language.pick(": ", "：")),
        );
    }
    if count > LINES_MAX {
        let more = count - LINES_MAX;
        add_line(
            &mut out,
            if language.is_english() {
                format!("  and {more} more: --json names all of them")
            } else {
                format!("  ほか {more} 件（--json ですべて表示します）")
            },
        );
    }
    out
}

/// How many of the time-stamps in a PDF have a proof in them.
pub(super) fn with_proof(found: &PdfTokens) -> usize {
    let has_proof = |token: &&PdfToken| is_proven_inside(&token.token);
    found.tokens.iter().filter(has_proof).count()
}

fn is_proven_inside(token: &[u8]) -> bool {
    embedded_proofs(token).is_ok_and(|proofs| !proofs.is_empty())
}

/// Whether `verify` finds a proof of this token.
fn has_proof(token: &Path) -> bool {
    let inside = || files::read(token, files::ARTIFACT_LEN_MAX);
    files::proof_beside(token).is_some() || inside().is_ok_and(|it| is_proven_inside(&it))
}

/// The files and folders named on the command line, searched.
#[derive(Default)]
pub(super) struct Inputs {
    /// Files that were named, and artifacts with a proof from the folders.
    pub(super) artifacts: Vec<PathBuf>,
    /// Files of the folders that may be documents.
    pub(super) others: Vec<PathBuf>,
    /// Lists and responses beside them.
    pub(super) status: Vec<PathBuf>,
    pub(super) left: Vec<LeftOut>,
}

impl Inputs {
    /// `out` is no input, if it is in one of the folders.
    pub(super) fn look(paths: &[PathBuf], out: &Path) -> Result<Self, Failure> {
        let mut inputs = Self::default();
        for path in paths {
            if !path.is_dir() {
                inputs.artifacts.push(path.clone());
                inputs.status.extend(collect::beside(path));
                continue;
            }
            let before = inputs.artifacts.len();
            inputs.look_into(path, out);
            if inputs.artifacts.len() == before {
                let name = path.display();
                let message = format!("{name}: no file in it has a proof, beside it or in it");
                return Err(Failure::unavailable(message)
                    .advice("ishibumi evidence get fetches the proofs of a folder; of PDFs, ishibumi evidence extract takes the time-stamps out")
                    .in_japanese(format!(
                        "{name}：証明のあるファイルがありません。`ishibumi evidence get` でフォルダ内のすべての証明を取得できます。PDF内のタイムスタンプは `ishibumi evidence extract` で取り出してください。"
                    )));
            }
        }
        inputs.status.sort();
        inputs.status.dedup();
        let count = inputs.artifacts.len();
        if count > ENTRIES_MAX {
            let message = format!("{count} artifacts are too many for one evidence file");
            return Err(Failure::usage(message)
                .advice("pack them in several files")
                .in_japanese(format!(
                    "対象が {count} 件あり、1つのエビデンスファイルには多すぎます。複数に分けてください。"
                )));
        }
        Ok(inputs)
    }

    fn look_into(&mut self, folder: &Path, out: &Path) {
        let Below {
            found,
            others,
            status,
        } = Below::look(folder);
        self.status.extend(status);
        let hidden = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name.as_encoded_bytes().starts_with(b".")
        };
        for one in found {
            let path = one.path().to_owned();
            if hidden(&path) || path == out {
                continue;
            }
            let why = match one {
                Found::Token(_) if has_proof(&path) => {
                    self.artifacts.push(path);
                    continue;
                }
                Found::Token(_) => Why::NoProof,
                Found::EvidenceFile(_) => Why::EvidenceFile,
                Found::Problem(_, failure) => Why::Unreadable(failure),
                Found::Pdf(_) => match below::read_pdf(&path) {
                    Ok(octets) => {
                        let found = pdf::tokens(&octets);
                        match found.tokens.len() {
                            0 => continue,
                            count => Why::InPdf(count, with_proof(&found)),
                        }
                    }
                    Err(failure) => Why::Unreadable(failure),
                },
            };
            self.left.push(LeftOut { path, why });
        }
        for path in others.into_iter().filter(|it| !hidden(it) && it != out) {
            // `seal.tlog-proof` may be the proof of `seal.crt`, and is not that of `seal.pdf`.
            let octets = files::proof_beside(&path)
                .and_then(|_| files::read(&path, files::ARTIFACT_LEN_MAX).ok());
            if octets.is_some_and(|it| ArtifactType::detect(&it).is_some()) {
                self.artifacts.push(path);
            } else {
                self.others.push(path);
            }
        }
        self.artifacts.sort();
    }
}
