//! Whether a policy has two quorums without a common witness.
//!
//! Then a log can show one tree to the one quorum and another tree to the other: the holder of a
//! proof under the one never learns of the other. With a majority of honest witnesses, any two
//! quorums share one.
//!
//! The groups of a policy are a tree, since each member is in one group at most. So if the sets
//! chosen for the members of a group have no witness in common, their unions have none either. A
//! group can therefore be met twice exactly if enough of its members can: a member that can be met
//! twice counts for both sets, and each set needs its own of the others.

use super::{Member, Policy};

/// How a member can be met, by indices of witnesses.
struct Ways {
    once: Vec<usize>,
    twice: Option<[Vec<usize>; 2]>,
}

/// Two sets of witnesses that are each a quorum of `quorum` and have no witness in common, as
/// ascending indices; `None` if there are no such sets. The witnesses for which `is_one` holds
/// belong to one operator and count as one witness.
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

/// How the member can be met with all witnesses below it.
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
