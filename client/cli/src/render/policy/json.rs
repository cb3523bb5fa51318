//! The explanation for programs. `docs/verdicts.md` lists the members; members may be added.

use ishibumi_tlog::policy::{AlgorithmRequirement, Lint, Member, Quorum, Standing};
use serde_json::{Value, json};

use super::super::{Language, rfc3339, shown};
use super::words::{self, name};
use super::{Explanation, Judged};

impl Explanation<'_> {
    /// All of it as a JSON object (docs/verdicts.md, "Policies").
    pub fn json(&self) -> Value {
        let explanation = self;
        let policy = explanation.policy;
        let demand = policy.demand();
        let witnesses = policy.witnesses().iter();
        json!({
            "usable": true,
            "logs": policy.logs().len(),
            "witnesses": policy.witnesses().len(),
            "witnesses_that_count": policy.counted(demand),
            "witness_keys": witnesses
                .map(|witness| json!({
                    "witness": shown(&witness.name),
                    "key": witness.key.name(),
                    "algorithm": witness.key.kind().algorithm(),
                    "counts": demand.counts(&witness.key),
                }))
                .collect::<Vec<_>>(),
            "quorum": policy.quorum() != Quorum::None,
            "post_quantum": demand == AlgorithmRequirement::PostQuantum,
            "can_be_met": policy.can_be_met(demand),
            "demands": explanation.lines(Language::English),
            "warnings": explanation.lints.iter().map(|lint| warning(explanation, lint)).collect::<Vec<_>>(),
            "checkpoint": explanation.checkpoint.as_ref().map(|judged| checkpoint(explanation, judged)),
            "text": {
                "en": explanation.text(Language::English),
                "ja": explanation.text(Language::Japanese),
            },
        })
    }
}

fn warning(explanation: &Explanation<'_>, lint: &Lint) -> Value {
    let kind = match lint {
        Lint::CountsTwice { .. } => "counts-twice",
        Lint::LogWitnessesItself { .. } => "log-witnesses-itself",
        Lint::NeverCounts { .. } => "never-counts",
        Lint::TwoQuorums { .. } => "two-quorums",
        _ => "other",
    };
    let said = |language| words::warning(explanation.policy, lint, language);
    json!({ "kind": kind, "en": said(Language::English), "ja": said(Language::Japanese) })
}

fn checkpoint(explanation: &Explanation<'_>, judged: &Judged) -> Value {
    let Judged { standing, decision } = judged;
    let head = &standing.checkpoint;
    let mut members = Vec::new();
    explanation.walk(&mut |depth, member| {
        members.push(member_json(explanation, standing, depth, member));
    });
    json!({
        "log": head.origin,
        "tree_size": head.size,
        "root": head.root.to_hex(),
        "signed_by_log": !standing.logs.is_empty(),
        "trusted": decision.is_ok(),
        "reason": decision.as_ref().err().map(ToString::to_string),
        "not_after": standing.quorum.map(rfc3339),
        "members": members,
    })
}

fn member_json(
    explanation: &Explanation<'_>,
    standing: &Standing,
    depth: usize,
    member: Member,
) -> Value {
    let policy = explanation.policy;
    match member {
        Member::Witness(place) => {
            let seen = standing.cosignatures.iter().find(|c| c.witness == place);
            json!({
                "witness": name(policy, member),
                "depth": depth,
                "satisfied": seen.is_some(),
                "time": seen.map(|cosignature| rfc3339(cosignature.time)),
                "passed_over": standing.passed_over.contains(&place),
            })
        }
        Member::Group(place) => {
            let (group, known) = (standing.groups.get(place), policy.groups().get(place));
            let since = group.and_then(|group| group.since);
            json!({
                "group": name(policy, member),
                "depth": depth,
                "satisfied": since.is_some(),
                "witnessed": group.map(|group| group.witnessed),
                "threshold": known.map(|group| group.threshold),
                "members": known.map(|group| group.members.len()),
                "since": since.map(rfc3339),
            })
        }
    }
}
