//! Whether two quorums of a policy can have no witness in common.
//!
//! Then a log can show one tree to the one and another to the other, and each is a quorum: who holds a proof
//! under the one never learns of the other. With a majority of honest witnesses, two quorums share one.
//!
//! The groups of a policy are a tree, each member being in one group at most. So sets for the members of a
//! group that have no witness in common have none in the group either, and a group can be met twice exactly
//! if enough of its members can: one that can be met twice counts for both, of the others each needs its own.

use super::{Member, Policy};

/// How a member can be met, by places of witnesses.
struct Ways {
    once: Vec<usize>,
    twice: Option<[Vec<usize>; 2]>,
}

/// Two sets of witnesses that are each a quorum of `quorum` and have none in common, by their places, ascending;
/// none if any two have. Witnesses for which `is_one` holds are one operator's: one witness, whatever it has.
pub(super) fn two_quorums(
    policy: &Policy,
    quorum: Member,
    is_one: &dyn Fn(&[usize]) -> bool,
) -> Option<[Vec<usize>; 2]> {
    let (_, ways) = ways(policy, quorum, is_one);
    let mut sets = ways.twice?;
    for set in &mut sets {
        set.sort_unstable();
    }
    Some(sets)
}

/// With all witnesses below the member.
fn ways(policy: &Policy, member: Member, is_one: &dyn Fn(&[usize]) -> bool) -> (Vec<usize>, Ways) {
    let (group, place) = match member {
        Member::Witness(place) => (None, vec![place]),
        Member::Group(place) => (policy.groups.get(place), Vec::new()),
    };
    let Some(group) = group else {
        let once = place.clone();
        return (place, Ways { once, twice: None });
    };
    let (mut all, mut singles, mut doubles) = (Vec::new(), Vec::new(), Vec::new());
    for &member in &group.members {
        let (below, ways) = ways(policy, member, is_one);
        all.extend(below);
        match ways.twice {
            Some(sets) => doubles.push(sets),
            None => singles.push(ways.once),
        }
    }
    let by_doubles = doubles.len().min(group.threshold);
    let by_singles = group.threshold - by_doubles;
    let met = |side: usize| -> Vec<usize> {
        let doubles = doubles.iter().take(by_doubles);
        let doubles = doubles.filter_map(|sets| sets.get(side)).flatten();
        let singles = singles.iter().skip(side * by_singles).take(by_singles);
        doubles.chain(singles.flatten()).copied().collect()
    };
    let once = met(0);
    let twice = (singles.len() >= 2 * by_singles && !is_one(&all)).then(|| [met(0), met(1)]);
    (all, Ways { once, twice })
}
