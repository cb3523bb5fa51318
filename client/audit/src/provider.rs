//! What a log proves about a provider and its end: collected from every record, judged by a
//! checklist.
//!
//! Three terms are kept apart. *Proven*: the record is in the log, and so is what follows from
//! records alone (a revocation's reason, the number of tokens). *Stated*: the provider or the log
//! says so in a record; that it was said is proven, its truth is not. *Missing*: no record says it.
//! The items are those of an orderly end: EN 319 421 clause 7.14, EN 319 401 clause 7.12.

use std::collections::{BTreeMap, BTreeSet};

use ishibumi_artifact::Certificate;
use ishibumi_artifact::hash::HashAlgorithm;
use ishibumi_artifact::record::{
    Body, CrlBody, EndingStatement, LastCount, Moment, ProviderStatement, Record, Revocation,
    StatementCode, batch_digest,
};
use ishibumi_artifact::time::LAST_LIST_NEXT_UPDATE;

type Digest = [u8; 32];
/// Algorithm and hash by which tokens name their unit's certificate.
type EssHash = (Vec<u8>, Vec<u8>);
type IssuerSerial = (Digest, Vec<u8>);
/// A certificate, and if it is logged its issuer's key hash and its index.
type Known = (Certificate, Option<Digest>, Option<u64>);

/// Everything that has to be remembered of a log to report on one of its providers. Memory: 32
/// octets for each token of any provider, since the provider of a token is known at the end only.
#[derive(Debug)]
pub struct Gathered {
    provider: Vec<u8>,
    statements: Vec<(u64, ProviderStatement)>,
    certificates: BTreeMap<Digest, Known>,
    /// Contents of tokens.
    tokens: BTreeMap<EssHash, Vec<Digest>>,
    revocations: BTreeMap<IssuerSerial, Vec<(u64, Revocation)>>,
    lists: Vec<(u64, CrlBody)>,
}

/// How sure an item of the checklist is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It follows from the records.
    Proven,
    /// The provider or the log says so.
    Stated,
    /// No record says it, or the records say otherwise.
    Missing,
}

impl Standing {
    /// The term in JSON and English reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Stated => "stated",
            Self::Missing => "missing",
        }
    }
}

/// The subject of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The log has stated that the provider is ending or has ended.
    Notice,
    /// A CA's last list is logged, says so itself (nextUpdate 99991231235959Z), and none follows
    /// it.
    LastList,
    /// The provider names it as the last.
    LastListNamed,
    /// The unit's certificate is revoked, with a reason that leaves its tokens valid.
    Revoked,
    /// The unit's tokens were counted, and the log holds as many.
    Counted,
    /// They are the tokens that were counted.
    Batch,
    /// Its key was destroyed.
    KeyDestroyed,
    /// A custodian keeps the archive.
    Custodian,
}

impl Item {
    /// A name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::LastList => "last-list",
            Self::LastListNamed => "last-list-named",
            Self::Revoked => "revoked-in-order",
            Self::Counted => "counted",
            Self::Batch => "batch",
            Self::KeyDestroyed => "key-destroyed",
            Self::Custodian => "archive-custodian",
        }
    }
}

/// One line of the checklist.
#[derive(Clone, Debug)]
pub struct Line {
    /// The subject.
    pub item: Item,
    /// How sure.
    pub standing: Standing,
    /// The unit or CA: a digest or key hash in hexadecimal; empty for the provider.
    pub of: String,
    /// Index of the record that says it.
    pub index: Option<u64>,
    /// Figures.
    pub detail: String,
}

/// A unit (TSU) of the provider, as the records show it.
#[derive(Clone, Debug)]
pub struct Unit {
    /// SHA-256 of its certificate.
    pub certificate: [u8; 32],
    /// Its subject.
    pub subject: String,
    /// Index of the certificate's record, if it is logged.
    pub index: Option<u64>,
    /// Tokens in the log.
    pub tokens: u64,
    /// [`batch_digest`] of them.
    pub batch: [u8; 32],
    /// Revocations of the certificate, each with the index of its record.
    pub revocations: Vec<(u64, Revocation)>,
    /// The newest last-count statement about it.
    pub counted: Option<(u64, LastCount)>,
}

/// The report about a provider.
#[derive(Clone, Debug)]
pub struct ProviderReport {
    /// Statements about it and by it, by index.
    pub statements: Vec<(u64, ProviderStatement)>,
    /// Its units with tokens, or a count, in this log.
    pub units: Vec<Unit>,
    /// The checklist.
    pub checklist: Vec<Line>,
    /// Whether certificates of its anchors were at hand, without which certificates that no
    /// statement names cannot be told to be its own.
    pub anchors_known: bool,
}

impl Gathered {
    /// Collects for the provider with this identifier. `anchors`: certificates that may be its
    /// anchors; they count if the log names them.
    pub fn new(provider: &str, anchors: Vec<Certificate>) -> Self {
        let anchors = anchors.into_iter();
        let certificates = anchors.map(|anchor| (anchor.digest(), (anchor, None, None)));
        Self {
            provider: provider.as_bytes().to_vec(),
            statements: Vec::new(),
            certificates: certificates.collect(),
            tokens: BTreeMap::new(),
            revocations: BTreeMap::new(),
            lists: Vec::new(),
        }
    }

    /// Takes the next record.
    pub fn observe(&mut self, index: u64, record: &Record) {
        match record.body() {
            Body::Provider(said) if said.provider() == self.provider => {
                self.statements.push((index, said.clone()));
            }
            Body::Certificate(body) => {
                if let Ok(read) = Certificate::from_der(body.certificate.as_bytes()) {
                    let issuer = Some(body.issuer_key_hash);
                    self.certificates
                        .insert(read.digest(), (read, issuer, Some(index)));
                }
            }
            Body::Token(token) => {
                let key = (
                    token.ess_hash_algorithm.as_bytes().to_vec(),
                    token.ess_hash.as_bytes().to_vec(),
                );
                self.tokens.entry(key).or_default().push(token.content);
            }
            Body::Revocation(said) => {
                let key = (said.issuer_key_hash, said.serial.as_bytes().to_vec());
                let known = self.revocations.entry(key).or_default();
                known.push((index, said.clone()));
            }
            Body::Crl(list) => self.lists.push((index, list.clone())),
            _ => {}
        }
    }

    /// Judges, after the last record.
    pub fn report(self) -> ProviderReport {
        let said: Vec<(u64, EndingStatement)> = self
            .statements
            .iter()
            .filter_map(|(index, said)| Some((*index, said.ending().ok()?)))
            .collect();
        let (own, anchors_known) = self.own(&said);
        let units: Vec<Unit> = own
            .iter()
            .filter_map(|digest| self.unit(digest, &said))
            .collect();
        let mut checklist = vec![self.notice()];
        let issuers: BTreeSet<[u8; 32]> = units
            .iter()
            .filter_map(|unit| self.certificates.get(&unit.certificate)?.1)
            .collect();
        for issuer in issuers {
            checklist.extend(self.last_list(issuer, &said));
        }
        for unit in &units {
            checklist.extend(unit.lines(&said));
        }
        let custodian = said
            .iter()
            .rfind(|(_, said)| matches!(said, EndingStatement::ArchiveCustodian(_)));
        checklist.push(stated(Item::Custodian, String::new(), custodian));
        ProviderReport {
            statements: self.statements,
            units,
            checklist,
            anchors_known,
        }
    }

    /// Digests of the certificates that are the provider's: what its statements name (the log took
    /// them from it alone), and what hangs below its anchors.
    fn own(&self, said: &[(u64, EndingStatement)]) -> (BTreeSet<[u8; 32]>, bool) {
        let mut own: BTreeSet<[u8; 32]> = said
            .iter()
            .filter_map(|(_, said)| match said {
                EndingStatement::KeyDestroyed(said) => Some(said.certificate),
                EndingStatement::LastCount(said) => Some(said.certificate),
                _ => None,
            })
            .collect();
        let mut keys = BTreeSet::new();
        for (_, statement) in &self.statements {
            let entry = statement.entry().ok();
            let known = entry.iter().flat_map(|entry| &entry.intermediates);
            for digest in statement.anchors().iter().chain(known) {
                if let Some((certificate, _, _)) = self.certificates.get(digest) {
                    keys.insert(certificate.key_hash());
                }
            }
        }
        let anchors_known = !keys.is_empty();
        loop {
            let before = own.len();
            for (digest, (certificate, issuer, _)) in &self.certificates {
                if issuer.is_some_and(|issuer| keys.contains(&issuer)) && own.insert(*digest) {
                    keys.insert(certificate.key_hash());
                }
            }
            if own.len() == before {
                return (own, anchors_known);
            }
        }
    }

    /// The unit with this certificate; `None` if it neither stamped nor counted tokens.
    fn unit(&self, digest: &[u8; 32], said: &[(u64, EndingStatement)]) -> Option<Unit> {
        let counted = said.iter().rev().find_map(|(index, said)| match said {
            EndingStatement::LastCount(count) if count.certificate == *digest => {
                Some((*index, count.clone()))
            }
            _ => None,
        });
        let known = self.certificates.get(digest);
        let of = |algorithm: HashAlgorithm| {
            let hash = match known {
                Some((certificate, _, _)) => algorithm.digest(certificate.der()),
                None if algorithm == HashAlgorithm::Sha256 => digest.to_vec(),
                None => return None,
            };
            self.tokens.get(&(algorithm.oid_octets().to_vec(), hash))
        };
        // One unit may change the hash that it names its certificate by.
        let contents: BTreeSet<[u8; 32]> = HashAlgorithm::ALL
            .into_iter()
            .filter_map(of)
            .flatten()
            .copied()
            .collect();
        if contents.is_empty() && counted.is_none() {
            return None;
        }
        let revocations = known.and_then(|(certificate, issuer, _)| {
            let key = ((*issuer)?, certificate.serial().to_vec());
            self.revocations.get(&key).cloned()
        });
        Some(Unit {
            certificate: *digest,
            subject: known.map_or_else(String::new, |(certificate, _, _)| certificate.subject()),
            index: known.and_then(|(_, _, index)| *index),
            tokens: u64::try_from(contents.len()).unwrap_or(u64::MAX),
            batch: batch_digest(contents),
            revocations: revocations.unwrap_or_default(),
            counted,
        })
    }

    fn notice(&self) -> Line {
        let ends = |code: StatementCode| {
            [
                StatementCode::TERMINATING,
                StatementCode::TERMINATED,
                StatementCode::SUCCESSOR,
            ]
            .contains(&code)
        };
        let found = self
            .statements
            .iter()
            .find(|(_, statement)| ends(statement.code()));
        let mut line = stated(Item::Notice, String::new(), found);
        let entry = found.and_then(|(_, statement)| statement.entry().ok());
        if let Some(change) = entry
            .iter()
            .flat_map(|entry| &entry.status)
            .rfind(|c| ends(c.state))
        {
            line.detail = change.from.time().to_string();
        }
        line
    }

    fn last_list(&self, issuer: [u8; 32], said: &[(u64, EndingStatement)]) -> [Line; 2] {
        let lists = self
            .lists
            .iter()
            .filter(|(_, list)| list.issuer_key_hash == issuer);
        let newest = lists.max_by_key(|(_, list)| list.this_update);
        let last = newest.filter(|(_, list)| {
            list.base_number.as_bytes().is_empty()
                && list.next_update.map(Moment::time) == Some(LAST_LIST_NEXT_UPDATE)
        });
        let of = hex::encode(issuer);
        let proven = Line {
            item: Item::LastList,
            standing: last.map_or(Standing::Missing, |_| Standing::Proven),
            of: of.clone(),
            index: last.map(|(index, _)| *index),
            detail: last.map_or_else(String::new, |(_, list)| hex::encode(list.digest)),
        };
        let named = said.iter().rfind(|(_, said)| match said {
            EndingStatement::LastCrl(said) => {
                said.issuer_key_hash == issuer
                    && newest.is_some_and(|(_, list)| list.digest == said.crl)
            }
            _ => false,
        });
        [proven, stated(Item::LastListNamed, of, named)]
    }
}

fn stated<T>(item: Item, of: String, found: Option<&(u64, T)>) -> Line {
    Line {
        item,
        standing: found.map_or(Standing::Missing, |_| Standing::Stated),
        of,
        index: found.map(|(index, _)| *index),
        detail: String::new(),
    }
}

impl Unit {
    fn lines(&self, said: &[(u64, EndingStatement)]) -> Vec<Line> {
        let of = hex::encode(self.certificate);
        let orderly = self
            .revocations
            .last()
            .filter(|(_, revocation)| revocation.leaves_earlier_valid());
        let reason = |revocation: &Revocation| {
            revocation
                .reason
                .map_or("no reason", ishibumi_artifact::record::Reason::name)
        };
        let revoked = Line {
            item: Item::Revoked,
            standing: orderly.map_or(Standing::Missing, |_| Standing::Proven),
            of: of.clone(),
            index: self.revocations.last().map(|(index, _)| *index),
            detail: self
                .revocations
                .last()
                .map_or_else(String::new, |(_, said)| reason(said).to_owned()),
        };
        let compare = |item, holds: &dyn Fn(&LastCount) -> bool, detail: String| Line {
            item,
            standing: match &self.counted {
                Some((_, count)) if holds(count) => Standing::Proven,
                _ => Standing::Missing,
            },
            of: of.clone(),
            index: self.counted.as_ref().map(|(index, _)| *index),
            detail,
        };
        let counted = self
            .counted
            .as_ref()
            .map(|(_, count)| count.count.to_string());
        let figures = format!(
            "{} / {}",
            self.tokens,
            counted.unwrap_or_else(|| "-".to_owned())
        );
        let destroyed = said.iter().rfind(|(_, said)| match said {
            EndingStatement::KeyDestroyed(said) => said.certificate == self.certificate,
            _ => false,
        });
        vec![
            revoked,
            compare(Item::Counted, &|count| count.count == self.tokens, figures),
            compare(
                Item::Batch,
                &|count| count.batch == self.batch,
                hex::encode(self.batch),
            ),
            stated(Item::KeyDestroyed, of.clone(), destroyed),
        ]
    }
}
