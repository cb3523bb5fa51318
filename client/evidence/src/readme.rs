//! The README inside the file: for a reader who has this file, common tools, and none of our
//! software.
//!
//! It ends with the commands that verify one artifact of this file by hand, values filled in. Both
//! languages have the same commands, from one template; a test runs them.

use std::collections::HashMap;

use ishibumi_artifact::record::{Body, kind};
use ishibumi_artifact::{ArtifactType, Certificate, Record};

use super::index::{Index, ItemRow};
use super::{Collection, Item};

/// In ASCII.
pub(super) const ENGLISH: &str = include_str!("readme/en.txt");

/// In UTF-8.
pub(super) const JAPANESE: &str = include_str!("readme/ja.txt");

/// Sections of commands, each below a line `#: name`.
const COMMANDS: &str = include_str!("readme/commands.sh");

/// The values that are filled in.
pub(super) struct Values {
    names: Vec<(&'static str, String)>,
    conditions: Vec<&'static str>,
}

impl Values {
    /// The values of the item that says most: a token with its document, if there is one.
    pub(super) fn of(collection: &Collection, index: &Index) -> Self {
        let mut items: HashMap<_, &Item> = HashMap::new();
        for item in &collection.items {
            let index = item.proofs.first().map(|it| it.index);
            let key = (item.artifact.name.as_str(), index, item.document.is_some());
            items.entry(key).or_insert(item);
        }
        let rows = index.items.iter().filter_map(|row| {
            let name = row.artifact_name.as_ref().unwrap_or(&row.artifact);
            let index = row.proofs.first().map(|it| it.index);
            let item = items.get(&(name.as_str(), index, row.document.is_some()))?;
            Some((row, *item))
        });
        let weight = |(_, item): &(&ItemRow, &Item)| {
            let token = is_token(item);
            u8::from(token) + u8::from(token && item.document.is_some())
        };
        // The first of those that weigh most, in the order of the index.
        let shown = rows.rev().max_by_key(weight);
        let mut values = Self {
            names: Vec::new(),
            conditions: Vec::new(),
        };
        let anchors = index.anchors_for_information.first();
        if let (Some((row, item)), Some(_)) = (shown, anchors) {
            values.add_item(row, item, index);
        }
        values
    }

    fn add_item(&mut self, row: &ItemRow, item: &Item, index: &Index) {
        let artifact = &item.artifact.octets;
        let is_pem = artifact.first() != Some(&0x30);
        let proof = row.proofs.first();
        let record = item.proofs.first().map(|logged| &logged.entry[..]);
        let record = record.and_then(|entry| Record::decode(entry).ok());
        let chain = index.certificates.first();
        let mut set = |name, value: String| self.names.push((name, value));
        set("@ITEM@", quoted(&row.artifact));
        set(
            "@DOCUMENT@",
            row.document.as_deref().map(quoted).unwrap_or_default(),
        );
        set(
            "@PROOF@",
            proof.map(|it| quoted(&it.proof)).unwrap_or_default(),
        );
        set(
            "@INDEX@",
            proof.map(|it| it.index.to_string()).unwrap_or_default(),
        );
        set("@TIME@", time(item, record.as_ref()));
        set(
            "@CHAIN@",
            chain
                .map_or("", |_| "META-INF/certificates/*.pem")
                .to_owned(),
        );
        set("@UNWRAP@", unwrap(artifact, is_pem).to_owned());
        set("@FORM@", if is_pem { "" } else { "-inform DER" }.to_owned());
        let policy = index.policies_for_information.first();
        set(
            "@POLICY@",
            policy.map(|name| quoted(name)).unwrap_or_default(),
        );
        let token = is_token(item);
        let certificate = Certificate::parse(artifact).is_ok();
        let in_full = record.is_some_and(|record| record.kind() == kind::CERTIFICATE);
        for (name, holds) in [
            ("token", token),
            ("document", token && row.document.is_some()),
            ("certificate", certificate),
            ("in-full", certificate && in_full),
            ("policy", policy.is_some()),
            ("asic", row.artifact == super::layout::ASIC_S_TOKEN),
        ] {
            if holds {
                self.conditions.push(name);
            }
        }
    }

    /// The page: lines `[if NAME]` to `[end]` stay if that holds, lines `@NAME@` become commands.
    pub(super) fn fill(&self, template: &str) -> String {
        // The part below needs an artifact to verify.
        let (above, below) = template.split_once("[by hand]\n").unwrap_or((template, ""));
        let below = if self.names.is_empty() { "" } else { below };
        let mut page = String::new();
        let mut shown = true;
        for line in above.lines().chain(below.lines()) {
            if let Some(condition) = line
                .strip_prefix("[if ")
                .and_then(|it| it.strip_suffix(']'))
            {
                shown = self.conditions.contains(&condition);
            } else if line == "[end]" {
                shown = true;
            } else if shown {
                let name = line.strip_prefix('@').and_then(|it| it.strip_suffix('@'));
                match name {
                    Some(name) => self.add_commands(name, &mut page),
                    None => {
                        page.push_str(line);
                        page.push('\n');
                    }
                }
            }
        }
        page
    }

    fn add_commands(&self, section: &str, page: &mut String) {
        let lines = COMMANDS.lines();
        let mut lines = lines.skip_while(|line| line.strip_prefix("#: ") != Some(section));
        lines.next();
        for line in lines.take_while(|line| !line.starts_with("#: ")) {
            let fill = |line: String, (name, value): &(&str, String)| line.replace(name, value);
            let line = self.names.iter().fold(line.to_owned(), fill);
            page.push_str("    ");
            page.push_str(line.trim_end());
            page.push('\n');
        }
    }
}

fn is_token(item: &Item) -> bool {
    let kind = ArtifactType::detect(&item.artifact.octets);
    matches!(
        kind,
        Some(ArtifactType::TimestampToken | ArtifactType::TimestampReply)
    )
}

/// The command that extracts the bare token in DER from the logged artifact.
fn unwrap(artifact: &[u8], is_pem: bool) -> &'static str {
    match (is_pem, super::layout::is_bare_token(artifact)) {
        (true, _) => "sed '/^-----/d' \"$ITEM\" | base64 -d > by-hand/token",
        (false, true) => "cat \"$ITEM\" > by-hand/token",
        (false, false) => "openssl ts -reply -in \"$ITEM\" -token_out -out by-hand/token",
    }
}

/// The time as of which the certificates are judged.
fn time(item: &Item, record: Option<&Record>) -> String {
    let time = match record.map(Record::body) {
        Some(Body::Token(token)) => Some(token.gen_time.time()),
        _ => Certificate::parse(&item.artifact.octets)
            .ok()
            .map(|it| it.not_before()),
    };
    time.map(|time| time.unix_seconds().to_string())
        .unwrap_or_default()
}

/// A word of the shell. Other characters than plain ASCII are written in octal, so that the page
/// stays ASCII.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    // A name that begins with a hyphen would be an option.
    let word = if word.starts_with('-') {
        format!("./{word}")
    } else {
        word.to_owned()
    };
    if word.bytes().all(plain) {
        return word;
    }
    let octal = |b: u8| {
        if plain(b) {
            char::from(b).to_string()
        } else {
            format!("\\{b:03o}")
        }
    };
    let spelled: String = word.bytes().map(octal).collect();
    format!("\"$(printf '{spelled}')\"")
}
