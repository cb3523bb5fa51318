//! Which crate may use which, and that no files of a crate run in a circle: read out of the
//! imports.
//!
//! ARCHITECTURE.md draws what is here a table. An arrow that is not in it, a circle of files within
//! a crate, and a page that a crate carries and that is not the one in `docs/`, fail.

mod circles;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use circles::{circles, shown};
use source::needs;

/// Package, folder, and the packages of this workspace that it may use: only such as stand above it
/// here.
const ROOMS: [(&str, &str, &[&str]); 15] = [
    ("ishibumi-tlog", "tlog", &[]),
    ("ishibumi-wire", "wire", &[]),
    ("ishibumi-artifact", "artifact", &["ishibumi-tlog"]),
    ("ishibumi-store", "store", &["ishibumi-tlog"]),
    (
        "ishibumi-archive",
        "archive",
        &["ishibumi-artifact", "ishibumi-tlog"],
    ),
    (
        "ishibumi-verify",
        "client/verify",
        &["ishibumi-artifact", "ishibumi-tlog"],
    ),
    (
        "ishibumi-evidence",
        "client/evidence",
        &[
            "ishibumi-archive",
            "ishibumi-artifact",
            "ishibumi-tlog",
            "ishibumi-verify",
        ],
    ),
    (
        "ishibumi-audit",
        "client/audit",
        &["ishibumi-artifact", "ishibumi-evidence", "ishibumi-tlog"],
    ),
    (
        "ishibumi-fetch",
        "client/fetch",
        &[
            "ishibumi-archive",
            "ishibumi-artifact",
            "ishibumi-audit",
            "ishibumi-evidence",
            "ishibumi-tlog",
            "ishibumi-verify",
            "ishibumi-wire",
        ],
    ),
    (
        "ishibumi",
        "client/facade",
        &[
            "ishibumi-artifact",
            "ishibumi-audit",
            "ishibumi-evidence",
            "ishibumi-fetch",
            "ishibumi-tlog",
            "ishibumi-verify",
        ],
    ),
    (
        "ishibumi-cli",
        "client/cli",
        &[
            "ishibumi",
            "ishibumi-archive",
            "ishibumi-artifact",
            "ishibumi-tlog",
            "ishibumi-wire",
        ],
    ),
    (
        "ishibumi-log",
        "log-server",
        &[
            "ishibumi-archive",
            "ishibumi-artifact",
            "ishibumi-store",
            "ishibumi-tlog",
            "ishibumi-wire",
        ],
    ),
    (
        "ishibumi-witness",
        "witness",
        &[
            "ishibumi-archive",
            "ishibumi-artifact",
            "ishibumi-store",
            "ishibumi-tlog",
            "ishibumi-wire",
        ],
    ),
    (
        "ishibumi-benches",
        "benches",
        &[
            "ishibumi-artifact",
            "ishibumi-log",
            "ishibumi-store",
            "ishibumi-tlog",
        ],
    ),
    (
        "ishibumi-tests",
        "tests",
        &["ishibumi-artifact", "ishibumi-tlog"],
    ),
];

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(house().join(path)).ok()
}

/// The root files of a crate's library and programs.
fn roots(folder: &str) -> Vec<String> {
    let mut roots = Vec::new();
    for name in ["lib.rs", "main.rs"] {
        roots.push(format!("{folder}/src/{name}"));
    }
    if let Ok(programs) = std::fs::read_dir(house().join(folder).join("src/bin")) {
        for program in programs {
            let name = program.unwrap().file_name().into_string().unwrap();
            roots.push(format!("{folder}/src/bin/{name}"));
        }
    }
    roots.retain(|root| Path::new(root).extension().is_some_and(|it| it == "rs"));
    roots.retain(|root| house().join(root).exists());
    assert!(!roots.is_empty(), "{folder}");
    roots
}

#[test]
fn the_table_and_the_manifests_are_one() {
    let workspace: toml::Table = read("Cargo.toml").unwrap().parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(
        members,
        ROOMS.iter().map(|(_, folder, _)| *folder).collect()
    );
    for (at, (package, folder, uses)) in ROOMS.iter().enumerate() {
        let manifest: toml::Table = read(&format!("{folder}/Cargo.toml"))
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(*package));
        let depends = manifest["dependencies"].as_table().unwrap().keys();
        let depends = depends.filter(|name| name.starts_with("ishibumi"));
        let depends: BTreeSet<&str> = depends.map(String::as_str).collect();
        assert_eq!(depends, uses.iter().copied().collect(), "{package}");
        for used in *uses {
            let above = ROOMS[..at].iter().any(|(known, _, _)| known == used);
            assert!(above, "{package} uses {used}, which stands below it");
        }
    }
}

#[test]
fn no_import_leads_upwards() {
    for (package, folder, uses) in ROOMS {
        let named = |name: &str| name.replace('-', "_");
        let known: BTreeSet<String> = uses.iter().map(|name| named(name)).collect();
        for root in roots(folder) {
            let mut crates = needs(&root, &read).crates;
            crates.retain(|name| ROOMS.iter().any(|(known, _, _)| named(known) == *name));
            // The names that a package's programs take from its library.
            crates.remove(&named(package));
            let upwards: Vec<_> = crates.difference(&known).collect();
            assert!(upwards.is_empty(), "{root} uses {upwards:?}");
        }
    }
}

#[test]
fn no_files_run_in_a_circle() {
    let mut found = Vec::new();
    for (_, folder, _) in ROOMS {
        for root in roots(folder) {
            let arrows = needs(&root, &read).files;
            found.extend(circles(&arrows).iter().map(|circle| shown(circle, &arrows)));
        }
    }
    assert!(found.is_empty(), "circles of files:\n{}", found.join("\n"));
}

/// The controls: a circle is found, whichever way it is written, and imports without a circle pass.
#[test]
fn the_reader_finds_what_is_there() {
    let parent = "mod a;\nmod b;\npub use a::A;\npub use b::B;\n";
    let back = |how: &str| format!("{how}\npub struct B;\n");
    let forth = "use super::B;\npub struct A(B);\n";
    for how in [
        "use super::A;\nfn f(a: A) {}",
        "use crate::a::A;\nfn f(a: A) {}",
        "use super::{B as _, A as Other};",
        "use super::*;\nfn f(a: A) {}",
        "fn f(a: super::A) {}",
        "fn f() { use super::A; }",
        "fn f() -> bool { matches!(1, crate::A) }",
        "use super::a;\nfn f(a: a::A) {}",
        "mod inner { pub(super) use crate::A; }\nfn f(a: inner::A) {}",
    ] {
        let files = BTreeMap::from([
            ("src/lib.rs", parent.to_owned()),
            ("src/a.rs", forth.to_owned()),
            ("src/b.rs", back(how)),
        ]);
        let found = circles(&needs("src/lib.rs", &|path| files.get(path).cloned()).files);
        assert_eq!(found, [["src/a.rs", "src/b.rs"]], "{how}");
    }
    for how in [
        "",
        "#[cfg(test)]\nuse super::A;",
        "#[cfg(test)]\nmod tests { use crate::A; }",
    ] {
        let files = BTreeMap::from([
            ("src/lib.rs", parent.to_owned()),
            ("src/a/mod.rs", forth.to_owned()),
            ("src/b.rs", back(how)),
        ]);
        let needs = needs("src/lib.rs", &|path| files.get(path).cloned());
        assert_eq!(
            circles(&needs.files),
            <[Vec<String>; 0]>::default(),
            "{how}"
        );
        let of = |file: &str| {
            needs.files[file]
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (of("src/a/mod.rs"), of("src/lib.rs")),
            (vec!["src/b.rs"], vec![])
        );
    }
    // A parent that does more than to pass on.
    let files = BTreeMap::from([
        (
            "src/lib.rs",
            "mod a;\npub use a::A;\npub fn f(a: A) {}\n".to_owned(),
        ),
        (
            "src/a.rs",
            "use ishibumi_tlog::Hash;\npub struct A;\nfn g() { super::f(A) }\n".to_owned(),
        ),
    ]);
    let needs = needs("src/lib.rs", &|path| files.get(path).cloned());
    assert_eq!(circles(&needs.files), [["src/a.rs", "src/lib.rs"]]);
    assert!(needs.crates.contains("ishibumi_tlog"));
}

/// Every file below a folder whose name ends so.
fn below(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, end, found);
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
}

/// Files that a source includes from its own folder, except in tests: those use files that no
/// package has.
fn included(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for (place, name) in code.match_indices("include_") {
        let behind = &code[place + name.len()..];
        if let Some((call, rest)) = behind.split_once('(')
            && ["str!", "bytes!"].contains(&call)
        {
            found.push(rest.split('"').nth(1).unwrap());
        }
    }
    found
}

#[test]
fn no_package_includes_what_it_does_not_have() {
    let mut count = 0;
    for (package, folder, _) in ROOMS {
        let room = house().join(folder).canonicalize().unwrap();
        let mut sources = Vec::new();
        below(&room.join("src"), ".rs", &mut sources);
        sources.retain(|path| !path.to_str().unwrap().contains("tests"));
        for source in sources {
            let text = std::fs::read_to_string(&source).unwrap();
            for file in included(&text) {
                let path = source.parent().unwrap().join(file).canonicalize();
                assert!(path.unwrap().starts_with(&room), "{package}: {file}");
                count += 1;
            }
        }
        if !["ishibumi-benches", "ishibumi-tests"].contains(&package) {
            for page in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
                assert!(room.join(page).exists(), "{folder}/{page}");
            }
        }
    }
    assert!(count > 10, "{count}");
    let control = "a(include_str!(\n    \"../x.md\"\n)); include_bytes!(\"y\")\n#[cfg(test)]\ninclude_str!(\"z\")";
    assert_eq!(included(control), ["../x.md", "y"]);
}

/// Every evidence file carries the pages of its formats; the crate has them in its own folder.
#[test]
fn the_pages_that_a_crate_carries_are_those_of_the_docs() {
    let folder = house().join("client/evidence/formats");
    let mut count = 0;
    for page in std::fs::read_dir(folder).unwrap() {
        let page = page.unwrap();
        let name = page.file_name().into_string().unwrap();
        let ours = std::fs::read(house().join("docs/formats").join(&name)).unwrap();
        assert!(
            ours == std::fs::read(page.path()).unwrap(),
            "cp docs/formats/{name} client/evidence/formats/"
        );
        count += 1;
    }
    assert_eq!(count, 6);
}
