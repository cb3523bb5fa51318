//! Pages for operators that have to be complete: every refusal, word for word (`docs/recovery.md`),
//! every metric and every key of the configuration (`docs/configuration.md`), and for each limit a
//! test (`docs/limits.md`).

use std::path::Path;

/// Where refusals to start, to recover and to go on are worded: the error enums of these files.
const SOURCES: [&str; 8] = [
    "../store/src/error.rs",
    "src/core/head.rs",
    "src/core/publisher.rs",
    "src/core/sequencer.rs",
    "src/operate/loss.rs",
    "src/operate/recover/refusal.rs",
    "src/operate/setup.rs",
    "src/statements.rs",
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The octets between two quotes from the beginning of `text` on, as Rust reads them.
fn literal(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    assert_eq!(characters.next(), Some('"'));
    while let Some(character) = characters.next() {
        match character {
            '"' => return out,
            '\\' => match characters.next().unwrap() {
                '\n' => {
                    let rest = characters.as_str().trim_start();
                    characters = rest.chars();
                }
                'n' => out.push('\n'),
                escaped => out.push(escaped),
            },
            other => out.push(other),
        }
    }
    panic!("no end of {text}")
}

/// Every text of `#[error("...")]`.
fn texts(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, _) in source.match_indices("#[error(") {
        let rest = source[place + "#[error(".len()..].trim_start();
        if rest.starts_with('"') {
            found.push(literal(rest));
        }
    }
    found
}

/// One space for each run of white space, and `{name}` for whatever form a placeholder has.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').expect("a placeholder ends");
        out += before;
        out += "{";
        out += name.split(':').next().unwrap_or(name);
        out += "}";
        rest = behind;
    }
    out += rest;
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_refusal_stands_on_the_page_word_for_word() {
    let page = read("../docs/recovery.md");
    // Text in blocks is quoted; the rest of the page may have braces of its own.
    let blocks: Vec<String> = page.split("```").skip(1).step_by(2).map(plain).collect();
    let mut wanted = Vec::new();
    for source in SOURCES {
        let found = texts(&read(source));
        assert!(!found.is_empty(), "{source} has none");
        wanted.extend(found);
    }
    let publisher = read("src/core/publisher.rs");
    for word in ["\"CONTRADICTED", "\"ALARM"] {
        let place = publisher
            .find(word)
            .unwrap_or_else(|| panic!("{word} is not said"));
        wanted.push(literal(&publisher[place..]));
    }
    assert!(wanted.len() > 35, "{}", wanted.len());
    let missing: Vec<String> = wanted
        .iter()
        .map(|text| plain(text))
        .filter(|text| !blocks.iter().any(|block| block.ends_with(text.as_str())))
        .collect();
    assert!(
        missing.is_empty(),
        "not on the page:\n{}",
        missing.join("\n")
    );
    // And the page quotes nothing that the code does not print.
    let known: Vec<String> = wanted.iter().map(|text| plain(text)).collect();
    let quoted = blocks
        .iter()
        .filter_map(|block| block.strip_prefix("text "));
    let invented: Vec<&str> = quoted
        .filter(|block| known.iter().all(|text| text != block))
        .collect();
    assert!(invented.is_empty(), "nobody says:\n{}", invented.join("\n"));
}

/// A section that a text names is there.
#[test]
fn every_section_that_a_refusal_names_is_there() {
    let page = read("../docs/recovery.md");
    let headings: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    for source in SOURCES {
        for text in texts(&read(source)) {
            let Some((_, behind)) = text.split_once("docs/recovery.md, ") else {
                continue;
            };
            let name = behind.split([',', '.']).next().unwrap().trim();
            assert!(headings.contains(&name), "{name:?} of {text}");
        }
    }
}

/// No message advises what loses something or forks.
#[test]
fn no_text_advises_a_loss() {
    let harmful = [
        "remove it",
        "remove this",
        "delete",
        "create it with",
        "start again",
        "distrust",
    ];
    for source in SOURCES {
        for text in texts(&read(source)) {
            for words in harmful {
                assert!(!text.contains(words), "{words:?} in {text}");
            }
        }
    }
}

#[test]
fn every_metric_stands_on_a_page() {
    let pages = read("../docs/configuration.md") + &read("../docs/anchors.md");
    let names = ishibumi_log::metrics::Metrics::new().unwrap().names();
    assert!(names.len() > 25, "{names:?}");
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| {
            !["`", "{"]
                .iter()
                .any(|end| pages.contains(&format!("{name}{end}")))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every key that `--print-config` shows has its row.
#[test]
fn every_key_of_the_configuration_has_a_row() {
    let page = read("../docs/configuration.md");
    let text = "origin = \"log.example\"\ndata_dir = \"data\"\nhead_dir = \"heads\"\nkey_file = \"log.key\"\n\
                policy_file = \"policy.txt\"\n";
    let config = ishibumi_log::config::Config::parse(text, Path::new(".")).unwrap();
    let shown: toml::Table = config.to_toml().parse().unwrap();
    let mut keys = Vec::new();
    for (name, value) in &shown {
        match value {
            toml::Value::Table(table) if name != "rescue" => {
                keys.extend(table.keys().map(|key| format!("{name}.{key}")));
            }
            _ => keys.push(name.clone()),
        }
    }
    let row = |key: &String| page.contains(&format!("`{key}`"));
    let known = |key: &&String| !row(key) && *key != "checkpoint_anchors.tsa" && *key != "rescue";
    let missing: Vec<&String> = keys.iter().filter(known).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Each test that a page names as `FILE::TEST`, or as `…::TEST` of the file that it named before.
fn tests_of(page: &str) -> Vec<(String, String)> {
    let mut file = String::new();
    let mut tests = Vec::new();
    for span in page.split('`').skip(1).step_by(2) {
        let span: String = span.split_whitespace().collect();
        if let Some((place, name)) = span.split_once("::")
            && (place == "…" || Path::new(place).extension().is_some_and(|it| it == "rs"))
        {
            if place != "…" {
                place.clone_into(&mut file);
            }
            tests.push((file.clone(), name.to_owned()));
        }
    }
    tests
}

#[test]
fn every_test_that_a_page_names_is_there() {
    for (page, least) in [
        ("limits", 20),
        ("design", 30),
        ("reliability", 40),
        ("threat-model", 0),
        ("audit-scope", 60),
    ] {
        let tests = tests_of(&read(&format!("../docs/{page}.md")));
        assert!(tests.len() >= least, "{page}: {}", tests.len());
        for (file, name) in tests {
            let source = read(&format!("../{file}"));
            assert!(
                source.contains(&format!("fn {name}(")),
                "{page}: {file}::{name}"
            );
        }
    }
}

#[test]
fn every_row_of_the_page_of_limits_names_a_test() {
    let page = read("../docs/limits.md");
    let table = page.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    for row in rows.skip(2) {
        assert!(!tests_of(row).is_empty(), "{row}");
    }
}

/// Modules that a verdict may not depend on.
const OUTSIDE: [&str; 9] = [
    "std::time",
    "SystemTime",
    "Instant::",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "TcpStream",
    "UdpSocket",
];

/// Which of them a source names before its tests.
fn outside(source: &str) -> Option<&'static str> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let mut lines = code.lines().filter(is_code);
    lines.find_map(|line| OUTSIDE.into_iter().find(|word| line.contains(word)))
}

#[test]
fn the_trusted_path_has_no_clock_disk_network_or_thread() {
    let page = read("../docs/audit-scope.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut files: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    files.retain(|file| file.contains("/src/") && Path::new(file).extension().is_some());
    assert!(files.len() >= 81, "{}", files.len());
    for file in &files {
        assert_eq!(outside(&read(&format!("../{file}"))), None, "{file}");
    }
    // All of the verifier is on the page.
    for file in std::fs::read_dir("../client/verify/src").unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let path = format!("client/verify/src/{name}");
        assert!(page.contains(&format!("`{path}`")), "{path}");
    }
    // Controls: code that fetches is found, and code of a test alone is not.
    assert_eq!(
        outside(&read("../client/cli/src/cli/files.rs")),
        Some("std::fs")
    );
    assert_eq!(outside("fn f() {}\n#[cfg(test)]\nuse std::fs;"), None);
}
