//! What a suite came to: cases, those that do not apply and why, and differences with their
//! reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    Refuse,
}

impl Answer {
    pub(crate) const fn of(is_accepted: bool) -> Self {
        if is_accepted {
            Self::Accept
        } else {
            Self::Refuse
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Accept => "accept",
            Self::Refuse => "refuse",
        })
    }
}

struct Case {
    id: String,
    ours: Answer,
    theirs: Answer,
    /// The text of the refusal.
    said: String,
}

#[derive(Default)]
pub(crate) struct Suite {
    cases: Vec<Case>,
    skipped: BTreeMap<&'static str, usize>,
}

impl Suite {
    /// A case that asks for what this crate does not decide.
    pub(crate) fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }

    pub(crate) fn case<T, E: fmt::Display>(
        &mut self,
        id: impl Into<String>,
        theirs: Answer,
        ours: Result<T, E>,
    ) {
        self.cases.push(Case {
            id: id.into(),
            ours: Answer::of(ours.is_ok()),
            theirs,
            said: ours.err().map(|it| it.to_string()).unwrap_or_default(),
        });
    }

    /// Prints the suite; whether every difference is explained.
    pub(crate) fn tell(&self, name: &str, differences: &mut Differences) -> bool {
        differences.ran.insert(name.to_owned());
        let skipped: usize = self.skipped.values().sum();
        let (mut agree, mut explained, mut unexplained) = (0, 0, 0);
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for case in &self.cases {
            if case.ours == case.theirs {
                agree += 1;
                continue;
            }
            match differences.explain(name, case) {
                Some(why) => {
                    explained += 1;
                    *reasons.entry(why).or_default() += 1;
                }
                None => {
                    unexplained += 1;
                    let Case {
                        id,
                        ours,
                        theirs,
                        said,
                    } = case;
                    println!("UNEXPLAINED {name}\t{id}\t{ours}\t{theirs}\t{said}");
                }
            }
        }
        for (why, count) in &self.skipped {
            println!("  not applicable: {count:5}  {why}");
        }
        for (why, count) in reasons {
            println!("  different:      {count:5}  {why}");
        }
        println!(
            "{name}: {} in all, {} applicable, {agree} agree, {explained} differ for a reason, \
             {unexplained} unexplained",
            self.cases.len() + skipped,
            self.cases.len(),
        );
        unexplained == 0 && !self.cases.is_empty()
    }
}

/// One line of the table.
struct Row {
    suite: String,
    /// A case, or the beginning of several and `*`.
    id: String,
    ours: String,
    theirs: String,
    reason: String,
    used: usize,
}

impl Row {
    fn is_about(&self, suite: &str, case: &Case) -> bool {
        let is_named = match self.id.strip_suffix('*') {
            Some(beginning) => case.id.starts_with(beginning),
            None => case.id == self.id,
        };
        is_named
            && self.suite == suite
            && self.ours == case.ours.to_string()
            && self.theirs == case.theirs.to_string()
    }
}

/// The explained differences: suite, case, our answer, theirs, reason, between tabs.
pub(crate) struct Differences {
    rows: Vec<Row>,
    ran: BTreeSet<String>,
}

impl Differences {
    pub(crate) fn read(table: &str) -> Self {
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let rows = lines.map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [suite, id, ours, theirs, reason] = fields[..] else {
                panic!("differences.tsv: not five fields: {line}");
            };
            Row {
                suite: suite.into(),
                id: id.into(),
                ours: ours.into(),
                theirs: theirs.into(),
                reason: reason.into(),
                used: 0,
            }
        });
        Self {
            rows: rows.collect(),
            ran: BTreeSet::new(),
        }
    }

    fn explain(&mut self, suite: &str, case: &Case) -> Option<String> {
        let row = self.rows.iter_mut().find(|row| row.is_about(suite, case))?;
        row.used += 1;
        Some(format!(
            "{} ({}, {}): {}",
            row.id, case.ours, case.theirs, row.reason
        ))
    }

    /// Explanations of what no longer differs are struck out, so that the table stays true.
    pub(crate) fn tell_unused(&self) -> bool {
        let unused = self.rows.iter().filter(|row| row.used == 0);
        let mut unused = unused
            .filter(|row| self.ran.contains(&row.suite))
            .peekable();
        let is_good = unused.peek().is_none();
        for Row { suite, id, .. } in unused {
            println!("NO LONGER DIFFERENT {suite}\t{id}: strike it out of differences.tsv");
        }
        is_good
    }
}
