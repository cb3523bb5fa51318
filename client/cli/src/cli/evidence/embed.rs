//! `ishibumi evidence embed`: the proof into the token that it is about.

use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi::evidence::embed::{self, EmbedError};
use ishibumi::evidence::pdf::{self, PdfError, PdfToken};
use ishibumi_artifact::unsigned::embedded_proofs;
use serde_json::json;

use super::super::sha1::{self, ExistedOn};
use super::super::trust::Terms;
use super::super::{Exit, Failure, Output, files};

const EXAMPLES: &str = "Examples:
  ishibumi evidence embed --out contract.proven.tst contract.tst
  ishibumi evidence embed --out proven.tsr --policy policy.txt --anchors anchors/ reply.tsr reply.tlog-proof
  ishibumi evidence embed --out proven.pdf --number 2 archived.pdf stamp-2.tlog-proof

The proof becomes an unsigned attribute of the token's CMS (docs/formats/embedded-evidence.md): what is
signed stays as it is, the record too, and other verifiers take the token as before. A token in DER, BER
or PEM, or a TimeStampResp, keeps its form. In a PDF a document timestamp is changed in its place, if the
space that was reserved for it suffices and no later signature or time-stamp covers it, since that would no
longer hold; better, embed before the token goes into the PDF. `ishibumi verify` reads the proof from the
token, and `ishibumi evidence extract` takes it out again.

Without --policy nothing is verified. The result is never written over what was read.

Exit codes: 0 done, 1 the proof does not prove this token, or the PDF was changed where the token covers
it, 2 usage (also: there is no room in it, or a later signature covers it), 3 unavailable, 4 the proof cannot
be read, or its checkpoint has no quorum yet.";

/// Put a proof into the token that it is about
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EmbedArguments {
    /// Where to write the result
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Drop the proofs that the token carries already; without it the new one is added, up to eight
    #[arg(long)]
    replace: bool,
    /// In a PDF with several time-stamps: which one, as `extract` numbers them
    #[arg(long, value_name = "NUMBER")]
    number: Option<usize>,
    /// Verify the proof under this policy before anything is written
    #[arg(long, value_name = "FILE", requires = "anchors")]
    policy: Option<PathBuf>,
    /// Trusted certificates, as for `verify`
    #[arg(long, value_name = "DIR|FILE", requires = "policy")]
    anchors: Option<PathBuf>,
    /// The quorum has to be met by ML-DSA-44 cosignatures alone
    #[arg(long, requires = "policy")]
    post_quantum: bool,
    #[arg(long, value_name = "DATE", requires = "policy", help = sha1::HELP)]
    accept_sha1: Option<ExistedOn>,
    /// Time-stamp token or reply, DER, BER or PEM; or a PDF with a document timestamp
    file: PathBuf,
    /// The proof; by default FILE.tlog-proof, or FILE with that extension instead of its own
    proof: Option<PathBuf>,
}

pub(crate) fn run(arguments: &EmbedArguments, voice: Output) -> Result<Exit, Failure> {
    let path = &arguments.file;
    let octets = files::read(path, pdf::PDF_LEN_MAX)?;
    let proof = proof_path(arguments)?;
    let proof = files::read_proof(&proof)?;
    let failed = |error| failure(path, &error);
    let replace = arguments.replace;
    let (written, token) = if pdf::is_pdf(&octets) {
        let place = chosen(arguments, &octets)?;
        let token = embed::embed(&place.token, &proof, replace).map_err(failed)?;
        let written = embed::embed_in_pdf(octets, &place, &proof, replace).map_err(failed)?;
        (written, token)
    } else if arguments.number.is_some() {
        let message = format!("{}: --number is for a PDF", path.display());
        return Err(Failure::usage(message).advice("leave --number out: a token is one"));
    } else {
        let token = embed::embed(&octets, &proof, replace).map_err(failed)?;
        (token.clone(), token)
    };
    verify(arguments, &token, &proof)?;
    files::write(&arguments.out, &written)?;
    let carried = embedded_proofs(&token).map_err(|error| failed(error.into()))?;
    let (shown, count) = (arguments.out.display().to_string(), carried.len());
    let verified = arguments.policy.is_some();
    let text = match (voice.language.is_english(), verified) {
        (true, true) => format!("{shown}: {count} proofs in the token, the new one verified"),
        (true, false) => format!("{shown}: {count} proofs in the token, not verified"),
        (false, true) => format!("{shown}：トークン内の証明 {count} 件（追加分は検証済み）"),
        (false, false) => format!("{shown}：トークン内の証明 {count} 件（未検証）"),
    };
    let value = json!({
        "file": shown,
        "octets": written.len(),
        "proofs": count,
        "verified": verified,
    });
    voice.say_line(&value, &text);
    Ok(Exit::Proven)
}

fn proof_path(arguments: &EmbedArguments) -> Result<PathBuf, Failure> {
    let beside = || files::proof_beside(&arguments.file);
    arguments.proof.clone().or_else(beside).ok_or_else(|| {
        let message = format!("{}: no proof beside it", arguments.file.display());
        Failure::unavailable(message)
            .advice("name the proof as second argument, or fetch it: ishibumi evidence get")
    })
}

/// The token of the PDF that the proof is for.
fn chosen(arguments: &EmbedArguments, octets: &[u8]) -> Result<PdfToken, Failure> {
    let mut tokens = pdf::tokens(octets).tokens;
    let (name, count) = (arguments.file.display(), tokens.len());
    let number = match (arguments.number, count) {
        (Some(number), _) => number,
        (None, 0 | 1) => 1,
        (None, _) => {
            let message = format!("{name}: it has {count} time-stamps");
            let advice =
                "say with --number for which the proof is; ishibumi evidence extract shows them";
            return Err(Failure::usage(message).advice(advice));
        }
    };
    let place = number.checked_sub(1).filter(|place| *place < count);
    let place = place.ok_or_else(|| {
        Failure::usage(format!(
            "{name}: it has {count} time-stamps, and none is number {number}"
        ))
        .advice("ishibumi evidence extract shows what is in it")
    })?;
    Ok(tokens.swap_remove(place))
}

fn verify(arguments: &EmbedArguments, token: &[u8], proof: &[u8]) -> Result<(), Failure> {
    let (Some(policy), Some(anchors)) = (&arguments.policy, &arguments.anchors) else {
        return Ok(());
    };
    let anchors = files::anchors(anchors, arguments.accept_sha1)?;
    Terms::read(policy, arguments.post_quantum, anchors)?.verify(token, proof)
}

fn failure(path: &Path, error: &EmbedError) -> Failure {
    let message = format!("{}: {error}", path.display());
    match error {
        EmbedError::Proof(_) => Failure::new(Exit::Indeterminate, message),
        EmbedError::Changed => Failure::new(Exit::Disproven, message)
            .advice("get the PDF anew, as it was when it was stamped")
            .in_japanese(format!(
                "{}：このタイムスタンプは、PDF内の対象部分と一致しません。付与後に変更されています。付与時のPDFを入手し直してください。",
                path.display()
            )),
        EmbedError::Covered(_)
        | EmbedError::Unreadable(_)
        | EmbedError::TooMany
        | EmbedError::Broken(_) => Failure::usage(message)
            .advice(
                "nothing was written; keep the proof beside the PDF (FILE.pdf.tlog-proof), or embed the proof of \
                 its last time-stamp instead: ishibumi evidence extract shows them by number",
            )
            .in_japanese(format!(
                "{}：後から付された署名またはタイムスタンプがこのトークンを対象に含むため、証明を埋め込むとそれらが無効になります\
                 （または、無効にならないことを確認できません）。何も書き込んでいません。証明をPDFの隣に置く（ファイル名.pdf.tlog-proof）か、\
                 最後のタイムスタンプに埋め込んでください。",
                path.display()
            )),
        EmbedError::InsideSignature | EmbedError::Pdf(PdfError::NoRoom { .. }) => {
            Failure::usage(message).advice(
                "embed before the token goes into the PDF: let the signing software take the token from a \
                 file, and reserve more space for it; until then keep the proof beside the PDF",
            )
        }
        _ => Failure::usage(message),
    }
}
