//! `ishibumi report provider`: what a log proves about a provider and its end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ishibumi::fetch::{FindError, Source, every_record, first_verified, proven_not_after};
use ishibumi::provider::{Gathered, Item, Line, ProviderReport, Standing};
use ishibumi_artifact::{Body, Certificate};
use ishibumi_cli::render::Language;
use ishibumi_cli::render::{record_json, rfc3339};
use ishibumi_tlog::TrustedCheckpoint;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::age::{Age, MaxAge};
use super::trust::Trust;
use super::{Exit, Failure, Output, files, find, network};

const EXAMPLES: &str = "Examples:
  ishibumi report provider north --from https://log.example --policy policy.txt
  ishibumi report provider north --from copy-of-the-log/ --policy policy.txt --anchors anchors/ --lang ja

Every record of the log is read and hashed to a checkpoint with the policy's quorum. `proven`: it follows from
the records. `stated`: somebody says so, which is proven, and not that it is true. `missing`: nothing says it,
or the records say otherwise. Units without a token or count in this log are not seen.

Exit codes: 0 an orderly end, or none is stated; 1 the log's files are false; 2 usage; 3 unavailable, or no such
provider; 4 something is missing for an orderly end, or the checkpoint lacks log or quorum, or is too old.";

/// Report what a log proves
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    #[command(subcommand)]
    about: About,
}

#[derive(Debug, Subcommand)]
enum About {
    /// About a provider: statements, units, tokens, and what an orderly end wants
    #[command(after_help = EXAMPLES)]
    Provider(ProviderArguments),
}

#[derive(Debug, Args)]
struct ProviderArguments {
    /// The provider's identifier in the log's registry
    name: String,
    /// URL of the log or a mirror, or a directory with its files; several are asked in their order
    #[arg(long, value_name = "URL|DIR", required = true)]
    from: Vec<String>,
    /// The provider's anchors, if the log holds their digests only
    #[arg(long, value_name = "DIR|FILE")]
    anchors: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    max_age: MaxAge,
}

struct Answer {
    head: TrustedCheckpoint,
    age: Age,
    report: ProviderReport,
    /// For the records that are named: when they were there at the latest.
    not_after: BTreeMap<u64, String>,
}

pub(crate) fn run(arguments: &ReportArguments, voice: Output) -> Result<Exit, Failure> {
    let About::Provider(arguments) = &arguments.about;
    let policy = arguments.trust.read()?;
    let anchors = arguments.anchors.as_deref().map(certificates).transpose()?;
    let anchors = anchors.unwrap_or_default();
    let sources = network::sources(&arguments.from)?;
    let bar = network::progress_bar(0, "records");
    let ended = network::block_on(async {
        let attempt = async |source: &Source| {
            let mut gathered = Gathered::new(&arguments.name, anchors.clone());
            let visit = |index, _, record| gathered.observe(index, &record);
            let progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            let head = every_record(source, &policy, visit, progress).await?;
            let report = gathered.report();
            let mut not_after = BTreeMap::new();
            let statements = report.statements.iter().map(|(index, _)| *index);
            let lines = report.checklist.iter().filter_map(|line| line.index);
            for index in statements.chain(lines) {
                if !not_after.contains_key(&index)
                    && let Some(time) = proven_not_after(source, &policy, index, &head).await
                {
                    not_after.insert(index, rfc3339(time));
                }
            }
            let age = arguments.max_age.of(&head);
            Ok::<_, FindError>(Answer {
                head,
                age,
                report,
                not_after,
            })
        };
        Ok(first_verified(&sources, attempt, FindError::blame).await)
    })?;
    bar.finish_and_clear();
    let won =
        ended.map_err(|refused| network::nobody(&refused, |_, error| find::failure(error)))?;
    network::tell_refused(&won.refused, voice.language);
    let answer = &won.answer;
    if answer.report.statements.is_empty() {
        return Err(Failure::unavailable(format!(
            "none of the {} records is about a provider {:?}",
            answer.head.checkpoint().size,
            arguments.name
        )));
    }
    voice.say(
        &to_json(&arguments.name, answer),
        &to_text(&arguments.name, answer, voice.language),
    );
    let ending = |line: &&Line| line.item == Item::Notice && line.standing != Standing::Missing;
    let ends = answer.report.checklist.iter().find(ending).is_some()
        || answer
            .report
            .statements
            .iter()
            .any(|(_, said)| said.code().is_by_provider());
    let missing = |line: &Line| line.standing == Standing::Missing;
    // Of a provider without a unit nothing was compared.
    let nothing = answer.report.units.is_empty();
    Ok(
        if ends && (nothing || answer.report.checklist.iter().any(missing)) {
            Exit::Indeterminate
        } else {
            answer.age.exit()
        },
    )
}

fn certificates(folder: &std::path::Path) -> Result<Vec<Certificate>, Failure> {
    let mut all = Vec::new();
    for path in files::files_in(folder)? {
        let octets = files::read(&path, files::ARTIFACT_LEN_MAX)?;
        all.extend(
            Certificate::parse_bundle(&octets)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?,
        );
    }
    Ok(all)
}

fn to_json(name: &str, answer: &Answer) -> Value {
    let report = &answer.report;
    let time = |index: &Option<u64>| index.and_then(|index| answer.not_after.get(&index));
    json!({
        "provider": name,
        "log": answer.head.checkpoint().origin,
        "tree_size": answer.head.checkpoint().size,
        "not_after": answer.head.not_after().map(rfc3339),
        "age": answer.age.json(),
        "anchors_known": report.anchors_known,
        "statements": report.statements.iter().map(|(index, said)| json!({
            "index": index,
            "not_after": answer.not_after.get(index),
            "says": record_json(&Body::Provider(said.clone()).into()),
        })).collect::<Vec<_>>(),
        "units": report.units.iter().map(|unit| json!({
            "certificate": hex::encode(unit.certificate),
            "subject": unit.subject,
            "index": unit.index,
            "tokens": unit.tokens,
            "batch": hex::encode(unit.batch),
            "counted": unit.counted.as_ref().map(|(_, count)| count.count),
        })).collect::<Vec<_>>(),
        "checklist": report.checklist.iter().map(|line| json!({
            "item": line.item.name(),
            "standing": line.standing.word(),
            "of": line.of,
            "index": line.index,
            "not_after": time(&line.index),
            "detail": line.detail,
        })).collect::<Vec<_>>(),
    })
}

fn to_text(name: &str, answer: &Answer, language: Language) -> String {
    let english = language.is_english();
    let report = &answer.report;
    let head = answer.head.checkpoint();
    let when = answer.head.not_after().map(rfc3339).unwrap_or_default();
    let mut out = String::new();
    let head_line = if english {
        format!(
            "Provider {name} in {}, {} records, proven not after {when}",
            head.origin, head.size
        )
    } else {
        format!(
            "事業者 {name}（{}、{} レコード、{when} までに存在）",
            head.origin, head.size
        )
    };
    add_line(&mut out, head_line);
    let label = if english {
        "checkpoint"
    } else {
        "チェックポイント"
    };
    add_line(
        &mut out,
        format_args!("{label}: {}", answer.age.sentence(english)),
    );
    out.push('\n');
    for (index, said) in &report.statements {
        let code = said.code();
        let code = code
            .name()
            .map_or_else(|| code.0.to_string(), str::to_owned);
        let who = match (said.code().is_by_provider(), english) {
            (true, true) => "stated by the provider",
            (true, false) => "事業者の言明",
            (false, true) => "stated by the log",
            (false, false) => "ログの言明",
        };
        let time = answer.not_after.get(index).map_or("-", String::as_str);
        add_line(
            &mut out,
            format_args!(
                "{index:>8}  {code:<18} {who}; {} {time}",
                if english { "not after" } else { "遅くとも" }
            ),
        );
    }
    out.push('\n');
    for unit in &report.units {
        add_line(
            &mut out,
            format_args!(
                "{}  {}",
                if english { "unit    " } else { "TSU     " },
                unit.subject
            ),
        );
        let counted = if english {
            "tokens in the log"
        } else {
            "ログ中のトークン数"
        };
        add_line(
            &mut out,
            format_args!("          {counted}: {}", unit.tokens),
        );
    }
    out.push('\n');
    for line in &report.checklist {
        let standing = match (line.standing, english) {
            (Standing::Proven, false) => "証明済",
            (Standing::Stated, false) => "言明",
            (Standing::Missing, false) => "不足",
            (standing, true) => standing.word(),
        };
        let index = line
            .index
            .map_or_else(|| "-".to_owned(), |index| index.to_string());
        let of = line.of.get(..16).unwrap_or(&line.of);
        let said = sentence(line.item, english);
        add_line(
            &mut out,
            format_args!("{standing:<8} {index:>8}  {said} {of} {}", line.detail),
        );
    }
    out.push_str(if english {
        "\nA statement is the word of whoever made it, and proves nothing of what it says. That it was made is proven.\n"
    } else {
        "\n言明は発言者の主張であり、その内容の真実性は証明されません。言明がなされたことのみが証明されています。\n"
    });
    if !report.anchors_known {
        out.push_str(if english {
            "The log holds no certificate of the provider's anchors: only units that statements name are seen. --anchors helps.\n"
        } else {
            "事業者のアンカー証明書がログにないため、言明に示された TSU のみを対象としました。--anchors を指定してください。\n"
        });
    }
    out
}

const fn sentence(item: Item, english: bool) -> &'static str {
    match (item, english) {
        (Item::Notice, true) => "the log's notice that the provider ends",
        (Item::Notice, false) => "終了の告知（ログ）",
        (Item::LastList, true) => {
            "a last revocation list (nextUpdate 99991231235959Z), and none after it, of"
        }
        (Item::LastList, false) => "最終失効リスト（nextUpdate 99991231235959Z、以後の発行なし）",
        (Item::LastListNamed, true) => "the provider names it as the last one of",
        (Item::LastListNamed, false) => "最終失効リストの指定（事業者）",
        (Item::Revoked, true) => "revoked with a reason that leaves earlier tokens valid: unit",
        (Item::Revoked, false) => "過去のトークンを有効に保つ理由での失効",
        (Item::Counted, true) => "as many tokens in the log as the unit counted:",
        (Item::Counted, false) => "ログ中の件数と最終件数の一致",
        (Item::Batch, true) => "the same tokens as were counted:",
        (Item::Batch, false) => "トークン集合の一致",
        (Item::KeyDestroyed, true) => "the signing key was destroyed: unit",
        (Item::KeyDestroyed, false) => "署名鍵の廃棄",
        (Item::Custodian, true) => "a custodian of the archive",
        (Item::Custodian, false) => "記録の保管者",
    }
}
