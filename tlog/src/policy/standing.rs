//! How a checkpoint is judged under a policy: who signed it, which groups that satisfies, and since
//! when.
//!
//! The checks decide by this, and it is shown to people who ask why they decided so.

use super::{AlgorithmRequirement, Member, Policy, Quorum, TrustError};
use crate::checkpoint::Checkpoint;
use crate::key::VerifierKey;
use crate::note::Note;

/// A cosignature that verified, by a witness of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// Index of the witness in [`Policy::witnesses`].
    pub witness: usize,
    /// The witness's key name.
    pub name: String,
    /// When the witness says that it saw this tree, in seconds since the Epoch.
    pub time: u64,
}

/// What the verified signatures of a checkpoint add up to. It explains; only
/// [`Policy::check_checkpoint_with`] decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The checkpoint that they sign.
    pub checkpoint: Checkpoint,
    /// Indices in [`Policy::logs`] of the keys that signed under this origin, ascending.
    pub logs: Vec<usize>,
    /// The witnesses that cosigned and count, each with its earliest time, ordered by that time.
    pub cosignatures: Vec<Cosignature>,
    /// Indices in [`Policy::witnesses`] of keys whose valid cosignatures do not count, because they
    /// state no time or because the demand passes over their algorithm. Ascending.
    pub passed_over: Vec<usize>,
    /// How far each group is, in the order of [`Policy::groups`].
    pub groups: Vec<GroupStanding>,
    /// Since when the quorum is met: the smallest time T such that the cosignatures dated at or
    /// before T are a quorum, in seconds since the Epoch. `None` if it is not met, and under
    /// `quorum none`.
    pub quorum: Option<u64>,
    /// How fresh the quorum's view is: the largest time T such that the cosignatures dated at or
    /// after T are a quorum, in seconds since the Epoch. A single witness makes no tree look fresh.
    /// `None` as for `quorum`.
    pub fresh: Option<u64>,
    /// The newest time of all cosignatures that count.
    pub newest: Option<u64>,
    /// The note with its verified signatures only.
    pub(super) note: Note,
}

/// How far a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupStanding {
    /// Number of members that have witnessed.
    pub witnessed: usize,
    /// Since when the group counts as having witnessed, in seconds since the Epoch.
    pub since: Option<u64>,
}

impl Policy {
    /// Verifies every signature of `note` by a log of its origin or a witness of this policy, and
    /// says which groups they satisfy under `demand`.
    ///
    /// # Errors
    /// Only if there is nothing to evaluate: the note is no checkpoint, the policy does not name
    /// its origin, a signature by a known key does not verify, or no known key signed. A missing
    /// log signature or quorum is no error here.
    pub fn standing(
        &self,
        note: &Note,
        demand: AlgorithmRequirement,
    ) -> Result<Standing, TrustError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        checkpoint.check_empty_root()?;
        let of_origin = |place: &usize| {
            let log = self.logs.get(*place);
            log.is_some_and(|log| log.key.name() == checkpoint.origin)
        };
        let logs: Vec<usize> = (0..self.logs.len()).filter(of_origin).collect();
        if logs.is_empty() {
            return Err(TrustError::UnknownLog(checkpoint.origin));
        }
        let log_keys = logs.iter().filter_map(|&place| self.logs.get(place));
        let log_keys = log_keys.map(|log| log.key.clone());
        let witness_keys = self.witnesses.iter().map(|witness| witness.key.clone());
        let keys: Vec<VerifierKey> = log_keys.chain(witness_keys).collect();
        let verified = note.verify(&keys)?;

        let mut signed: Vec<usize> = Vec::new();
        let mut times: Vec<Option<u64>> = vec![None; self.witnesses.len()];
        let mut latest = times.clone();
        let mut passed_over: Vec<usize> = Vec::new();
        for v in &verified {
            let Some(place) = v.key.checked_sub(logs.len()) else {
                signed.extend(logs.get(v.key));
                continue;
            };
            // A witness that signed twice counts once, at its earliest time; a cosignature without
            // a time makes no statement about one and does not count.
            let witness = self.witnesses.get(place);
            let counts = witness.is_some_and(|witness| demand.counts(&witness.key));
            let known = times.get_mut(place).zip(latest.get_mut(place));
            match (v.time.filter(|_| counts), known) {
                (Some(time), Some((earliest, latest))) => {
                    *earliest = Some(earliest.map_or(time, |known| known.min(time)));
                    *latest = (*latest).max(Some(time));
                }
                _ => passed_over.push(place),
            }
        }
        let timed = |place: usize| times.get(place).copied().flatten();
        signed.sort_unstable();
        signed.dedup();
        passed_over.sort_unstable();
        passed_over.dedup();
        passed_over.retain(|&place| timed(place).is_none());

        let named = self.witnesses.iter().enumerate();
        let mut cosignatures: Vec<Cosignature> = named
            .filter_map(|(witness, known)| {
                let (time, name) = (timed(witness)?, known.key.name().to_owned());
                Some(Cosignature {
                    witness,
                    name,
                    time,
                })
            })
            .collect();
        cosignatures.sort_by_key(|c| (c.time, c.witness));
        let groups = self.group_standings(&timed);
        let quorum = match self.quorum {
            Quorum::None => None,
            Quorum::Of(member) => since(member, &timed, &groups),
        };
        let fresh = quorum.and_then(|_| self.fresh(&latest));
        Ok(Standing {
            checkpoint,
            logs: signed,
            cosignatures,
            passed_over,
            groups,
            quorum,
            fresh,
            newest: latest.into_iter().max().flatten(),
            note: note.retain(&verified),
        })
    }

    /// The largest time T such that the cosignatures of `latest` dated at or after T are a quorum.
    fn fresh(&self, latest: &[Option<u64>]) -> Option<u64> {
        let mut groups: Vec<Option<u64>> = Vec::with_capacity(self.groups.len());
        let of = |member: Member, groups: &[Option<u64>]| match member {
            Member::Witness(place) => latest.get(place).copied().flatten(),
            Member::Group(place) => groups.get(place).copied().flatten(),
        };
        for group in &self.groups {
            let members = group.members.iter();
            let mut times: Vec<u64> = members.filter_map(|&member| of(member, &groups)).collect();
            times.sort_unstable_by_key(|&time| core::cmp::Reverse(time));
            let needed = group.threshold.checked_sub(1);
            groups.push(needed.and_then(|last| times.get(last).copied()));
        }
        match self.quorum {
            Quorum::None => None,
            Quorum::Of(member) => of(member, &groups),
        }
    }

    /// Groups name only earlier groups, so one pass decides them all.
    fn group_standings(&self, timed: &impl Fn(usize) -> Option<u64>) -> Vec<GroupStanding> {
        let mut standings: Vec<GroupStanding> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let members = group.members.iter();
            let mut times: Vec<u64> = members
                .filter_map(|&member| since(member, timed, &standings))
                .collect();
            times.sort_unstable();
            // The member that brought the number up to the threshold was the last that was needed.
            let needed = group.threshold.checked_sub(1);
            standings.push(GroupStanding {
                witnessed: times.len(),
                since: needed.and_then(|last| times.get(last).copied()),
            });
        }
        standings
    }
}

/// Since when a member has witnessed.
fn since(
    member: Member,
    timed: &impl Fn(usize) -> Option<u64>,
    groups: &[GroupStanding],
) -> Option<u64> {
    match member {
        Member::Witness(place) => timed(place),
        Member::Group(place) => groups.get(place)?.since,
    }
}
