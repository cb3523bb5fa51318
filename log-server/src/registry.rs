//! Who may submit what: an immutable snapshot of the providers, made once from the configuration.
//!
//! A bearer token stands for a provider, or for rescue: the holder of the rescue token may submit
//! artifacts that chain to the anchors of a provider that has ended, since such a provider will not
//! do it any more. The state of a provider depends on the moment, and the moments are known
//! beforehand, so they are in the log before they come ([`crate::statements`]).

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ishibumi_archive::regular;
use ishibumi_artifact::record::{
    Moment, Opaque, ProviderEntry, RecordError, StatementCode, StatusChange,
};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate};
use ishibumi_store::Clock;
use ishibumi_tlog::Hash;

use crate::config::{Config, ProviderConfig, RescueConfig, SHA1_TOKEN};
use crate::kind::Kind;
use crate::quota::Meter;
use crate::refusal::Refusal;

/// Chain signatures that are remembered per provider; 32 octets each.
const MEMO_CAPACITY: usize = 65_536;

/// A provider with its certificates read.
pub struct Provider {
    /// Its short name.
    pub id: String,
    /// The anchors that its artifacts have to chain to.
    pub anchors: Anchors,
    /// The log's statement about it; the number of the statement is left 0.
    pub entry: ProviderEntry,
    kinds: Vec<String>,
    meter: Meter,
}

/// Rescue for all providers that have ended.
pub struct Rescue {
    providers: Vec<Arc<Provider>>,
    meter: Meter,
}

/// Whom a bearer token stands for.
#[derive(Clone)]
pub enum Submitter {
    /// A provider.
    Provider(Arc<Provider>),
    /// The holder of the rescue token, who submits artifacts of providers that have ended.
    Rescue(Arc<Rescue>),
}

/// All providers, and all submitters by the hashes of their bearer tokens.
#[derive(Default)]
pub struct Registry {
    providers: Vec<Arc<Provider>>,
    by_token: HashMap<Hash, Submitter>,
}

impl Registry {
    /// Reads the certificates of every provider.
    ///
    /// # Errors
    /// One sentence per file that cannot be read as certificates, and per bearer token that two
    /// submitters share.
    pub fn load(config: &Config) -> Result<Self, Vec<String>> {
        let mut registry = Self {
            providers: Vec::new(),
            by_token: HashMap::new(),
        };
        let mut problems = Vec::new();
        for provider in &config.providers {
            let Some(loaded) = load(provider, &mut problems).map(Arc::new) else {
                continue;
            };
            registry.providers.push(Arc::clone(&loaded));
            let submitter = Submitter::Provider(loaded);
            let who = format!("provider {:?}", provider.id);
            registry.give(&provider.token_sha256, &submitter, &who, &mut problems);
        }
        let RescueConfig {
            rescue: true,
            token_sha256,
            quota,
        } = &config.rescue
        else {
            return registry.unless(problems);
        };
        let rescue = Submitter::Rescue(Arc::new(Rescue {
            providers: registry.providers.clone(),
            meter: Meter::new(*quota),
        }));
        registry.give(token_sha256, &rescue, "rescue", &mut problems);
        registry.unless(problems)
    }

    fn give(
        &mut self,
        tokens: &[Hash],
        submitter: &Submitter,
        who: &str,
        problems: &mut Vec<String>,
    ) {
        for token in tokens {
            if self.by_token.insert(*token, submitter.clone()).is_some() {
                problems.push(format!(
                    "{who}: the bearer token with SHA-256 {token} is given twice"
                ));
            }
        }
    }

    fn unless(self, problems: Vec<String>) -> Result<Self, Vec<String>> {
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(problems)
        }
    }

    /// Whom the bearer token with this SHA-256 stands for.
    pub fn by_token(&self, token_sha256: Hash) -> Option<Submitter> {
        self.by_token.get(&token_sha256).cloned()
    }

    /// All providers, in the order of the configuration.
    pub fn providers(&self) -> &[Arc<Provider>] {
        &self.providers
    }
}

impl Submitter {
    /// Whether artifacts of `kind` are taken from this submitter at `now`, and under which
    /// providers' anchors: the provider's own, or one after the other those of the providers that
    /// have ended.
    ///
    /// # Errors
    /// [`Refusal`] if the submitter may not submit this kind at `now`.
    pub fn providers(&self, kind: Option<Kind>, now: Time) -> Result<Vec<Arc<Provider>>, Refusal> {
        match self {
            Self::Provider(provider) => {
                provider.check_state(now)?;
                kind.map_or(Ok(()), |kind| provider.check_kind(kind))?;
                Ok(vec![Arc::clone(provider)])
            }
            Self::Rescue(rescue) => {
                let ended = |provider: &&Arc<Provider>| provider.has_ended(now);
                let mut ended: Vec<_> = rescue.providers.iter().filter(ended).cloned().collect();
                if ended.is_empty() {
                    return Err(Refusal::NothingToRescue);
                }
                if let Some(kind) = kind {
                    let refusal = ended[0].check_kind(kind);
                    ended.retain(|provider| provider.check_kind(kind).is_ok());
                    if ended.is_empty() {
                        refusal?;
                    }
                }
                Ok(ended)
            }
        }
    }

    /// Its name where submitters share something, such as turns.
    pub fn sender(&self) -> Arc<str> {
        match self {
            Self::Provider(provider) => format!("provider {}", provider.id).into(),
            Self::Rescue(_) => "rescue".into(),
        }
    }

    /// Takes `records` off the submitter's quota before the work is done; with 0 it only asks
    /// whether any is left.
    ///
    /// # Errors
    /// [`Refusal`] if the quota is used up, with how long to wait.
    pub fn charge(&self, records: usize, clock: &dyn Clock) -> Result<(), Refusal> {
        let (who, meter) = self.account();
        meter
            .take(records, clock.monotonic())
            .map_err(|wait| Refusal::QuotaExceeded {
                who: who.to_owned(),
                wait_seconds: wait.as_secs() + u64::from(wait.subsec_nanos() > 0),
            })
    }

    /// Takes `records` off the quota for work that was done, whatever came of it.
    pub fn owe(&self, records: usize, clock: &dyn Clock) {
        self.account().1.owe(records, clock.monotonic());
    }

    /// The most records that one artifact may make: as many as the quota allows at once.
    pub fn records_max(&self) -> usize {
        self.account().1.burst()
    }

    fn account(&self) -> (&str, &Meter) {
        match self {
            Self::Provider(provider) => (provider.id.as_str(), &provider.meter),
            Self::Rescue(rescue) => ("rescue", &rescue.meter),
        }
    }
}

impl Provider {
    /// SHA-256 of the DER of each anchor.
    pub fn anchor_digests(&self) -> Vec<[u8; 32]> {
        let anchors = self.anchors.anchors().iter();
        anchors.map(|certificate| certificate.digest()).collect()
    }

    fn has_ended(&self, now: Time) -> bool {
        let state = self.entry.state_at(now);
        state.is_some_and(|state| {
            [StatementCode::TERMINATED, StatementCode::SUCCESSOR].contains(&state)
        })
    }

    fn check_state(&self, now: Time) -> Result<(), Refusal> {
        let id = self.id.clone();
        match self.entry.state_at(now) {
            Some(StatementCode::ACCEPTED | StatementCode::TERMINATING) => Ok(()),
            Some(StatementCode::SUSPENDED) => Err(Refusal::Suspended { id }),
            Some(_) => {
                let heir = self.entry.status.iter().rev();
                let heir = heir
                    .filter(|change| change.from.time() <= now)
                    .map(|change| String::from_utf8_lossy(change.successor.as_bytes()))
                    .find(|heir| !heir.is_empty())
                    .map(Cow::into_owned);
                Err(Refusal::Terminated { id, heir })
            }
            None => Err(Refusal::NotYetAccepted { id }),
        }
    }

    /// Whether its tokens are taken that are signed over SHA-1, under a mark.
    pub fn takes_sha1(&self) -> bool {
        self.kinds.iter().any(|kind| kind == SHA1_TOKEN)
    }

    /// Refuses what this provider may not submit.
    fn check_kind(&self, kind: Kind) -> Result<(), Refusal> {
        let word = kind.word();
        if self.kinds.iter().any(|kind| kind == word) {
            return Ok(());
        }
        Err(Refusal::KindNotAccepted {
            id: self.id.clone(),
            kinds: self.kinds.clone(),
            word,
        })
    }
}

fn load(provider: &ProviderConfig, problems: &mut Vec<String>) -> Option<Provider> {
    let before = problems.len();
    let mut read = |files: &[std::path::PathBuf]| {
        let mut certificates = Vec::new();
        for file in files {
            match read_certificates(file) {
                Ok(read) => certificates.extend(read),
                Err(why) => problems.push(format!(
                    "provider {:?}: {}: {why}; expected certificates in PEM or one in DER",
                    provider.id,
                    file.display()
                )),
            }
        }
        certificates
    };
    let (anchors, intermediates) = (read(&provider.anchors), read(&provider.intermediates));
    let responders = read(&provider.responders);
    let known = intermediates.iter().chain(&responders);
    let entry = entry(provider, known).and_then(|entry| {
        // A provider that could not be stated must not be accepted.
        entry.encode().map(|_| entry)
    });
    let entry =
        entry.map_err(|error| problems.push(format!("provider {:?}: {error}", provider.id)));
    let entry = entry.ok().filter(|_| problems.len() == before)?;
    Some(Provider {
        id: provider.id.clone(),
        anchors: Anchors::from_certificates(anchors)
            .with_intermediates(intermediates)
            .with_responders(responders)
            .with_memo(MEMO_CAPACITY),
        entry,
        kinds: provider.kinds.clone(),
        meter: Meter::new(provider.quota),
    })
}

/// `known`: the certificates beside the anchors by which the provider's artifacts are judged.
fn entry<'a>(
    provider: &ProviderConfig,
    known: impl Iterator<Item = &'a Certificate>,
) -> Result<ProviderEntry, RecordError> {
    let mut kinds = provider.kinds.clone();
    kinds.sort();
    kinds.dedup();
    let change = |change: &crate::config::StatusConfig| {
        Ok(StatusChange {
            state: change.state,
            from: Moment::new("status.from", change.from)?,
            successor: Opaque::new("status.successor", change.successor.as_str())?,
        })
    };
    let kind = |kind: &String| Opaque::new("kinds", kind.as_str());
    Ok(ProviderEntry {
        sequence: 0,
        name: Opaque::new("name", provider.name.as_str())?,
        name_ja: Opaque::new("name_ja", provider.name_ja.as_str())?,
        kinds: kinds.iter().map(kind).collect::<Result<_, _>>()?,
        intermediates: known.map(Certificate::digest).collect(),
        records_per_minute: provider.quota.per_minute,
        records_per_day: provider.quota.per_day,
        backdating_seconds: provider.backdating_s,
        status: provider
            .status
            .iter()
            .map(change)
            .collect::<Result<_, _>>()?,
    })
}

/// The longest file of certificates, in octets.
const CERTIFICATES_LEN_MAX: usize = 8 << 20;

/// The certificates in a file: one in DER, or several in PEM.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<Certificate>, String> {
    let octets = regular::read(file, CERTIFICATES_LEN_MAX).map_err(|error| error.to_string())?;
    if octets.len() > CERTIFICATES_LEN_MAX {
        return Err(format!("longer than {CERTIFICATES_LEN_MAX} octets"));
    }
    Certificate::parse_bundle(&octets).map_err(|error| error.to_string())
}
