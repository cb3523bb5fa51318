//! `ishibumi evidence verify`: everything in an evidence file, offline, under the caller's own
//! terms.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ishibumi::evidence::renewal::{self, Renewed};
use ishibumi::evidence::{
    Collection, Contradiction, LoggedEntry, StatementVerdict, Verdict, contradictions,
};
use ishibumi::succession::{Policies, links_among};
use ishibumi::verify::{Answer, Indication, RenewalReport, RevocationKnown, SubIndication};
use ishibumi::{Report, RevocationData, RevocationRule, Verifier};
use ishibumi_artifact::{Anchors, Record};
use ishibumi_cli::render::{self, Language};
use ishibumi_cli::render::{kind_name, record_json, rfc3339};
use ishibumi_tlog::Policy;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::FILE_LEN_MAX;
use ishibumi_tlog::shown::add_line;
use serde_json::{Value, json};

use super::super::dated::{DatedRules, TimeZone, clock};
use super::super::revocation::AskRevocation;
use super::super::sha1::{self, ExistedOn};
use super::super::succession::{self, LinkCheck, OldPolicies};
use super::super::trust::{self, Trust};
use super::super::with_proof::{WithProof, with_proofs};
use super::super::{Exit, Failure, Output, files, network};
use super::{file, renewals};

const EXAMPLES: &str = "Examples:
  ishibumi evidence verify --policy policy.txt --anchors anchors/ contract.tst.evidence.zip
  ishibumi evidence verify --json --policy policy.txt --anchors anchors/ 2026.evidence.zip
  ishibumi evidence verify --policy policy.txt --anchors anchors/ --algorithms ends.txt old.evidence.zip

Policy and anchors are yours: those inside the file are for information, and are never used. What it
brings of certificates helps to find a path to your anchors, and is not trusted. Each artifact gets the
verdict that `ishibumi verify` gives it; the exit code is that of the worst.

Exit codes: 0 all proven, 1 something is disproven, or the file is damaged, 2 usage, 3 unavailable,
4 something is indeterminate. docs/verdicts.md says what each verdict means.";

/// Verify everything in an evidence file offline: no socket is opened
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    terms: TermsArguments,
    #[command(flatten)]
    dated: DatedRules,
    #[command(flatten)]
    zone: TimeZone,
    /// A revocation list or an OCSP response beside those in the file, or a folder of them; a proof
    /// beside one is verified too
    #[arg(long, value_name = "PATH")]
    revocation: Vec<PathBuf>,
    /// The evidence file, renewed or not
    file: PathBuf,
}

/// Under which terms something is verified.
#[derive(Debug, Args)]
pub(super) struct TermsArguments {
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    old: OldPolicies,
    /// Trusted certificates: a folder of PEM or DER files, or one file; certificates in the
    /// subfolder `intermediates` are known without being trusted, and those in `responders` are
    /// OCSP responders whose answers are believed
    #[arg(long, value_name = "DIR|FILE")]
    anchors: PathBuf,
    #[command(flatten)]
    ask_revocation: AskRevocation,
    #[arg(long, value_name = "DATE", help = sha1::HELP)]
    accept_sha1: Option<ExistedOn>,
}

/// The terms, read.
pub(super) struct Terms {
    policies: Policies,
    policy_file: Vec<u8>,
    anchors: Anchors,
    rule: RevocationRule,
}

/// Certificates of paths that are verified once for all artifacts.
const MEMO: usize = 4_096;

impl TermsArguments {
    pub(super) fn read(&self) -> Result<Terms, Failure> {
        Ok(Terms {
            policies: self
                .old
                .beside(self.trust.read()?, self.trust.post_quantum)?,
            policy_file: files::read(&self.trust.policy, FILE_LEN_MAX)?,
            anchors: files::anchors(&self.anchors, self.accept_sha1)?.with_memo(MEMO),
            rule: self.ask_revocation.rule(),
        })
    }
}

impl Terms {
    pub(super) const fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    pub(super) const fn policies(&self) -> &Policies {
        &self.policies
    }

    pub(super) const fn policy(&self) -> &Policy {
        self.policies.first()
    }

    pub(super) fn policy_file(&self) -> &[u8] {
        &self.policy_file
    }
}

pub(crate) fn run(arguments: &VerifyArguments, voice: Output) -> Result<Exit, Failure> {
    let terms = arguments.terms.read()?;
    let renewed = file::open(&arguments.file)?;
    let revocation = with_proofs(&arguments.revocation)?;
    let revocation: Vec<_> = revocation.iter().map(WithProof::revocation).collect();
    let judged = judge_renewed(&renewed, &terms, &revocation, &arguments.dated)?;
    let shown = arguments.file.display().to_string();
    let mut value = judged.json(&shown);
    if let Some(members) = value.as_object_mut() {
        members.insert("foreign_pages".to_owned(), renewed.foreign_pages().into());
    }
    let text = judged.text(voice.language) + &file::foreign_pages(&renewed, voice.language);
    let zone = arguments.zone.of(voice.language);
    voice.say(&value, &zone.retold(&text));
    Ok(judged.exit())
}

/// Verifies all of it, with a progress bar.
pub(super) fn judge(collection: &Collection, terms: Terms) -> Judged {
    let known = collection.known_certificates();
    let anchors = terms.anchors.with_intermediates(known);
    let verifier = Verifier::builder(terms.policies.first(), &anchors)
        .revocation(terms.rule)
        .now(clock())
        .build();
    let bar = network::progress_bar(collection.items.len() as u64, "artifacts verified");
    let done = |done| bar.set_position(done as u64);
    let items = collection.verify_under(&verifier, &terms.policies, done);
    bar.finish_and_clear();
    let proofs: Vec<&Arc<LoggedEntry>> = collection.proofs().collect();
    Judged {
        links: links(collection, &proofs, &terms.policies),
        contradictions: contradictions(proofs, &terms.policies),
        renewals: None,
        items,
        log_ended: None,
        statements: collection.verify_statements(&verifier, &terms.policies),
    }
}

/// Verifies all of a file that may have been renewed, by dated rules, with a progress bar.
fn judge_renewed(
    renewed: &Renewed,
    terms: &Terms,
    revocation: &[RevocationData<'_>],
    dated: &DatedRules,
) -> Result<Judged, Failure> {
    let policies = &terms.policies;
    let anchors = dated.judging(terms.anchors.clone());
    let terms = renewal::Terms {
        policies,
        anchors: &anchors,
        rule: terms.rule,
        revocation,
        ends: dated.ends()?,
        now: dated.now(),
    };
    let all = renewed.collection().items.len() as u64;
    let bar = network::progress_bar(all, "artifacts verified");
    let verdict = renewed.verify(&terms, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let proofs: Vec<&Arc<LoggedEntry>> = renewed.proofs().collect();
    Ok(Judged {
        links: links(renewed.collection(), &proofs, policies),
        contradictions: contradictions(proofs, policies),
        renewals: verdict.renewals,
        items: verdict.items,
        log_ended: verdict.log_ended.map(|ended| ended.to_string()),
        statements: verdict.statements,
    })
}

/// Every link between logs that the statements of the file make, held against every checkpoint in
/// it.
fn links(
    collection: &Collection,
    proofs: &[&Arc<LoggedEntry>],
    policies: &Policies,
) -> Vec<LinkCheck> {
    // Many artifacts share one checkpoint, and its note.
    let mut known = HashSet::new();
    let heads = proofs.iter().map(|logged| &*logged.checkpoint);
    let heads: Vec<&Note> = heads
        .filter(|note| known.insert(std::ptr::from_ref(*note)))
        .collect();
    links_among(&collection.statements, &heads, policies)
}

/// The verdicts about one file.
pub(super) struct Judged {
    /// Which log continues which, as far as records of the file say so.
    links: Vec<LinkCheck>,
    /// Statements of one log that cannot all be true.
    contradictions: Vec<Contradiction>,
    renewals: Option<RenewalReport>,
    items: Vec<Verdict>,
    /// An algorithm of the log that has ended: no statement is proven.
    log_ended: Option<String>,
    statements: Vec<StatementVerdict>,
}

impl Judged {
    /// The worst of all.
    pub(super) fn exit(&self) -> Exit {
        let items = self.items.iter().map(exit_of_item);
        let statements = self.statements.iter().map(|it| self.exit_of_statement(it));
        let renewals = self.renewals.iter().map(|it| exit_of(it.indication()));
        let convicted = self.contradictions.iter().map(|_| Exit::Disproven);
        items
            .chain(statements)
            .chain(renewals)
            .chain(self.links.iter().map(succession::exit))
            .chain(convicted)
            .fold(Exit::Proven, Exit::worse)
    }

    fn exit_of_statement(&self, statement: &StatementVerdict) -> Exit {
        match &statement.proven {
            Ok(_) if self.log_ended.is_some() => Exit::Indeterminate,
            Ok(_) => Exit::Proven,
            Err(error) => trust::failure(error, "").exit,
        }
    }

    fn proven(&self) -> usize {
        let items = self.items.iter().map(exit_of_item);
        items.filter(|exit| *exit == Exit::Proven).count()
    }

    /// A single report in full; of several, a table and every one that is not proven in full.
    fn text(&self, language: Language) -> String {
        let mut out = String::new();
        if let Some(renewals) = &self.renewals {
            out.push_str(&renewals::verified_text(renewals, language));
            out.push('\n');
        }
        if let ([only], []) = (&self.items[..], &self.statements[..])
            && let Ok(report) = &only.report
        {
            out.push_str(&render::text(report, language));
            out.push_str(&self.convictions(language));
            return out;
        }
        for verdict in &self.items {
            add_line(&mut out, row(verdict));
        }
        for statement in &self.statements {
            add_line(&mut out, statement_row(statement, language));
        }
        if let (Some(ended), false) = (&self.log_ended, self.statements.is_empty()) {
            let line = if language.is_english() {
                format!("statements: {ended}; they are not proven any more")
            } else {
                format!("記録：{}。証明されなくなりました", language.said(ended))
            };
            add_line(&mut out, line);
        }
        for link in &self.links {
            out.push_str(&succession::text(link, language.is_english()));
        }
        out.push_str(&self.convictions(language));
        let (proven, all) = (self.proven(), self.items.len());
        let summary = if language.is_english() {
            format!("{proven} of {all} artifacts are proven.")
        } else {
            format!("成果物 {all} 件のうち {proven} 件が証明されています。")
        };
        out.push('\n');
        add_line(&mut out, &summary);
        if self.items.iter().any(is_not_asked) {
            add_line(&mut out, render::revocation_not_asked(language));
        }
        out.push_str(&self.unproven(language));
        out
    }

    /// The contradictions that convict a log.
    fn convictions(&self, language: Language) -> String {
        let mut out = String::new();
        for found in &self.contradictions {
            let said = if language.is_english() {
                "CONTRADICTION: "
            } else {
                "矛盾："
            };
            add_line(
                &mut out,
                format_args!("{said}{}", language.said(&found.to_string())),
            );
        }
        out
    }

    /// What keeps the exit code from being 0, and why.
    pub(super) fn failures(&self, language: Language) -> String {
        let mut out = self.unproven(language);
        for link in self
            .links
            .iter()
            .filter(|it| succession::exit(it) != Exit::Proven)
        {
            out.push_str(&succession::text(link, language.is_english()));
        }
        out.push_str(&self.convictions(language));
        out
    }

    /// Items that are not proven, and why.
    fn unproven(&self, language: Language) -> String {
        let mut out = String::new();
        for verdict in self
            .items
            .iter()
            .filter(|it| exit_of_item(it) != Exit::Proven)
        {
            let name = &verdict.artifact;
            match &verdict.report {
                Ok(report) => {
                    out.push('\n');
                    add_line(&mut out, format!("{name}: {}", words(report)));
                    for sentence in render::sentences(report, language) {
                        add_line(&mut out, format!("  {sentence}"));
                    }
                }
                Err(error) => {
                    out.push('\n');
                    let error = language.said(&error.to_string());
                    add_line(&mut out, format!("{name}: {error}"));
                }
            }
        }
        for statement in &self.statements {
            if let Err(error) = &statement.proven {
                out.push('\n');
                let what = language.pick("statement: ", "記録：");
                add_line(
                    &mut out,
                    format!("{what}{}", language.said(&error.to_string())),
                );
            }
        }
        out
    }

    fn json(&self, shown: &str) -> Value {
        let item = |verdict: &Verdict| {
            json!({
                "artifact": verdict.artifact,
                "document": verdict.document,
                "report": verdict.report.as_ref().ok().map(render::json),
                "error": verdict.report.as_ref().err().map(ToString::to_string),
            })
        };
        let statement = |statement: &StatementVerdict| match &statement.proven {
            Ok(leaf) => {
                let record = Record::decode(leaf.record()).ok();
                json!({
                    "proven": true,
                    "index": leaf.index(),
                    "log": leaf.head().checkpoint().origin,
                    "not_after": leaf.head().not_after().map(rfc3339),
                    "kind": record.as_ref().map(|record| kind_name(record.kind())),
                    "says": record.as_ref().map(record_json),
                })
            }
            Err(error) => json!({ "proven": false, "error": error.to_string() }),
        };
        json!({
            "file": shown,
            "proven": self.proven(),
            "of": self.items.len(),
            "renewals": self.renewals.as_ref().map(renewals::verified_json),
            "log_algorithm_ended": self.log_ended,
            "successions": self.links.iter().map(succession::json).collect::<Vec<_>>(),
            "contradictions": self.contradictions.iter().map(|found| json!({
                "kind": found.name(),
                "log": found.log(),
                "detail": found.to_string(),
            })).collect::<Vec<_>>(),
            "items": self.items.iter().map(item).collect::<Vec<_>>(),
            "statements": self.statements.iter().map(statement).collect::<Vec<_>>(),
        })
    }
}

/// Whether it was judged without knowing about revocation.
fn is_not_asked(verdict: &Verdict) -> bool {
    let valid = verdict.report.as_ref().map(Report::valid);
    matches!(valid, Ok(Answer::InFavour(valid)) if valid.revocation() == RevocationKnown::NotAsked)
}

fn exit_of_item(verdict: &Verdict) -> Exit {
    let indication = verdict.report.as_ref().map(Report::indication);
    indication.map_or(Exit::Disproven, exit_of)
}

const fn exit_of(indication: Indication) -> Exit {
    match indication {
        Indication::TotalPassed => Exit::Proven,
        Indication::Indeterminate => Exit::Indeterminate,
        Indication::TotalFailed => Exit::Disproven,
    }
}

fn words(report: &Report) -> String {
    let sub = report.sub_indication().map(SubIndication::word);
    let sub = sub.map(|sub| format!(", {sub}")).unwrap_or_default();
    format!("{}{sub}", report.indication().word())
}

/// A line of the table: verdict, when it existed at the latest, names.
fn row(verdict: &Verdict) -> String {
    let (said, time) = match &verdict.report {
        Ok(report) => {
            let existence = report.existence();
            let time = existence.map(|existence| existence.not_after.to_string());
            (report.indication().word(), time.unwrap_or_default())
        }
        Err(_) => (Indication::TotalFailed.word(), String::new()),
    };
    let document = verdict.document.as_ref();
    let document = document
        .map(|name| format!(" ({name})"))
        .unwrap_or_default();
    format!("{said:<14} {time:<20} {}{document}", verdict.artifact)
}

fn statement_row(statement: &StatementVerdict, language: Language) -> String {
    match &statement.proven {
        Ok(leaf) => {
            let time = leaf.head().not_after().map(rfc3339).unwrap_or_default();
            let kind = Record::decode(leaf.record()).map_or(0, |record| record.kind());
            let (log, index) = (&leaf.head().checkpoint().origin, leaf.index());
            let word = Indication::TotalPassed.word();
            let kind = kind_name(kind);
            let which = if language.is_english() {
                format!("{kind} {index} of {log}")
            } else {
                format!("{log} の {index} 番（{kind}）")
            };
            format!("{word:<14} {time:<20} {which}")
        }
        Err(error) => {
            let what = language.pick("statement: ", "記録：");
            let error = language.said(&error.to_string());
            format!("{:<14} {:<20} {what}{error}", "-", "")
        }
    }
}
