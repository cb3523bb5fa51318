//! The rows of a PDF: one for each time-stamp in it, since each is of its own time.
//!
//! A document timestamp in the PDF itself is the usual form of a time-stamp in Japan. A PDF without
//! any is a document like others, and no row; a PDF with an unreadable part is a row, since its
//! content is unknown.

use std::path::{Path, PathBuf};

use ishibumi::RevocationData;
use ishibumi::evidence::pdf::{self, Beside, Imprint, NoVerdict, PdfTokens, PdfVerdict};
use ishibumi::verify::{Answer, SubIndication};
use ishibumi_cli::batch::{Row, Status, claimed_time};
use ishibumi_cli::render;

use super::super::{below, files, in_pdf};
use super::rows::Work;

impl Work<'_> {
    /// One row for each time-stamp; the second of several is `FILE!2`.
    pub(super) fn pdf(
        &self,
        path: &Path,
        name: &str,
        revocation: &[RevocationData<'_>],
    ) -> Vec<Row> {
        let octets = match below::read_pdf(path) {
            Ok(octets) => octets,
            Err(failure) => return vec![self.not_examined(name, &self.said(&failure))],
        };
        let found = pdf::tokens(&octets);
        // What `evidence extract` cut out of a PDF is the document of the token that it took out,
        // too.
        let is_document = found.refused.is_empty() || pdf::is_cut_out(&octets);
        if found.tokens.is_empty() && is_document {
            return Vec::new();
        }
        // Now it is an input, over which no report is written.
        if let Err(failure) = files::open(path) {
            return vec![self.not_examined(name, &self.said(&failure))];
        }
        let alone = found.tokens.len() == 1 && found.refused.is_empty();
        let named = |number: usize| {
            if alone {
                name.to_owned()
            } else {
                format!("{name}!{number}")
            }
        };
        let times = found.tokens.iter().map(|it| claimed_time(&it.token));
        let times: Vec<_> = times.collect();
        let wanted = |time: &Option<_>| time.is_some_and(|time| self.period.contains(time));
        let imprints = if times.iter().any(wanted) {
            found.imprints(&octets)
        } else {
            Vec::new()
        };
        let proof = proof_of(path).map(|it| files::read_proof(&it)).transpose();
        let inside = Inside {
            name,
            octets: &octets,
            found: &found,
            imprints: &imprints,
            revocation,
        };
        let mut rows = Vec::new();
        for ((number, token), time) in (1..).zip(&found.tokens).zip(&times) {
            let row_name = named(number);
            rows.extend(match (time, &proof) {
                (None, _) => Some(self.unread(&row_name, &token.token)),
                (Some(time), _) if !self.period.contains(*time) => Some(self.outside(&row_name)),
                (_, Ok(proof)) => self.in_pdf(&inside, number, row_name, proof.as_deref()),
                (_, Err(failure)) => Some(Row::unreadable(row_name, self.said(failure))),
            });
        }
        let refused = found.refused.iter();
        let refused = refused.map(|(at, error)| in_pdf::refusal(*at, error, self.language));
        let refused: Vec<String> = refused.collect();
        if !refused.is_empty() {
            rows.push(self.not_examined(name, &refused.join("; ")));
        }
        rows
    }

    fn not_examined(&self, name: &str, why: &str) -> Row {
        let why = self.pick(
            &format!("not examined for time-stamps: {why}"),
            &format!("タイムスタンプの有無を調べていません。{why}"),
        );
        Row::unreadable(name.to_owned(), why)
    }

    fn in_pdf(
        &self,
        inside: &Inside<'_>,
        number: usize,
        row_name: String,
        proof: Option<&[u8]>,
    ) -> Option<Row> {
        let PdfVerdict { standing, report } = self.judged(inside, number, proof)?;
        Some(match report {
            Ok(report) => Row::of(
                row_name,
                (!standing.over_signature).then(|| inside.name.to_owned()),
                report,
                &self.accredited,
            ),
            Err(error) => {
                let mut said = vec![in_pdf::no_verdict(&error, self.language)];
                said.extend(render::pdf_sentences(&standing, self.language));
                let said = said.join(self.language.pick(". ", ""));
                match error {
                    NoVerdict::NoProof => {
                        let sub = Some(SubIndication::NoPoe);
                        Row::bare(row_name, Status::Indeterminate, sub, said)
                    }
                    _ => Row::unreadable(row_name, said),
                }
            }
        })
    }

    /// Judges by the proof in the PDF, or by the proof beside it if that proves more.
    fn judged(
        &self,
        inside: &Inside<'_>,
        number: usize,
        proof: Option<&[u8]>,
    ) -> Option<PdfVerdict> {
        let judge = |proof| {
            let beside = Beside {
                proof,
                revocation: inside.revocation,
                checkpoint_tokens: self.terms.checkpoint_tokens,
            };
            let pdf = (inside.octets, inside.imprints);
            inside
                .found
                .judge(number, pdf, &self.terms.verifier, beside)
        };
        let by_itself = judge(None)?;
        let is_proven = |it: &PdfVerdict| it.report.as_ref().is_ok_and(ishibumi::Report::is_proven);
        if proof.is_none() || is_proven(&by_itself) {
            return Some(by_itself);
        }
        let by_beside = judge(proof)?;
        let proves = |it: &PdfVerdict| {
            let existed = it.report.as_ref().map(ishibumi::Report::existed);
            matches!(existed, Ok(Answer::InFavour(_)))
        };
        let is_none = matches!(by_itself.report, Err(NoVerdict::NoProof));
        let is_better = is_proven(&by_beside) || (!proves(&by_itself) && proves(&by_beside));
        Some(if is_none || is_better {
            by_beside
        } else {
            by_itself
        })
    }
}

/// A PDF that was read.
struct Inside<'a> {
    name: &'a str,
    octets: &'a [u8],
    found: &'a PdfTokens,
    imprints: &'a [Imprint],
    revocation: &'a [RevocationData<'a>],
}

/// The proof beside the PDF, unless it belongs to a token beside the PDF: `a.tlog-proof` is that of
/// `a.tst` just as that of `a.pdf`.
fn proof_of(path: &Path) -> Option<PathBuf> {
    let proof = files::proof_beside(path)?;
    let tokens = ["tst", "tsr"].map(|extension| {
        let mut behind = path.as_os_str().to_owned();
        behind.push(".");
        behind.push(extension);
        [PathBuf::from(behind), path.with_extension(extension)]
    });
    let mut tokens = tokens.into_iter().flatten().filter(|it| it.is_file());
    let is_theirs = tokens.any(|token| files::proof_beside(&token).as_ref() == Some(&proof));
    (!is_theirs).then_some(proof)
}
