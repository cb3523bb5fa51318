//! Who may submit what: an immutable snapshot of the providers, made once from the configuration.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use ishibumi_artifact::{Anchors, Certificate};
use ishibumi_tlog::Hash;

use crate::config::{Config, ProviderConfig};
use crate::http::problem::Problem;
use crate::kind::Kind;

/// Chain signatures that are remembered per provider; 32 octets each.
const MEMO_CAPACITY: usize = 65_536;

/// A provider with its anchors read.
pub struct Provider {
    /// Its short name.
    pub id: String,
    /// What its artifacts have to chain to.
    pub anchors: Anchors,
    kinds: Vec<String>,
}

/// All providers, by the hashes of their bearer tokens.
pub struct Registry {
    by_token: HashMap<Hash, Arc<Provider>>,
}

impl Registry {
    /// Reads the anchors of every provider.
    ///
    /// # Errors
    /// One sentence per file that cannot be read as certificates, and per bearer token that two
    /// providers share.
    pub fn load(config: &Config) -> Result<Self, Vec<String>> {
        let mut by_token = HashMap::new();
        let mut problems = Vec::new();
        for provider in &config.providers {
            let loaded = Arc::new(load(provider, &mut problems));
            for token in &provider.token_sha256 {
                if by_token.insert(*token, Arc::clone(&loaded)).is_some() {
                    problems.push(format!(
                        "provider {:?}: the bearer token with SHA-256 {token} is given twice",
                        provider.id
                    ));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self { by_token })
        } else {
            Err(problems)
        }
    }

    /// The provider whose bearer token has this SHA-256.
    pub fn by_token(&self, token_sha256: Hash) -> Option<Arc<Provider>> {
        self.by_token.get(&token_sha256).cloned()
    }
}

impl Provider {
    /// Refuses what this provider may not submit.
    pub fn check_kind(&self, kind: Kind) -> Result<(), Problem> {
        let word = kind.word();
        if self.kinds.iter().any(|kind| kind == word) {
            return Ok(());
        }
        let detail = format!(
            "provider {:?} may submit {}, not {word}; the log's operator can change `kinds`",
            self.id,
            self.kinds.join(", ")
        );
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "kind-not-accepted",
            detail,
        ))
    }
}

fn load(provider: &ProviderConfig, problems: &mut Vec<String>) -> Provider {
    let mut certificates = Vec::new();
    for file in &provider.anchors {
        match read_certificates(file) {
            Ok(read) => certificates.extend(read),
            Err(why) => problems.push(format!(
                "provider {:?}: {}: {why}; expected certificates in PEM or one in DER",
                provider.id,
                file.display()
            )),
        }
    }
    Provider {
        id: provider.id.clone(),
        anchors: Anchors::from_certificates(certificates).with_memo(MEMO_CAPACITY),
        kinds: provider.kinds.clone(),
    }
}

fn read_certificates(file: &Path) -> Result<Vec<Certificate>, String> {
    let octets = std::fs::read(file).map_err(|error| error.to_string())?;
    Certificate::parse_bundle(&octets).map_err(|error| error.to_string())
}
