//! `ishibumi evidence show`: prints the content of an evidence file. Nothing is verified.

use std::path::PathBuf;

use clap::Args;
use ishibumi::evidence::{Collection, Item, LoggedEntry};
use ishibumi_artifact::Certificate;
use ishibumi_artifact::record::{Body, Record};
use ishibumi_cli::render::kind_name;
use ishibumi_tlog::shown::add_line;
use ishibumi_tlog::{Checkpoint, Hash};
use serde_json::{Value, json};

use super::super::{Exit, Failure, Output};
use super::{file, renewals};

const EXAMPLES: &str = "Examples:
  ishibumi evidence show contract.tst.evidence.zip
  ishibumi evidence show --json 2026.evidence.zip

Nothing is verified: anybody can make a file that says anything. `ishibumi evidence verify` judges it.

Exit codes: 0 shown, 1 the file is damaged, 2 usage, 3 unavailable, 4 it is no evidence file that is read here.";

/// Show what is in an evidence file, unverified
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArguments {
    /// The evidence file
    file: PathBuf,
}

pub(crate) fn run(arguments: &ShowArguments, voice: Output) -> Result<Exit, Failure> {
    let renewed = file::open(&arguments.file)?;
    let collection = renewed.collection();
    let shown = arguments.file.display().to_string();
    let mut value = to_json(collection, &shown);
    let mut text = to_text(collection, &shown, voice.language.is_english());
    if let Some(object) = value.as_object_mut() {
        object.insert("foreign_pages".to_owned(), renewed.foreign_pages().into());
    }
    text.push_str(&file::foreign_pages(&renewed, voice.language));
    if renewed.is_renewed() {
        if let Some(object) = value.as_object_mut() {
            object.insert("renewals".to_owned(), renewals::shown_json(&renewed));
        }
        text.push_str(&renewals::shown_text(&renewed, voice.language));
    }
    voice.say(&value, &text);
    Ok(Exit::Proven)
}

fn to_json(collection: &Collection, shown: &str) -> Value {
    let item = |item: &Item| {
        json!({
            "artifact": item.artifact.name,
            "sha256": Hash::of(&item.artifact.octets).to_hex(),
            "document": item.document.as_ref().map(|file| &file.name),
            "kind": item.proofs.first().map(|it| kind(it)),
            "claims_time": item.proofs.first().and_then(|it| claimed_time(it)),
            "proofs": item.proofs.iter().map(|it| place(it)).collect::<Vec<_>>(),
        })
    };
    let stamps = collection.checkpoint_tokens.iter();
    json!({
        "file": shown,
        "verified": false,
        "items": collection.items.iter().map(item).collect::<Vec<_>>(),
        "revocation": collection.revocation.iter().map(|data| json!({
            "sha256": Hash::of(&data.octets).to_hex(),
            "octets": data.octets.len(),
            "proof": data.proof.as_deref().map(place),
        })).collect::<Vec<_>>(),
        "checkpoint_tokens": stamps.map(|stamp| json!({
            "log": stamp.log,
            "tree_size": stamp.size,
            "sha256": Hash::of(&stamp.token).to_hex(),
        })).collect::<Vec<_>>(),
        "statements": collection.statements.iter().map(|it| place(it)).collect::<Vec<_>>(),
        "certificates": subjects(&collection.certificates),
        "for_information": {
            "anchors": subjects(&collection.anchors),
            "policies": collection.policies.iter().map(|it| String::from_utf8_lossy(it)).collect::<Vec<_>>(),
        },
    })
}

fn place(logged: &LoggedEntry) -> Value {
    let tree = Checkpoint::parse(logged.checkpoint.text()).ok();
    json!({
        "kind": kind(logged),
        "log": tree.as_ref().map(|tree| &tree.origin),
        "index": logged.index,
        "tree_size": tree.as_ref().map(|tree| tree.size),
        "signatures": logged.checkpoint.signatures().len(),
    })
}

fn kind(logged: &LoggedEntry) -> &'static str {
    kind_name(Record::decode(&logged.entry).map_or(0, |record| record.kind()))
}

fn claimed_time(logged: &LoggedEntry) -> Option<String> {
    match Record::decode(&logged.entry).ok()?.body() {
        Body::Token(token) => Some(token.gen_time.time().to_string()),
        _ => None,
    }
}

fn subjects(certificates: &[Vec<u8>]) -> Vec<String> {
    let read = certificates.iter().map(|der| Certificate::from_der(der));
    read.filter_map(|read| Some(read.ok()?.subject())).collect()
}

fn to_text(collection: &Collection, shown: &str, english: bool) -> String {
    let mut out = String::new();
    let mut line = |text: String| add_line(&mut out, text);
    line(if english {
        format!("{shown}: this is what the file says. NOTHING IS VERIFIED.")
    } else {
        format!("{shown}：ファイルの内容です。検証はしていません。")
    });
    for item in &collection.items {
        let Some(logged) = item.proofs.first() else {
            continue;
        };
        let time = claimed_time(logged).map(|time| format!(", {time}"));
        line(format!(
            "  {}: {}{}",
            item.artifact.name,
            kind(logged),
            time.unwrap_or_default()
        ));
        if let Some(document) = &item.document {
            let octets = document.octets.len();
            line(if english {
                format!("    document {} ({octets} octets)", document.name)
            } else {
                format!("    文書 {}（{octets} オクテット）", document.name)
            });
        }
        for logged in &item.proofs {
            line(format!("    {}", said_place(logged, english)));
        }
    }
    for logged in &collection.statements {
        line(format!(
            "  {}: {}",
            kind(logged),
            said_place(logged, english)
        ));
    }
    for (number, english_word, japanese) in [
        (
            collection.revocation.len(),
            "revocation lists and responses",
            "失効情報",
        ),
        (
            collection.checkpoint_tokens.len(),
            "tokens over checkpoints",
            "チェックポイントのタイムスタンプ",
        ),
        (
            collection.certificates.len(),
            "certificates below the anchors",
            "中間の証明書",
        ),
        (
            collection.anchors.len(),
            "anchors of the packer, for information",
            "作成者のトラストアンカー（参考）",
        ),
        (
            collection.policies.len(),
            "policies of the packer, for information",
            "作成者のポリシー（参考）",
        ),
    ] {
        if number > 0 {
            let word = if english { english_word } else { japanese };
            line(format!("  {number} {word}"));
        }
    }
    out
}

fn said_place(logged: &LoggedEntry, english: bool) -> String {
    let Ok(tree) = Checkpoint::parse(logged.checkpoint.text()) else {
        return String::new();
    };
    let signatures = logged.checkpoint.signatures().len();
    let (index, size, log) = (logged.index, tree.size, &tree.origin);
    if english {
        format!("record {index} of a tree of {size} of {log}, {signatures} signatures")
    } else {
        format!("{log} の {size} 件の木の {index} 番、署名 {signatures} 個")
    }
}
