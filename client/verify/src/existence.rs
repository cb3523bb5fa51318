//! The time before which the record existed: by the witnesses, and by time-stamp tokens over
//! checkpoints.
//!
//! A token whose imprint is that of a checkpoint's text proves that the tree existed at its
//! genTime, and with it every record of the tree (EN 319 102-1 5.6.2.3, indirect proof of
//! existence): the text is what the log signed, and holds the root
//! (`docs/formats/checkpoint-token.md`). Such a token is verified by the same code, against the
//! same anchors, as a token that is logged.
//!
//! The two kinds of proof come from different parties, so they are never mixed: each stands in the
//! report by itself, and a decision that needs a time rests on one of them, the earlier, by name. A
//! unit does not vouch for its own tokens: a thief of its key could stamp an early checkpoint too.
//! No token counts where a post-quantum quorum is demanded: every signature algorithm of tokens
//! that is read here falls with a quantum computer.

use ishibumi_artifact::record::Accuracy;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Admitted, Certificate, TimestampToken, Verified, VerifiedToken};
use ishibumi_tlog::ProvenLeaf;
use ishibumi_tlog::policy::AlgorithmRequirement;

use super::given::GivenProof;
use super::parts::{ConsultedToken, Existence, Noted, Outcome, ProvenBy, StampedCheckpoint, Step};
use super::revocation::{RevocationCheck, Subject};
use super::rules::{CLOCK_TOLERANCE_SECONDS, own_time, time_of};
use super::sources::Sources;
use super::{Verifier, facts};

/// A time-stamp token over a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointToken<'a> {
    name: &'a str,
    token: &'a [u8],
    proof: Option<GivenProof<'a>>,
}

impl<'a> CheckpointToken<'a> {
    /// A token or reply, DER, BER or PEM. `name` is what the caller calls it, such as a path; it is
    /// in the report.
    pub const fn new(name: &'a str, token: &'a [u8]) -> Self {
        Self {
            name,
            token,
            proof: None,
        }
    }

    /// Adds a proof of the artifact's record under the checkpoint that the token stamps, unless
    /// that is the checkpoint of the evidence itself.
    #[must_use]
    pub fn proof(mut self, proof: Option<impl Into<GivenProof<'a>>>) -> Self {
        self.proof = proof.map(Into::into);
        self
    }
}

/// Verifies the tokens, and finds the earliest proven time.
pub(super) fn check(
    verifier: &Verifier<'_>,
    report: &mut Noted,
    leaf: &ProvenLeaf,
    admitted: &Admitted,
    tokens: &[CheckpointToken<'_>],
    sources: &Sources,
) -> Option<Existence> {
    let witnessed = leaf.head().not_after().map(|not_after| Existence {
        not_after: time_of(not_after),
        by: ProvenBy::Witnesses,
    });
    let mut earliest = witnessed;
    for (place, token) in tokens.iter().enumerate() {
        let stamped = weigh(verifier, leaf, admitted, token, sources);
        if let Ok(stamped) = &stamped
            && earliest.is_none_or(|known| stamped.not_after < known.not_after)
        {
            earliest = Some(Existence {
                not_after: stamped.not_after,
                by: ProvenBy::CheckpointToken(place),
            });
        }
        report.checkpoint_tokens.push(ConsultedToken {
            name: token.name.to_owned(),
            stamped,
        });
    }
    let refused = report
        .checkpoint_tokens
        .iter()
        .find_map(|token| Some((&token.name, token.stamped.as_ref().err()?)));
    match refused {
        _ if tokens.is_empty() => {}
        Some((name, why)) => {
            let detail = format!("{name} was not used: {why}");
            report.note(Step::CheckpointTokens, Outcome::NotChecked, detail);
        }
        None => report.note(Step::CheckpointTokens, Outcome::Passed, ""),
    }
    earliest
}

fn weigh(
    verifier: &Verifier<'_>,
    leaf: &ProvenLeaf,
    admitted: &Admitted,
    given: &CheckpointToken<'_>,
    sources: &Sources,
) -> Result<StampedCheckpoint, String> {
    if verifier.policy.demand() == AlgorithmRequirement::PostQuantum {
        return Err("its signature is not post-quantum, which was demanded".to_owned());
    }
    if given.token.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let other = given
        .proof
        .map(|proof| {
            let proof = proof.read();
            let proof = proof.map_err(|error| format!("the proof beside it: {error}"))?;
            let leaf = verifier.prove_record(&proof, &admitted.record().encode());
            leaf.map_err(|error| format!("the proof beside it: {error}"))
        })
        .transpose()?;
    let head = other.as_ref().unwrap_or(leaf).head();
    if let Some((what, claimed)) = own_time(admitted.verified())
        && let Some(seen) = head.not_after().map(time_of)
        && claimed > seen.plus_micros(i128::from(CLOCK_TOLERANCE_SECONDS) * 1_000_000)
    {
        return Err(format!(
            "{what} of the artifact is {claimed}, and the quorum cosigned the checkpoint beside it at {seen}: \
             one of the clocks is wrong"
        ));
    }
    let token = TimestampToken::parse(given.token).and_then(|token| token.verify(verifier.anchors));
    let token = token.map_err(|error| format!("{error} ({})", error.code()))?;
    let checked = verifier.anchors.check_algorithms(token.primitives(), None);
    checked.map_err(|ended| format!("{ended}, and nothing proves that the token is older"))?;
    let size = head.checkpoint().size;
    if !token.matches(head.note().text().as_bytes()) {
        return Err(format!(
            "it does not stamp the text of the checkpoint of size {size}; if it stamps another one, \
             put a proof under that checkpoint beside it"
        ));
    }
    if let Verified::Token(artifact) = admitted.verified()
        && is_same_unit(artifact.signer(), token.signer())
    {
        return Err("it is by the very unit whose token is to be proven".to_owned());
    }
    let revocation = RevocationCheck {
        path: token.path(),
        subject: Subject::Token(token.accuracy()),
        about: token.gen_time().time(),
        existence: None,
        rule: verifier.revocation,
    };
    if let Some(objection) = revocation.answer(sources).objection() {
        return Err(format!("its own unit: {objection}"));
    }
    Ok(StampedCheckpoint {
        size,
        gen_time: token.gen_time().time(),
        accuracy: token.accuracy(),
        not_after: latest(&token),
        serial: token.serial().to_vec(),
        tsu: Box::new(facts::of_certificate(token.signer())),
    })
}

/// Whether two certificates are of one unit: one key is one unit, under however many certificates.
fn is_same_unit(one: &Certificate, other: &Certificate) -> bool {
    one.key_hash() == other.key_hash()
}

/// The latest time at which the token was made: genTime plus its accuracy, where it states one.
fn latest(token: &VerifiedToken) -> Time {
    let micros = token.accuracy().map_or(0, Accuracy::total_micros);
    token.gen_time().time().plus_micros(i128::from(micros))
}
