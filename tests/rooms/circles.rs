//! Circles in a graph of files: its strongly connected components of more than one.

use std::collections::{BTreeMap, BTreeSet};

/// Every circle, its files in order.
pub(crate) fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|from| (from, reach(arrows, from)))
        .collect();
    let mut found = BTreeSet::new();
    for (from, all) in &reached {
        let back = |to: &&&String| reached.get(**to).is_some_and(|all| all.contains(from));
        let circle: Vec<String> = all.iter().filter(back).map(|to| (*to).clone()).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// What can be reached from a file, by at least one arrow.
fn reach<'a>(
    arrows: &'a BTreeMap<String, BTreeSet<String>>,
    from: &'a String,
) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for to in arrows.get(file).into_iter().flatten() {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}
