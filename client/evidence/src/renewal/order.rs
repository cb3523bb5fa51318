//! Whether the times stated in an evidence file fit with the time that its evidence record proves.
//!
//! The record says that the octets of the file existed at its first time-stamp. Nothing in these
//! octets can be of a later time. If a quorum, a unit, a CA or a responder that the verifier trusts
//! states a later time, one of them states a false time, and nothing here tells which: so the
//! record proves nothing. Only verified statements are heard, since anybody can add a line with
//! some date.

use std::collections::BTreeSet;

use ishibumi_artifact::record::Accuracy;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, TimestampToken};

use super::super::encode::status_name;
use super::super::{Collection, Item, StatementVerdict, Verdict};
use super::Renewed;
use ishibumi_verify::{Facts, InformationFacts, Outcome, Report, Statement, Step};

/// How far the clocks of witnesses and units may be apart, in microseconds: they are not
/// synchronized with each other. An attacker who backdates a record gains nothing by minutes.
const CLOCKS_APART_MICROS: i128 = 300 * 1_000_000;

impl Renewed {
    /// The first artifact of the evidence file that is a token of a later time than `time`: a
    /// time-stamp of that time over the file cannot be right. Tokens that do not verify under
    /// `anchors` say nothing.
    pub fn token_after(&self, time: Time, anchors: &Anchors) -> Option<(&str, Time)> {
        let latest = time.plus_micros(CLOCKS_APART_MICROS);
        let stamped = |item: &Item| {
            let token = TimestampToken::parse(&item.artifact.octets).ok()?;
            let token = token.verify(anchors).ok()?;
            Some(earliest(token.gen_time().time(), token.accuracy()))
        };
        let items = self.collection.items.iter();
        let mut times = items.filter_map(|item| Some((&*item.artifact.name, stamped(item)?)));
        times.find(|(_, time)| *time > latest)
    }
}

/// The first statement in the file of a later time than `proven`, when the file is said to have
/// existed already.
pub(super) fn later_than(
    proven: Time,
    collection: &Collection,
    items: &[Verdict],
    statements: &[StatementVerdict],
) -> Option<String> {
    // Lists that were added around the file are not covered by the record.
    let own = collection.revocation.iter();
    let own: BTreeSet<String> = own.map(|data| status_name(&data.octets)).collect();
    let latest = proven.plus_micros(CLOCKS_APART_MICROS);
    let of_statements = statements.iter().filter_map(|statement| {
        let leaf = statement.proven.as_ref().ok()?;
        let origin = &leaf.head().checkpoint().origin;
        let what = format!(
            "the quorum's cosignature for record {} of {origin}",
            leaf.index()
        );
        Some((what, seconds(leaf.head().not_after()?)))
    });
    let mut of_items = items.iter().flat_map(|verdict| {
        let report = verdict.report.as_ref().ok();
        report.map_or_else(Vec::new, |report| times(&verdict.artifact, report, &own))
    });
    let is_later = |(_, time): &(String, Time)| *time > latest;
    let found = of_items.find(is_later);
    let (what, time) = found.or_else(|| of_statements.into_iter().find(is_later))?;
    Some(format!(
        "{what} is of {time}, and the evidence record says that it was there at {proven}: one of the two times is false"
    ))
}

/// The times that trusted parties state in one item, and what each is about.
fn times(artifact: &str, report: &Report, own: &BTreeSet<String>) -> Vec<(String, Time)> {
    let mut all = Vec::new();
    let mut cosigned = |what: &str, statement: &Statement| {
        if let Some(not_after) = statement.not_after {
            let what = format!("the quorum's cosignature for {what}");
            all.push((what, seconds(not_after)));
        }
    };
    if let Some(statement) = report.statement() {
        cosigned(artifact, statement);
    }
    for data in report
        .information()
        .iter()
        .filter(|it| own.contains(&it.name))
    {
        if let Some(Ok(statement)) = &data.logged {
            cosigned(&data.name, statement);
        }
    }
    // What a token says that is signed over a broken hash is not believed.
    let is_weak = matches!(report.outcome(Step::Algorithms), Some(Outcome::Failed(_)));
    match report.facts().filter(|_| !is_weak) {
        Some(Facts::Token {
            gen_time, accuracy, ..
        }) => all.push((artifact.to_owned(), earliest(*gen_time, *accuracy))),
        Some(Facts::Crl(list)) => all.push((artifact.to_owned(), list.this_update)),
        Some(Facts::Ocsp(response)) => all.push((artifact.to_owned(), response.produced_at)),
        // A certificate may be issued ahead of its validity.
        _ => {}
    }
    for token in report.checkpoint_tokens() {
        if let Ok(stamped) = &token.stamped {
            let time = earliest(stamped.gen_time, stamped.accuracy);
            all.push((token.name.clone(), time));
        }
    }
    for data in report
        .information()
        .iter()
        .filter(|it| own.contains(&it.name))
    {
        let time = match &data.says {
            Ok(InformationFacts::Crl(list)) => list.this_update,
            Ok(InformationFacts::Ocsp(response)) => response.produced_at,
            Err(_) => continue,
        };
        all.push((data.name.clone(), time));
    }
    all
}

fn earliest(time: Time, accuracy: Option<Accuracy>) -> Time {
    let micros = accuracy.map_or(0, Accuracy::total_micros);
    time.plus_micros(-i128::from(micros))
}

fn seconds(time: u64) -> Time {
    Time::from_unix(i64::try_from(time).unwrap_or(i64::MAX))
}
