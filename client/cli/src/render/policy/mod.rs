//! Explains what a policy demands, where it asks for less than it seems to, and how a checkpoint is
//! judged under it: for a person ([`Explanation::text`], English or Japanese) or a program
//! ([`Explanation::json`]).
//!
//! Nothing is decided here. The findings are those of [`Policy::standing`] and of [`lint`];
//! [`Policy::check_checkpoint`] decides whether a checkpoint is trusted, and the explanation
//! carries its answer, so that the two can be seen to agree.

mod json;
mod words;

use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::{Lint, Member, Quorum, Standing, TrustError, lint};
use ishibumi_tlog::shown::add_line;
use ishibumi_tlog::{Policy, TrustedCheckpoint};

use super::Language;

/// A policy, explained; and a checkpoint under it, if one is given.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    policy: &'a Policy,
    lints: Vec<Lint>,
    checkpoint: Option<Judged>,
}

/// A checkpoint: what its signatures add up to, and the decision.
#[derive(Clone, Debug)]
struct Judged {
    standing: Standing,
    decision: Result<TrustedCheckpoint, TrustError>,
}

impl<'a> Explanation<'a> {
    /// Explains `policy` with the demand that it carries ([`Policy::demanding`]).
    pub fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            lints: lint(policy),
            checkpoint: None,
        }
    }

    /// Explains also where the checkpoint in `note` stands.
    ///
    /// # Errors
    /// Where there is nothing to be explained: see [`Policy::standing`].
    pub fn with_checkpoint(self, note: &Note) -> Result<Self, TrustError> {
        let standing = self.policy.standing(note, self.policy.demand())?;
        let decision = self.policy.check_checkpoint(note);
        let checkpoint = Some(Judged { standing, decision });
        Ok(Self { checkpoint, ..self })
    }

    /// Whether the policy can be met at all, and the checkpoint, if one was given, is trusted.
    pub fn holds(&self) -> bool {
        let trusted = self.decision().is_none_or(Result::is_ok);
        trusted && self.policy.can_be_met(self.policy.demand())
    }

    /// The decision on the checkpoint, if one was given.
    pub fn decision(&self) -> Option<&Result<TrustedCheckpoint, TrustError>> {
        self.checkpoint.as_ref().map(|judged| &judged.decision)
    }

    /// One sentence for each line of the policy.
    pub fn lines(&self, language: Language) -> Vec<String> {
        words::lines(self.policy, language)
    }

    /// One sentence for each weakness that the lint suspects.
    pub fn warnings(&self, language: Language) -> Vec<String> {
        let lints = self.lints.iter();
        lints
            .map(|lint| words::warning(self.policy, lint, language))
            .collect()
    }

    /// All of it as lines of text, with a final newline.
    pub fn text(&self, language: Language) -> String {
        let mut out = String::new();
        for line in self.lines(language) {
            add_line(&mut out, line);
        }
        out.push('\n');
        add_line(&mut out, words::demand(self.policy, language));
        self.walk(&mut |depth, member| {
            let said = match &self.checkpoint {
                None => words::member(self.policy, member, language),
                Some(judged) => words::standing(self.policy, &judged.standing, member, language),
            };
            add_line(&mut out, format_args!("{:1$}{said}", "", 2 + 2 * depth));
        });
        if let Some(judged) = &self.checkpoint {
            let Judged { standing, decision } = judged;
            out.push('\n');
            for line in words::checkpoint(self.policy, standing, decision, language) {
                add_line(&mut out, line);
            }
        }
        for warning in self.warnings(language) {
            out.push('\n');
            add_line(
                &mut out,
                format_args!("{}: {warning}", language.pick("warning", "警告")),
            );
        }
        out
    }

    /// Visits the quorum and everything below it, each group before its members.
    pub(super) fn walk(&self, visit: &mut impl FnMut(usize, Member)) {
        let Quorum::Of(top) = self.policy.quorum() else {
            return;
        };
        let mut left = vec![(0, top)];
        while let Some((depth, member)) = left.pop() {
            visit(depth, member);
            if let Member::Group(place) = member
                && let Some(group) = self.policy.groups().get(place)
            {
                let members = group.members.iter().rev();
                left.extend(members.map(|&member| (depth + 1, member)));
            }
        }
    }
}
