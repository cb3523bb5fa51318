//! Names a file that was given instead of another one, and says what to do about it.
//!
//! A user who has token, document, proof and policy in one folder types the wrong name now and
//! then, and editors leave marks. Once reading a file as the expected kind has failed, its first
//! octets tell most of it. This is a guess for people; nothing is decided by it, and nothing is
//! mended: signatures and hashes are over octets.

use std::path::{Path, PathBuf};

use ishibumi_artifact::shape::Unrecognised;
use ishibumi_artifact::{ArtifactType, Certificate};
use ishibumi_tlog::foreign::Foreign;
use ishibumi_tlog::fork;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::proof;

use super::Failure;

/// Something in English, and in Japanese.
type Words = (&'static str, &'static str);

/// Makes a copy whose lines end in LF, without a mark in front; the original stays as it is.
const MEND: &str = r"sed -e '1s/^\xef\xbb\xbf//' -e 's/\r$//' FILE >NEW-FILE";

/// The error for a file that was given instead of a time-stamp token, certificate, list or
/// response.
pub(super) fn no_artifact(path: &Path, octets: &[u8]) -> Option<Failure> {
    let error = ArtifactType::of(octets).err()?;
    let name = path.display();
    if let Some((english, japanese)) = other_evidence(octets) {
        return Some(
            Failure::unavailable(format!("{name}: this is {english}"))
                .in_japanese(format!("{name}：{japanese}")),
        );
    }
    let failure = Failure::unavailable(format!("{name}: {error}"));
    let wanted = "タイムスタンプトークン、証明書、失効リスト、OCSP応答のいずれでもありません。";
    Some(if let Some(token) = token_beside(path) {
        let token = token.display();
        failure
            .advice(format!(
                "is it the document? then its time-stamp is beside it: ishibumi verify ... --document {name} {token}"
            ))
            .in_japanese(format!(
                "{name}：{wanted}文書であれば、隣にタイムスタンプがあります：ishibumi verify … --document {name} {token}"
            ))
    } else {
        failure
            .advice(
                "is it the document? then name its time-stamp token (.tst, .tsr), and the document with --document",
            )
            .in_japanese(format!(
                "{name}：{wanted}文書であれば、そのトークン（.tst、.tsr）を指定し、文書は --document で指定してください。"
            ))
    })
}

/// The error for a file that was given to be sent to a log, or looked up there, and that no log
/// accepts: as a rule the document, which is never sent.
pub(super) fn nothing_to_send(path: &Path, octets: &[u8], error: &Unrecognised) -> Failure {
    let name = path.display();
    if let Some((english, japanese)) = other_evidence(octets) {
        return Failure::usage(format!("{name}: this is {english}"))
            .in_japanese(format!("{name}：{japanese}"));
    }
    let failure = Failure::usage(format!("{name}: {error}"));
    let wanted = "タイムスタンプトークン、証明書、失効リスト、OCSP応答のいずれでもありません。";
    match token_beside(path) {
        Some(token) => {
            let token = token.display();
            failure
                .advice(format!(
                    "is it the document? a document stays with you: name its time-stamp, {token}"
                ))
                .in_japanese(format!(
                    "{name}：{wanted}文書はログに送りません。そのタイムスタンプ {token} を指定してください。"
                ))
        }
        None => failure
            .advice(
                "is it the document? a document stays with you: name its time-stamp token (.tst, .tsr). A damaged \
                 artifact can be submitted with --type; the log then says what is wrong with it",
            )
            .in_japanese(format!(
                "{name}：{wanted}文書はログに送りません。そのタイムスタンプトークン（.tst、.tsr）を指定してください。\
                 壊れた成果物であれば、submit に --type を付けると、どこが正しくないかをログが示します。"
            )),
    }
}

/// The time-stamp beside a document: `a.pdf.tst` or `a.tst` for `a.pdf`.
pub(super) fn token_beside(document: &Path) -> Option<PathBuf> {
    let behind = |extension: &str| {
        let mut name = document.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        PathBuf::from(name)
    };
    let names = ["tst", "tsr"].map(|it| [behind(it), document.with_extension(it)]);
    let mut names = names.into_iter().flatten();
    names.find(|it| it.is_file() && it != document)
}

/// Files of ours that other commands take.
fn other_evidence(octets: &[u8]) -> Option<Words> {
    let begins = |beginning: &str| octets.starts_with(beginning.as_bytes());
    Some(if begins(proof::HEADER) {
        (
            "a proof: name what it proves before it, ishibumi verify ... ARTIFACT PROOF (the proof beside \
             ARTIFACT is found by itself)",
            "証明ファイルです。証明の対象を先に指定してください：ishibumi verify … 対象 証明（対象の隣にある証明は自動的に使用します）",
        )
    } else if begins("PK\x03\x04") {
        (
            "a ZIP: ishibumi evidence verify takes an evidence file; unpack every other ZIP first",
            "ZIPファイルです。エビデンスファイルであれば `ishibumi evidence verify` で検証してください。それ以外は展開してから指定してください。",
        )
    } else if begins("ishibumi/misissue/") {
        (
            "evidence of a serial number that was used twice: ishibumi misissue verify takes it",
            "シリアル番号の重複使用の証拠です。`ishibumi misissue verify` で検証してください。",
        )
    } else if begins("ishibumi/audit-evidence/") || fork::Evidence::parse(octets).is_ok() {
        (
            "evidence against a log, of a fork or rollback: ishibumi fork verify takes that of a fork",
            "ログの分岐または巻き戻しの証拠です。分岐の証拠は `ishibumi fork verify` で検証できます。",
        )
    } else if begins("ishibumi/audit-state/") {
        (
            "what an audit remembers: ishibumi audit takes it with --state",
            "監査の状態ファイルです。`ishibumi audit` の --state に指定するものです。",
        )
    } else if is_like_policy(octets) {
        (
            "a policy: give it with --policy; ishibumi policy check says what it demands",
            "ポリシーです。--policy で指定してください。内容は `ishibumi policy check` で確認できます。",
        )
    } else if Note::parse(octets).is_ok() {
        (
            "a checkpoint: ishibumi policy explain takes it with --checkpoint",
            "チェックポイントです。`ishibumi policy explain` の --checkpoint に指定するものです。",
        )
    } else {
        return None;
    })
}

/// Whether lines begin as those of a policy do, even after an editor changed their ends.
fn is_like_policy(octets: &[u8]) -> bool {
    let text = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let mut lines = text.split(|it| *it == b'\n' || *it == b'\r');
    lines.any(|line| {
        let rest = line
            .strip_prefix(b"log")
            .or_else(|| line.strip_prefix(b"witness"));
        rest.is_some_and(|it| matches!(it.first(), Some(b' ' | b'\t')) && it.contains(&b'+'))
    })
}

/// Why a file is no policy, as far as its octets show it, and what to do.
pub(super) fn no_policy(octets: &[u8]) -> Option<(String, String)> {
    let edited = |english: &str, japanese: &str| {
        (
            format!(
                "{english}, and the octets of a policy are taken as they are (C2SP tlog-policy): get the original, or \
                 make a copy with {MEND}"
            ),
            format!(
                "{japanese}。ポリシーはオクテットをそのまま読み取ります（C2SP tlog-policy）。原本を入手し直すか、次のコマンドで写しを作成してください：{MEND}"
            ),
        )
    };
    let said = |(english, japanese): Words| (english.to_owned(), japanese.to_owned());
    let is_marked = octets.starts_with(b"\xef\xbb\xbf");
    let is_ours = is_like_policy(octets);
    Some(match Foreign::of(octets) {
        Some(Foreign::Utf16) => said((
            "an editor made UTF-16 of it, and a policy is ASCII or UTF-8: get the original, or save it again as \
             UTF-8 without a byte order mark, with LF",
            "エディタにより UTF-16 に変換されています。ポリシーは UTF-8 です。原本を入手し直すか、UTF-8（BOM なし）、改行 LF で保存し直してください",
        )),
        _ if is_marked && is_ours => edited(
            "an editor put a byte order mark (BOM) in front of it",
            "エディタにより先頭に BOM が付加されています",
        ),
        Some(Foreign::CarriageReturns) if is_ours => edited(
            "it has Windows line endings (CR LF), and not LF",
            "改行コードが Windows 形式（CR LF）で、LF ではありません",
        ),
        _ if Certificate::parse_bundle(octets).is_ok_and(|all| !all.is_empty()) => {
            said(SWAPPED_POLICY)
        }
        _ => {
            return other_evidence(octets)
                .filter(|_| !is_ours)
                .map(|(english, japanese)| (format!("this is {english}"), japanese.to_owned()));
        }
    })
}

/// The text for a certificate, or a folder, given instead of a policy.
pub(super) const SWAPPED_POLICY: Words = (
    "certificates belong to --anchors, and --policy takes the text file that names log and witnesses: were the two \
     swapped?",
    "証明書（のフォルダ）は --anchors に、ログと証人を記したテキストファイルは --policy に指定します。2つが入れ替わっていないか確認してください",
);

/// The text for a policy given instead of certificates.
const SWAPPED_ANCHORS: Words = (
    "this is a policy, which belongs to --policy, and --anchors takes certificates: were the two swapped?",
    "これはポリシーで、--policy に指定するものです。--anchors には証明書（のフォルダ）を指定します。2つが入れ替わっていないか確認してください",
);

/// The text for a file without certificates.
const NO_CERTIFICATES: Words = (
    "certificates are wanted here, one in DER or several in PEM; move other files elsewhere",
    "証明書（DERは1枚、PEMは複数可）以外は別の場所に移してください",
);

/// The error for a file that was given instead of certificates.
pub(super) fn no_anchors(path: &Path, octets: &[u8], error: &dyn std::fmt::Display) -> Failure {
    let name = path.display();
    let (english, japanese) = if is_like_policy(octets) {
        SWAPPED_ANCHORS
    } else {
        NO_CERTIFICATES
    };
    Failure::usage(format!("{name}: {error}"))
        .advice(english)
        .in_japanese(format!("{name}：証明書として読み取れません。{japanese}。"))
}

/// A PDF without a time-stamp, which may have one beside it.
pub(super) fn no_time_stamp(path: &Path, without: usize) -> Failure {
    let name = path.display();
    let failure = Failure::unavailable(format!(
        "{name}: no time-stamp in it ({without} signatures without one)"
    ));
    if let Some(token) = token_beside(path) {
        let token = token.display();
        return failure
            .advice(format!(
                "there is one beside it: ishibumi verify ... --document {name} {token}"
            ))
            .in_japanese(format!(
                "{name}：PDFの中にタイムスタンプが含まれていません。隣にタイムスタンプがあります：ishibumi verify … --document {name} {token}"
            ));
    }
    failure
        .advice("a time-stamp that lies beside the PDF is verified by its own name, with --document FILE.pdf")
        .in_japanese(format!(
            "{name}：タイムスタンプが含まれていません。PDFの隣にあるタイムスタンプは、それを指定し --document にPDFを指定して検証してください。"
        ))
}
