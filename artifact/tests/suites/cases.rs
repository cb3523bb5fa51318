//! Paths on which this crate was wrong once: a folder for each, with `input.json` and
//! `expected.txt`. Its first word is ACCEPT or REFUSE, or it says what a list must not be taken
//! for.

use std::path::Path;

use serde::Deserialize;

use crate::paths::Question;
use crate::report::{Answer, Suite};

#[derive(Deserialize)]
struct Case {
    anchors: Vec<String>,
    known: Vec<String>,
    end: String,
    at: i64,
    #[serde(default)]
    crls: Vec<String>,
}

pub(crate) fn run(folder: &Path) -> Suite {
    let mut suite = Suite::default();
    let cases = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<_> = cases.map(|case| case.unwrap().path()).collect();
    cases.sort();
    for place in cases.iter().filter(|it| it.join("input.json").exists()) {
        let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
        let case: Case = serde_json::from_str(&read("input.json")).unwrap();
        let octets = |all: Vec<String>| all.into_iter().map(String::into_bytes).collect();
        let question = Question {
            end: case.end.into_bytes(),
            others: octets(case.known),
            anchors: octets(case.anchors),
            lists: octets(case.crls),
            at: case.at,
            ..Question::default()
        };
        let expected = read("expected.txt");
        let (name, ours) = (place.file_name().unwrap(), question.ask());
        let theirs = Answer::of(expected.starts_with("ACCEPT"));
        suite.case(name.to_string_lossy(), theirs, ours);
    }
    suite
}
