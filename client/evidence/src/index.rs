//! `META-INF/evidence.json`: which entry is what. One line for each item, so that people find it
//! too.

use serde::{Deserialize, Serialize};

use super::error::EvidenceFileError;
use super::layout::FORMAT;

/// The index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    format: String,
    pub(super) items: Vec<ItemRow>,
    pub(super) revocation: Vec<StatusRow>,
    pub(super) checkpoint_tokens: Vec<StampRow>,
    pub(super) statements: Vec<ProofRow>,
    pub(super) certificates: Vec<String>,
    pub(super) policies_for_information: Vec<String>,
    pub(super) anchors_for_information: Vec<String>,
}

/// An artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemRow {
    /// The entry.
    pub(super) artifact: String,
    /// The artifact's own name, where the entry has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_name: Option<String>,
    /// The document's entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<String>,
    /// The document's own name, where the entry has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document_name: Option<String>,
    pub(super) proofs: Vec<ProofRow>,
}

/// An entry of a multiproof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofRow {
    pub(super) proof: String,
    pub(super) index: u64,
}

/// A list or response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusRow {
    pub(super) file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proof: Option<ProofRow>,
}

/// A token over a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StampRow {
    pub(super) token: String,
    pub(super) log: String,
    pub(super) size: u64,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT.to_owned(),
            items: Vec::new(),
            revocation: Vec::new(),
            checkpoint_tokens: Vec::new(),
            statements: Vec::new(),
            certificates: Vec::new(),
            policies_for_information: Vec::new(),
            anchors_for_information: Vec::new(),
        }
    }

    /// Reads an index. Its spelling is checked by writing it again ([`super::decode`]).
    pub(super) fn parse(octets: &[u8]) -> Result<Self, EvidenceFileError> {
        #[derive(Deserialize)]
        struct Version {
            format: String,
        }
        let unreadable = |error: serde_json::Error| EvidenceFileError::Index(error.to_string());
        let version: Version = serde_json::from_slice(octets).map_err(unreadable)?;
        if version.format != FORMAT {
            let found = version.format;
            return Err(EvidenceFileError::Format { found });
        }
        let index: Self = serde_json::from_slice(octets).map_err(unreadable)?;
        // An entry that is named once is read once.
        for list in [
            &index.certificates,
            &index.policies_for_information,
            &index.anchors_for_information,
        ] {
            if !list.is_sorted_by(|before, after| before < after) {
                let message = "a list of entries is not sorted, or names one twice";
                return Err(EvidenceFileError::Index(message.to_owned()));
            }
        }
        Ok(index)
    }

    /// The octets.
    pub(super) fn encode(&self) -> Vec<u8> {
        let lists = [
            list("items", &self.items),
            list("revocation", &self.revocation),
            list("checkpoint_tokens", &self.checkpoint_tokens),
            list("statements", &self.statements),
            list("certificates", &self.certificates),
            list("policies_for_information", &self.policies_for_information),
            list("anchors_for_information", &self.anchors_for_information),
        ];
        format!("{{\n\"format\":\"{FORMAT}\",\n{}\n}}\n", lists.join(",\n")).into_bytes()
    }
}

fn list(name: &str, rows: &[impl Serialize]) -> String {
    if rows.is_empty() {
        return format!("\"{name}\":[]");
    }
    // Strings and numbers always serialise.
    let rows = rows
        .iter()
        .filter_map(|row| serde_json::to_string(row).ok());
    let rows: Vec<String> = rows.collect();
    format!("\"{name}\":[\n{}\n]", rows.join(",\n"))
}
