//! The link between two logs: record 0 of the one, the closing record of the other.
//!
//! Anybody can add a record to the given ones, and a proof that proves nothing. So every record is
//! looked at, and an unproven one says nothing: it neither helps a link nor stands in the way of a
//! proven one.

use std::collections::BTreeMap;
use std::sync::Arc;

use ishibumi_artifact::end::{End, EndError, closing_record};
use ishibumi_artifact::record::{Body, LogEnding, LogOpened, LogStatement, Record};
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::{AlgorithmRequirement, TrustError};
use ishibumi_tlog::{Checkpoint, Policy, TrustedCheckpoint};

use super::{CHAIN_MAX, Finding, LinkError, Policies, Succession};
use ishibumi_evidence::LoggedEntry;

/// The records given to show that one log continues another. Nothing of it is verified.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    /// Record 0 of the successor.
    pub opening: &'a LoggedEntry,
    /// Records that are said to close its predecessor. Those that are proven count, all of them.
    pub closings: Vec<&'a LoggedEntry>,
    /// Other checkpoints of the predecessor that are at hand. Those which its own policy accepts
    /// have to agree with the link; the rest says nothing.
    pub heads: &'a [&'a Note],
}

impl Link<'_> {
    /// Verifies the link, each log under the policy of `policies` that names it.
    ///
    /// # Errors
    /// [`LinkError`]: why the link shows nothing. A contradiction is no error: see
    /// [`Succession::findings`].
    pub fn verify(&self, policies: &Policies) -> Result<Succession, LinkError> {
        let claim = Claim::read(self.opening, policies)?;
        let known = Known::of(&claim, &self.closings, self.heads);
        claim.held_against(&known)
    }
}

/// Verifies the links among `statements`: each opening record that names a predecessor, with every
/// closing record of that log, and against every checkpoint of it among `heads`. Repeated results
/// are listed once; of those that show nothing, the first [`CHAIN_MAX`].
pub fn links_among(
    statements: &[Arc<LoggedEntry>],
    heads: &[&Note],
    policies: &Policies,
) -> Vec<Result<Succession, LinkError>> {
    let closings = statements.iter().map(|it| &**it);
    let closings: Vec<&LoggedEntry> = closings
        .filter(|it| closing_record(&it.entry).is_some())
        .collect();
    let continues =
        |it: &&Arc<LoggedEntry>| opened_of(&it.entry).is_some_and(|it| it.predecessor().is_some());
    // Of each old log everything is verified once, however many links ask for it.
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let (mut shown, mut refused) = (Vec::new(), Vec::new());
    for opening in statements.iter().filter(continues) {
        let link = Claim::read(opening, policies).and_then(|claim| {
            let origin = &claim.committed.origin;
            let of_old = |it: &&&LoggedEntry| origin_of(&it.checkpoint).as_ref() == Some(origin);
            let known = known.entry(origin.clone()).or_insert_with(|| {
                let own: Vec<&LoggedEntry> = closings.iter().filter(of_old).copied().collect();
                Known::of(&claim, &own, heads)
            });
            claim.held_against(known)
        });
        match link {
            Ok(link) if !shown.contains(&link) => shown.push(link),
            Err(error) if refused.len() < CHAIN_MAX && !refused.contains(&error) => {
                refused.push(error);
            }
            _ => {}
        }
    }
    let shown = shown.into_iter().map(Ok);
    shown.chain(refused.into_iter().map(Err)).collect()
}

/// Origin of the log that the log of this record 0 continues, as the record says. Nothing is
/// verified.
///
/// # Errors
/// [`LinkError::NotOpening`], [`LinkError::NoPredecessor`] or [`LinkError::Committed`].
pub fn named_predecessor(opening: &LoggedEntry) -> Result<String, LinkError> {
    let of = || origin_of(&opening.checkpoint).unwrap_or_default();
    let opened = opened_of(&opening.entry).ok_or_else(|| LinkError::NotOpening(of()))?;
    let before = opened.predecessor();
    let before = before.ok_or_else(|| LinkError::NoPredecessor(of()))?;
    let note = Note::parse(before.checkpoint())?;
    let committed = Checkpoint::parse(note.text()).map_err(TrustError::from);
    Ok(committed.map_err(LinkError::CommittedTrust)?.origin)
}

/// The statement of a successor before its own quorum, with a checkpoint that the old log signed.
struct Claim<'p> {
    successor: String,
    /// The vkey lines with which the successor signed.
    vkeys: Vec<String>,
    committed: Checkpoint,
    /// The old log's own policy.
    old: &'p Policy,
}

impl<'p> Claim<'p> {
    fn read(opening: &LoggedEntry, policies: &'p Policies) -> Result<Self, LinkError> {
        let under = policies.of(&opening.checkpoint);
        let leaf = under
            .check_proof(&opening.proof(), &opening.entry)
            .map_err(LinkError::Opening)?;
        let successor = leaf.head().checkpoint().origin.clone();
        let opened = opened_of(leaf.record())
            .filter(|opened| leaf.index() == 0 && opened.origin() == successor.as_bytes())
            .ok_or_else(|| LinkError::NotOpening(successor.clone()))?;
        let vkeys = signing_keys(under, leaf.head());
        let named = |vkey: &String| opened.keys().any(|key| key == vkey.as_bytes());
        if !vkeys.iter().any(named) {
            return Err(LinkError::OtherKeys(successor));
        }
        let before = opened
            .predecessor()
            .ok_or_else(|| LinkError::NoPredecessor(successor.clone()))?;
        let note = Note::parse(before.checkpoint())?;
        let old = policies.of(&note);
        let committed = signed_by_log(old, &note, before.keys())?;
        if committed.origin == successor {
            return Err(LinkError::Itself(successor));
        }
        Ok(Self {
            successor,
            vkeys,
            committed,
            old,
        })
    }

    fn held_against(self, known: &Known) -> Result<Succession, LinkError> {
        let mut link = Succession {
            successor: self.successor,
            committed: self.committed,
            closing: None,
            witnessed: false,
            findings: Vec::new(),
        };
        link.compare(known, &self.vkeys);
        match &known.refused {
            // A record that proves nothing hides no contradiction, and is no end of the log either.
            Some(refused) if known.ends.is_empty() && link.findings.is_empty() => {
                Err(LinkError::Closing(refused.clone()))
            }
            _ => Ok(link),
        }
    }
}

/// What is proven of an old log, under its own policy.
struct Known {
    ends: Vec<Ended>,
    heads: Vec<TrustedCheckpoint>,
    /// Why the first of the unproven closing records is not proven.
    refused: Option<EndError>,
}

/// What a closing record shows.
enum Ended {
    /// It is the last one.
    Closed(Box<End>),
    /// The log's own quorum cosigned records after it.
    GoesOn { closed: u64, size: u64 },
}

impl Known {
    fn of(claim: &Claim<'_>, closings: &[&LoggedEntry], heads: &[&Note]) -> Self {
        let (old, origin) = (claim.old, &claim.committed.origin);
        let mut known = Self {
            ends: Vec::new(),
            heads: Vec::new(),
            refused: None,
        };
        for closing in closings {
            let named = origin_of(&closing.checkpoint).unwrap_or_default();
            if named != *origin {
                let other = EndError::Untrusted(TrustError::UnknownLog(named));
                known.refused.get_or_insert(other);
                continue;
            }
            match End::closed(old, &closing.proof(), &closing.entry) {
                Ok(end) => known.ends.push(Ended::Closed(Box::new(end))),
                Err(EndError::NotLast { index, size }) => {
                    let closed = index.saturating_add(1);
                    known.ends.push(Ended::GoesOn { closed, size });
                }
                Err(error) => {
                    known.refused.get_or_insert(error);
                }
            }
        }
        // Heads of other logs say nothing about this one; comparing origins first is cheaper than
        // verifying signatures.
        let heads = heads
            .iter()
            .filter(|note| origin_of(note).as_ref() == Some(origin));
        let heads = heads.filter_map(|note| old.check_checkpoint(note).ok());
        known.heads.extend(heads);
        known
    }

    /// Number of records with which the log closed: the smallest, if it is said more than once.
    fn closed(&self) -> Option<u64> {
        let closed = self.ends.iter().map(|end| match end {
            Ended::Closed(end) => end.checkpoint().size,
            Ended::GoesOn { closed, .. } => *closed,
        });
        closed.min()
    }
}

impl Succession {
    fn compare(&mut self, known: &Known, vkeys: &[String]) {
        let closed = known.closed();
        for end in &known.ends {
            match end {
                Ended::Closed(end) => {
                    let date = end.closing().map(LogEnding::date);
                    let said = date.map(|date| (date, end.head().not_after()));
                    self.closing = self.closing.or(said);
                    if !vkeys.iter().any(|vkey| end.names(vkey)) {
                        let predecessor = self.committed.origin.clone();
                        let successor = self.successor.clone();
                        self.found(Finding::NotNamed {
                            predecessor,
                            successor,
                        });
                    }
                    self.compare_with(end.checkpoint(), closed);
                }
                Ended::GoesOn { closed, size } => self.found(Finding::Appended {
                    closed: *closed,
                    size: *size,
                }),
            }
        }
        for head in &known.heads {
            self.compare_with(head.checkpoint(), closed);
        }
        // The old log signed what record 0 commits to, so it is bound by it, too.
        if let Some(closed) = closed.filter(|&closed| closed < self.committed.size) {
            let size = self.committed.size;
            self.found(Finding::Appended { closed, size });
        }
    }

    /// Compares the committed tree with one that the old quorum cosigned.
    fn compare_with(&mut self, seen: &Checkpoint, closed: Option<u64>) {
        let (committed, size) = (self.committed.size, seen.size);
        if size == committed {
            if seen.root == self.committed.root {
                self.witnessed = true;
            } else {
                self.found(Finding::Fork {
                    size,
                    committed: self.committed.root,
                    witnessed: seen.root,
                });
            }
        } else if size > committed {
            self.found(Finding::Behind { committed, size });
        }
        if let Some(closed) = closed.filter(|&closed| closed < size) {
            self.found(Finding::Appended { closed, size });
        }
    }

    fn found(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// The checkpoint in record 0: signed by a log that the old policy names, with a key that record 0
/// names. Its quorum travels elsewhere.
fn signed_by_log<'k>(
    old: &Policy,
    note: &Note,
    mut keys: impl Iterator<Item = &'k [u8]>,
) -> Result<Checkpoint, LinkError> {
    let standing = old.standing(note, AlgorithmRequirement::AnyAlgorithm);
    let standing = standing.map_err(LinkError::CommittedTrust)?;
    let signed = standing.logs.iter().filter_map(|&log| old.logs().get(log));
    let signed: Vec<String> = signed.map(|log| log.key.to_string()).collect();
    let origin = standing.checkpoint.origin.clone();
    if signed.is_empty() {
        return Err(LinkError::CommittedTrust(TrustError::NotSignedByLog(
            origin,
        )));
    }
    if !keys.any(|key| signed.iter().any(|vkey| vkey.as_bytes() == key)) {
        return Err(LinkError::OtherKeys(origin));
    }
    Ok(standing.checkpoint)
}

/// The vkey lines of `policy` with which the log signed `head`.
fn signing_keys(policy: &Policy, head: &TrustedCheckpoint) -> Vec<String> {
    let origin = &head.checkpoint().origin;
    let signed = |key: &ishibumi_tlog::key::VerifierKey| {
        key.name() == origin && head.note().signatures().iter().any(|line| line.is_by(key))
    };
    let logs = policy.logs().iter().map(|log| &log.key);
    logs.filter(|key| signed(key))
        .map(ToString::to_string)
        .collect()
}

/// The body of an opening record.
fn opened_of(entry: &[u8]) -> Option<LogOpened> {
    match Record::decode(entry).ok()?.body() {
        Body::Log(LogStatement::Opened(opened)) => Some(opened.clone()),
        _ => None,
    }
}

fn origin_of(note: &Note) -> Option<String> {
    Checkpoint::parse(note.text()).ok().map(|it| it.origin)
}
