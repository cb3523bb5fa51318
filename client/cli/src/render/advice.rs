//! What to do about a verdict that is not in favour, in both languages.
//!
//! The detail of a check says what was found, as the finding code puts it; this says what a person
//! can do next. Where nothing helps, it says what that means.

use ishibumi::verify::{Check, Outcome, Report, Step, SubIndication};

/// What to do next; none where nothing is wrong.
pub(super) fn next_step(report: &Report, english: bool) -> Option<&'static str> {
    let check = report.deciding()?;
    let Outcome::Failed(sub) = check.outcome else {
        return None;
    };
    let (in_english, in_japanese) = of_step(check, sub).unwrap_or_else(|| of_sub_indication(sub));
    Some(if english { in_english } else { in_japanese })
}

/// Steps after which the same sub-indication needs advice of its own.
fn of_step(check: &Check, sub: SubIndication) -> Option<(&'static str, &'static str)> {
    Some(match (check.step, sub) {
        (Step::ProofFile, _) => (
            "Check that the proof is the file that the log answered with; `ishibumi evidence get` fetches it again.",
            "証明ファイルがログの返したものか確認してください。`ishibumi evidence get` で取得し直せます。",
        ),
        (Step::Inclusion, _) => (
            "The proof belongs to another artifact, or the artifact was changed: check that the two files belong together.",
            "証明が別の対象のものか、対象が変更されています。2つのファイルの組み合わせを確認してください。",
        ),
        (Step::Document, SubIndication::Generic) => (
            "Get the PDF as it was when it was stamped, or a time-stamp over the file as it is now; `ishibumi evidence extract` takes the earlier version out.",
            "付与時のPDFを入手するか、現在のファイル全体に新しいタイムスタンプを付与してください。以前の版は `ishibumi evidence extract` で取り出せます。",
        ),
        (Step::Document, _) => (
            "Check that this is the very file that was stamped: another format, or a copy that a program saved anew, is another document.",
            "タイムスタンプを付与したファイルそのものか確認してください。形式の変換や再保存をしたものは別の文書です。",
        ),
        (Step::Checkpoint, SubIndication::NoPoe) => (
            "Check that the policy names this log and enough of its witnesses; a newer proof may carry more cosignatures (`ishibumi evidence get`).",
            "ポリシーにこのログと十分な数の証人が記載されているか確認してください。新しい証明には連署が増えていることがあります（`ishibumi evidence get`）。",
        ),
        (Step::Checkpoint, _) => (
            "The checkpoint was changed after it was signed, or the policy has another key under that name: fetch the proof again and compare the policy with its publisher's.",
            "チェックポイントが署名後に変更されたか、ポリシーの同名の鍵が異なります。証明を取得し直し、ポリシーを発行元のものと照合してください。",
        ),
        _ => return None,
    })
}

fn of_sub_indication(sub: SubIndication) -> (&'static str, &'static str) {
    match sub {
        SubIndication::NoCertificateChainFound => (
            "Put the CA's certificate, if you trust it, into the folder of --anchors, or a CA between into its subfolder intermediates.",
            "認証局を信頼する場合は、その証明書を --anchors のフォルダに、中間認証局の証明書は intermediates に置いてください。",
        ),
        SubIndication::NoSigningCertificateFound => (
            "The artifact does not carry its signer's certificate: put it into the subfolder intermediates of the folder of --anchors.",
            "署名者の証明書が含まれていません。--anchors のフォルダの intermediates に置いてください。",
        ),
        SubIndication::CryptoConstraintsFailureNoPoe => (
            "The algorithm is none of those that count here today, which is no fault of what was signed with it; --accept-sha1 DATE accepts SHA-1 in what existed on that day, before 2016, on your own word. What ended by --algorithms is rescued only by a renewal that came before.",
            "このアルゴリズムは現在ここでは受け入れられません。対象に問題があることを示すものではありません。2016年より前に存在していたことをご自身で確認できる場合に限り、--accept-sha1 日付 により SHA-1 を許容できます。--algorithms の期限については、期限前の更新（evidence renew）だけが有効です。",
        ),
        SubIndication::OutOfBoundsNoPoe => (
            "An earlier proof of existence is wanted: a token over an earlier checkpoint (--checkpoint-token), or an earlier log.",
            "より早い時刻の存在証明が必要です。より早いチェックポイントのタイムスタンプ（--checkpoint-token）などを示してください。",
        ),
        SubIndication::RevokedNoPoe | SubIndication::RevokedCaNoPoe => (
            "Only a proof that the artifact existed before the revocation helps: a token over an earlier checkpoint (--checkpoint-token), or an earlier log.",
            "失効より前に存在したことの証明が必要です。より早いチェックポイントのタイムスタンプ（--checkpoint-token）などを示してください。",
        ),
        SubIndication::TryLater => (
            "Give a list or an OCSP response of a later time with --revocation, one that covers the certificate. If one that was given could not be used, get it anew from its issuer, or put the certificate of whoever signed it into the subfolder intermediates (a responder that you trust yourself: responders) of the folder of --anchors.",
            "証明書を対象とする、より新しい失効リストまたはOCSPレスポンスを --revocation で示してください。示した資料が使用できなかった場合は、発行者から取得し直すか、署名者の証明書を --anchors のフォルダの intermediates（ご自身で信頼するレスポンダは responders）に置いてください。",
        ),
        SubIndication::NoPoe => (
            "Give the proof of that list or response beside it (FILE.tlog-proof): it has to be older than the revocation of its CA.",
            "その失効リストまたはレスポンスの証明（ファイル名.tlog-proof）を添えてください。認証局の失効より前のものに限ります。",
        ),
        SubIndication::SignedDataNotFound => (
            "Give the document that the token stamps, the very file.",
            "トークンの対象である文書のファイルそのものを示してください。",
        ),
        SubIndication::TimestampOrderFailure => (
            "One of the clocks was wrong, or a time is made up: ask the provider, and the log's auditors.",
            "いずれかの時計が誤っていたか、時刻が偽られています。提供者またはログの監査者に確認してください。",
        ),
        SubIndication::FormatFailure => (
            "Check that this is the right file, and that it was not converted or cut on its way.",
            "正しいファイルか、途中で変換や欠落がなかったか確認してください。",
        ),
        SubIndication::HashFailure => (
            "Its content is not the one that was signed: get the original from whoever keeps it.",
            "内容が署名されたものと一致しません。原本を保管者から入手してください。",
        ),
        SubIndication::SigCryptoFailure => (
            "It was changed after it was signed, or is a forgery: get the original from whoever keeps it.",
            "署名後に変更されたか、偽造されています。原本を保管者から入手してください。",
        ),
        SubIndication::Expired | SubIndication::NotYetValid | SubIndication::Revoked => (
            "Nothing that could be added changes this; another time-stamp over the same document may stand in.",
            "資料を追加しても結果は変わりません。同じ文書に対する別のタイムスタンプがあれば、それを検証してください。",
        ),
        SubIndication::SigConstraintsFailure | SubIndication::ChainConstraintsFailure => (
            "It departs from the rules that are checked here, or rests on something that is not understood here. \
             That does not show it to be false: ask the provider, or have another program judge it as well.",
            "ここで検査する規則に沿っていないか、この版では解釈できない内容を含みます。虚偽を示すものではありません。\
             提供者に確認するか、別のプログラムでも検証してください。",
        ),
        _ => (
            "It could not be judged, which says nothing against it: check that it is the right file, whole and \
             unchanged; another program, or a newer version of this one, may read it.",
            "判定できませんでした。対象に問題があることを示すものではありません。正しいファイルで、欠落や変換がないか確認して\
             ください。別のプログラムや新しい版では読み取れることがあります。",
        ),
    }
}
