//! Who stamps the log's checkpoints: the TSAs of the configuration, with their certificates read.
//!
//! Two TSAs are worth more than one only if no single fault and no single theft makes both speak:
//! those that share an anchor, a known certificate's key or a unit's key are one authority under
//! two names, and are refused. The first two are seen at start, the last one when its tokens come.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ishibumi_archive::regular;
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::{Anchors, Certificate};

use crate::config::{Config, TsaConfig};
use crate::registry::read_certificates;

/// Chain signatures that are remembered per TSA.
const MEMO_CAPACITY: usize = 256;

/// A TSA that is asked.
#[derive(Debug)]
pub struct Tsa {
    /// Its short name.
    pub name: String,
    /// Where queries go.
    pub url: String,
    pub(super) anchors: Anchors,
    pub(super) hash: HashAlgorithm,
    pub(super) policy: String,
    pub(super) authorization: Option<String>,
    pub(super) deadline: Duration,
}

/// All TSAs, and how often they are asked.
#[derive(Debug)]
pub struct Tsas {
    pub(super) all: Vec<Arc<Tsa>>,
    pub(super) interval: Duration,
    pub(super) units: Arc<Units>,
}

/// The keys of the units that were seen, by the name of their TSA: one key speaks for one TSA.
#[derive(Debug)]
pub(super) struct Units {
    allow_related: bool,
    /// By key hash, the name of the TSA.
    seen: Mutex<BTreeMap<[u8; 32], String>>,
}

impl Units {
    /// Notes that the unit with this key speaks for `tsa`; the name of another TSA for which it
    /// spoke before.
    pub(super) fn claim(&self, tsa: &str, key_hash: [u8; 32]) -> Option<String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = seen.entry(key_hash).or_insert_with(|| tsa.to_owned());
        (owner != tsa && !self.allow_related).then(|| owner.clone())
    }
}

impl Tsas {
    /// Reads the certificates of every TSA.
    ///
    /// # Errors
    /// One sentence per file that cannot be read, and per pair of TSAs that are related.
    pub fn load(config: &Config) -> Result<Self, Vec<String>> {
        let configured = &config.checkpoint_timestamps;
        let mut problems = Vec::new();
        let mut known: Vec<(&str, Vec<Certificate>)> = Vec::new();
        let mut all = Vec::new();
        for tsa in &configured.tsas {
            let certificates = [&*tsa.anchors, &tsa.intermediates].concat();
            let certificates = read(tsa, &certificates, &mut problems);
            if !config.lab.allow_related_tsas {
                problems.extend(related(&tsa.name, &certificates, &known));
            }
            known.push((&tsa.name, certificates));
            let anchors = read(tsa, &tsa.anchors, &mut problems);
            let intermediates = read(tsa, &tsa.intermediates, &mut problems);
            all.push(Arc::new(Tsa {
                name: tsa.name.clone(),
                url: tsa.url.clone(),
                anchors: Anchors::from_certificates(anchors)
                    .with_intermediates(intermediates)
                    .with_memo(MEMO_CAPACITY),
                hash: tsa.hash,
                policy: tsa.policy.clone(),
                authorization: authorization(tsa, &mut problems),
                deadline: configured.deadline,
            }));
        }
        problems.dedup();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            all,
            interval: configured.interval,
            units: Arc::new(Units {
                allow_related: config.lab.allow_related_tsas,
                seen: Mutex::default(),
            }),
        })
    }

    /// A warning for the operator who starts the log, if there is cause for one.
    pub fn warning(&self) -> Option<String> {
        let first = match &*self.all {
            [] => "no TSA stamps this log's checkpoints: who trusts no witness finds no time in its proofs"
                .to_owned(),
            [one] => format!(
                "{} is the only TSA that stamps this log's checkpoints: once its key is stolen or its \
                 certificate revoked, nothing says when its tokens were made",
                one.name
            ),
            _ => return None,
        };
        Some(format!(
            "warning: {first}. Two unrelated ones are advised (docs/anchors.md)"
        ))
    }
}

fn read(tsa: &TsaConfig, files: &[PathBuf], problems: &mut Vec<String>) -> Vec<Certificate> {
    let mut certificates = Vec::new();
    for file in files {
        match read_certificates(file) {
            Ok(read) => certificates.extend(read),
            Err(why) => {
                let problem = format!(
                    "TSA {:?}: {}: {why}; expected certificates in PEM or one in DER",
                    tsa.name,
                    file.display()
                );
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    certificates
}

/// One sentence per key that `name` has in common with a TSA before it.
fn related(
    name: &str,
    certificates: &[Certificate],
    before: &[(&str, Vec<Certificate>)],
) -> Vec<String> {
    let mut problems = Vec::new();
    for certificate in certificates {
        for (other, theirs) in before {
            if theirs
                .iter()
                .any(|it| it.key_hash() == certificate.key_hash())
            {
                problems.push(format!(
                    "the TSAs {other:?} and {name:?} are related: both have the key of `{}`. One theft or one \
                     fault there would make both worthless, so they count as one; take a TSA under another \
                     root, or set lab.allow_related_tsas in a laboratory",
                    certificate.subject()
                ));
            }
        }
    }
    problems
}

/// The longest authorization file, in octets.
const AUTHORIZATION_LEN_MAX: usize = 8 << 10;

fn authorization(tsa: &TsaConfig, problems: &mut Vec<String>) -> Option<String> {
    let file = tsa.authorization_file.as_ref()?;
    let read = regular::read_text(file, AUTHORIZATION_LEN_MAX).map_err(|error| error.to_string());
    let usable = |text: String| {
        let text = text.trim().to_owned();
        let fits = !text.is_empty() && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        fits.then_some(text)
            .ok_or_else(|| "expected one line such as: Basic dXNlcjpwYXNz".to_owned())
    };
    match read.and_then(usable) {
        Ok(text) => Some(text),
        Err(why) => {
            problems.push(format!("TSA {:?}: {}: {why}", tsa.name, file.display()));
            None
        }
    }
}
