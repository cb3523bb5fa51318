//! Circles in a graph of files: its strongly connected components of more than one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::source::Arrows;

/// Every circle, its files in order.
pub(crate) fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
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

/// The arrows of a circle, for who has to cut it.
pub(crate) fn shown(circle: &[String], arrows: &Arrows) -> String {
    let mut text = String::new();
    for from in circle {
        for (to, paths) in arrows.get(from).into_iter().flatten() {
            if circle.contains(to) {
                let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                let _ = writeln!(text, "{from} -> {to}: {}", paths.join(", "));
            }
        }
    }
    text
}

/// The files that can be reached from a file, by at least one arrow.
fn reach<'a>(arrows: &'a Arrows, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for to in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}
