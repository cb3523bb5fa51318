//! What HTML, PDF and the terminal call things, in both languages.

use ishibumi::verify::RevocationRule;
use ishibumi_tlog::shown::add_line;

use crate::batch::{Accreditation, Batch, Compared, Row, Status, Why};
use crate::render::{Language, sentences};

/// Tokens without a document that a terminal names.
const NAMES_MAX: usize = 20;

pub(super) fn title(language: Language) -> &'static str {
    language.pick(
        "Batch verification of time-stamps",
        "タイムスタンプ一括検証報告書",
    )
}

pub(super) fn status(status: Status, language: Language) -> &'static str {
    match status {
        Status::Proven => language.pick("proven", "証明済み"),
        Status::Disproven => language.pick("disproven", "否定"),
        Status::Indeterminate => language.pick("indeterminate", "判定不能"),
        Status::Unreadable => language.pick("unreadable", "読取不能"),
        Status::OutOfPeriod => language.pick("out of period", "期間外"),
    }
}

/// Why a row is not proven, its times in the zone of the batch; empty if it is.
pub(super) fn reasons(batch: &Batch, row: &Row, language: Language) -> String {
    let said = match &row.why {
        Why::Proven => String::new(),
        // The verdict and what to do next; what was proven nevertheless has columns of its own.
        Why::Report(report) => {
            let said = sentences(report, language);
            said.into_iter().take(2).collect::<Vec<_>>().join(" ")
        }
        Why::NoDocument => language
            .pick(
                "The token is proven, but its document was not compared, and that is required: put the document beside the token, or anywhere into the folder.",
                "トークンは証明されていますが、必須とされた文書との照合ができていません。文書をトークンの隣か、フォルダ内の任意の場所に置いてください。",
            )
            .to_owned(),
        Why::Said(said) => said.clone(),
    };
    batch.period.zone().retold(&said)
}

/// Names and values of the terms under which it was verified.
pub(super) fn terms(batch: &Batch, language: Language) -> Vec<(&'static str, String)> {
    let zone = batch.period.zone();
    let mut rows = vec![
        (language.pick("Folder", "フォルダ"), batch.folder.clone()),
        (
            language.pick("Period (genTime)", "期間（genTime）"),
            format!(
                "{} - {}",
                batch.period.from_shown(),
                batch.period.to_shown()
            ),
        ),
        (
            language.pick("Verified at", "検証日時"),
            zone.show(batch.verified_at),
        ),
        (
            language.pick("Verified with", "検証ソフトウェア"),
            format!("ishibumi {}", env!("CARGO_PKG_VERSION")),
        ),
        (
            language.pick("Policy, SHA-256", "ポリシー（SHA-256）"),
            batch.policy_digest.clone(),
        ),
    ];
    rows.push((
        language.pick("Documents", "文書との照合"),
        if batch.require_document {
            language.pick("required", "必須")
        } else {
            language.pick("compared where found", "文書がある場合のみ")
        }
        .to_owned(),
    ));
    rows.push((
        language.pick("Revocation", "失効の確認"),
        match batch.revocation {
            RevocationRule::Required => language.pick("required", "必須"),
            RevocationRule::NotAsked => language.pick(
                "NOT ASKED ABOUT, by choice of whoever verified",
                "確認していない（検証者の選択）",
            ),
        }
        .to_owned(),
    ));
    let anchor = language.pick("Anchor, SHA-256", "信頼する証明書（SHA-256）");
    rows.extend(batch.anchors.iter().map(|it| (anchor, it.clone())));
    rows.push((
        language.pick("Accredited TSUs", "認定TSU一覧"),
        match &batch.accredited_digest {
            Some(digest) => format!("SHA-256 {digest}"),
            None => language
                .pick("no list given: unknown", "指定なし（認定の有無は不明）")
                .to_owned(),
        },
    ));
    rows
}

/// A line of the summary behind its number: the status, and how many of these lack their document.
pub(super) fn counted(batch: &Batch, known: Status, language: Language) -> String {
    let word = status(known, language);
    let lacking = batch.summary().not_compared();
    let with_them = if batch.require_document {
        Status::Indeterminate
    } else {
        Status::Proven
    };
    if lacking == 0 || known != with_them {
        return word.to_owned();
    }
    if language.is_english() {
        format!("{word}, {lacking} of them whose document was not compared")
    } else {
        format!("{word}（うち文書と未照合 {lacking}）")
    }
}

pub(super) fn compared(compared: Compared, language: Language) -> &'static str {
    match compared {
        Compared::Same => language.pick("same", "一致"),
        Compared::Differs => language.pick("differs", "不一致"),
        Compared::Not => language.pick("not compared", "未照合"),
    }
}

pub(super) fn accredited(says: Accreditation, language: Language) -> &'static str {
    match says {
        Accreditation::Yes => language.pick("yes", "認定"),
        Accreditation::No => language.pick("no", "認定期間外"),
        Accreditation::Unknown => language.pick("unknown", "不明"),
    }
}

pub(super) fn accredited_note(language: Language) -> &'static str {
    language.pick(
        "Whether a TSU is accredited is what the list given for this run says; it is not a finding of this program.",
        "認定の有無は、この検証で指定された一覧の記載によるもので、本ソフトウェアの判断ではありません。",
    )
}

/// The summary for a terminal: counts, then the rows that a person has to look at.
pub fn summary_text(batch: &Batch, language: Language) -> String {
    let summary = batch.summary();
    let mut out = String::new();
    for row in batch.failures() {
        let word = status(row.status, language);
        add_line(&mut out, format_args!("{word:<14} {}", row.file));
        add_line(
            &mut out,
            format_args!("  {}", reasons(batch, row, language)),
        );
    }
    for (name, value) in terms(batch, language) {
        add_line(&mut out, format_args!("{name}: {value}"));
    }
    for known in Status::ALL {
        add_line(
            &mut out,
            format_args!(
                "{:>9} {}",
                summary.count(known),
                counted(batch, known, language)
            ),
        );
    }
    add_line(
        &mut out,
        format_args!(
            "{:>9} {}",
            summary.total(),
            language.pick("in total", "合計")
        ),
    );
    if !batch.require_document {
        out.push_str(&without_document(batch, language));
    }
    out
}

/// Tokens that are proven, and whose document was not compared; empty if there are none.
fn without_document(batch: &Batch, language: Language) -> String {
    let mut out = String::new();
    let rows = batch.rows.iter().filter(|row| row.lacks_document());
    for row in rows.take(NAMES_MAX) {
        let word = compared(Compared::Not, language);
        add_line(&mut out, format_args!("{word:<14} {}", row.file));
    }
    if batch.summary().not_compared() > 0 {
        add_line(
            &mut out,
            language.pick(
                "Put each document beside its token, or anywhere into the folder, and verify again; with \
                 --require-document such a token does not count as proven. The reports name all of them.",
                "文書をトークンの隣か、フォルダ内の任意の場所に置いて再度検証してください。--require-document を付けると、未照合の\
                 トークンは証明済みと数えません。すべての一覧は報告書（--report）にあります。",
            ),
        );
    }
    out
}
