//! Under which policy something is checked: the flags that every command shares which trusts a log
//! by one, and what its refusals mean for the exit code.

use std::path::{Path, PathBuf};

use clap::Args;
use ishibumi::fetch::HeadError;
use ishibumi::verify::{Indication, SubIndication};
use ishibumi::{Evidence, RevocationRule, Verifier};
use ishibumi_artifact::Anchors;
use ishibumi_tlog::policy::{
    AlgorithmRequirement, FILE_LEN_MAX, PolicyError, PolicyProblem, TrustError,
};
use ishibumi_tlog::{Policy, foreign};

use super::{Exit, Failure, files, mistaken};

/// The policy, and how it is read.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// The policy: trusted logs, witnesses and their quorum (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// Accept a policy with `quorum none`, which trusts the log alone and proves no time
    #[arg(long)]
    pub(crate) allow_no_quorum: bool,
    /// The quorum has to be met by ML-DSA-44 cosignatures alone
    #[arg(long)]
    pub(crate) post_quantum: bool,
}

impl Trust {
    /// Reads the policy.
    pub(crate) fn read(&self) -> Result<Policy, Failure> {
        read(&self.policy, self.allow_no_quorum, self.post_quantum)
    }
}

/// Reads a policy.
pub(crate) fn read(
    path: &Path,
    allow_no_quorum: bool,
    post_quantum: bool,
) -> Result<Policy, Failure> {
    let octets = octets(path)?;
    let policy = if allow_no_quorum {
        Policy::parse_allowing_no_quorum(&octets)
    } else {
        Policy::parse(&octets)
    };
    let policy = policy.map_err(|error| unusable(path, &octets, &error))?;
    let policy = policy.demanding(demand(post_quantum));
    if policy.can_be_met(policy.demand()) {
        return Ok(policy);
    }
    let message = format!(
        "{}: the quorum can never be met by ML-DSA-44 cosignatures alone",
        path.display()
    );
    Err(Failure::usage(message)
        .advice("add ML-DSA-44 witnesses to the policy's quorum, or leave --post-quantum out")
        .in_japanese(format!(
            "{}：ML-DSA-44 の連署だけでは定足数を満たせません。ML-DSA-44 の証人を加えるか、--post-quantum を外してください。",
            path.display()
        )))
}

/// The octets of a policy's file.
pub(crate) fn octets(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, FILE_LEN_MAX).map_err(|failure| {
        if !path.is_dir() {
            return failure;
        }
        let (english, japanese) = mistaken::SWAPPED_POLICY;
        let name = path.display();
        Failure::unavailable(format!(
            "{name}: this is a folder, and a policy is one file"
        ))
        .advice(english)
        .in_japanese(format!(
            "{name}：フォルダです。ポリシーは1つのファイルです。{japanese}。"
        ))
    })
}

/// The error for a policy that cannot be used.
fn unusable(path: &Path, octets: &[u8], error: &PolicyError) -> Failure {
    let name = path.display();
    let said = foreign::named(Err::<(), _>(error.clone()), octets);
    let said = said.err().map(|it| it.to_string()).unwrap_or_default();
    let failure = Failure::usage(format!("{name}: {said}"));
    if let Some((english, japanese)) = mistaken::no_policy(octets) {
        return Failure::usage(format!("{name}: {error}"))
            .advice(english)
            .in_japanese(format!("{name}：ポリシーとして読み取れません。{japanese}"));
    }
    if error.problem == PolicyProblem::QuorumNone {
        return failure
            .advice("--allow-no-quorum accepts such a policy: the log alone is then trusted")
            .in_japanese(format!(
                "{name}：証人の定足数を求めないポリシーです。ログのみを信頼する場合は --allow-no-quorum を付けてください。"
            ));
    }
    failure
        .advice("ishibumi policy check FILE explains a policy line by line")
        .in_japanese(format!(
            "{name}：ポリシーとして読み取れません。`ishibumi policy check {name}` で行ごとに確認できます。"
        ))
}

/// The demand that `--post-quantum` states.
pub(crate) const fn demand(post_quantum: bool) -> AlgorithmRequirement {
    if post_quantum {
        AlgorithmRequirement::PostQuantum
    } else {
        AlgorithmRequirement::AnyAlgorithm
    }
}

/// How a command ends that met a checkpoint or proof which `error` keeps from being trusted.
pub(crate) fn failure(error: &TrustError, shown: impl std::fmt::Display) -> Failure {
    match SubIndication::from(error).indication() {
        Indication::Indeterminate => Failure::new(Exit::Indeterminate, shown).advice(
            "does the policy name this log and its witnesses? ishibumi policy explain says who is missing",
        ),
        _ => Failure::new(Exit::Disproven, shown),
    }
}

/// The error for a checkpoint that was fetched. Octets that are no note did not come from a log.
pub(crate) fn head_failure(error: &HeadError, shown: impl std::fmt::Display) -> Failure {
    match error {
        HeadError::Trust(untrusted) => failure(untrusted, shown),
        _ => Failure::unavailable(shown),
    }
}

/// Policy and anchors to verify what a log answers.
pub(crate) struct Terms {
    policy: Policy,
    anchors: Anchors,
}

impl Terms {
    pub(crate) fn read(
        policy: &Path,
        post_quantum: bool,
        anchors: Anchors,
    ) -> Result<Self, Failure> {
        let policy = read(policy, false, post_quantum)?;
        Ok(Self { policy, anchors })
    }

    /// The policy.
    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The anchors.
    pub(crate) const fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Whether `proof` proves `artifact`; revocation is not asked about.
    pub(crate) fn verify(&self, artifact: &[u8], proof: &[u8]) -> Result<(), Failure> {
        // The lists that tell about it are written later than it was.
        let verifier = Verifier::builder(&self.policy, &self.anchors)
            .revocation(RevocationRule::NotAsked)
            .build();
        let report = verifier.verify(Evidence::new(artifact, proof));
        let report = report.map_err(Failure::usage)?;
        let said = || {
            report
                .deciding()
                .map(|check| check.detail.clone())
                .unwrap_or_default()
        };
        match report.indication() {
            Indication::TotalPassed => Ok(()),
            Indication::TotalFailed => Err(Failure::new(
                Exit::Disproven,
                format!("the log's answer does not prove this artifact: {}", said()),
            )),
            Indication::Indeterminate => Err(Failure::new(
                Exit::Indeterminate,
                format!("the log's answer does not suffice: {}", said()),
            )),
        }
    }
}
