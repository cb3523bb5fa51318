//! Rounds of signing, cosigning and publishing: one in flight, always for the newest head.
//!
//! A round is a head and the cosignatures that came for it. The next head is signed only after the
//! quorum cosigned the present one, so the log can never be more than one head ahead of its
//! witnesses. The first round after a start is for the head that is already signed: as long as no
//! quorum of witnesses has answered for it, nothing new is signed (a restored machine learns from
//! its witnesses that it is old). Cosignatures beyond the quorum are added as they come, to the
//! checkpoint that is published and to those that are kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{LogStore, StoreError};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::{Checkpoint, Hash, Policy, TrustedCheckpoint};

use super::contradiction::{Claim, Contradictions, Followed, Judgement};
use super::elsewhere::Foreign;
use super::head::{HeadError, HeadSigner, SignedHead};

/// Kept checkpoints to which late cosignatures are still added: at one a second, those of a minute.
const LATE_MAX: usize = 64;

/// A checkpoint with its quorum.
pub type Published = Arc<TrustedCheckpoint>;

/// A head that witnesses are asked to cosign.
#[derive(Clone, Debug)]
pub struct Round {
    /// Counts up with every round of this process; a cosignature belongs to one.
    pub number: u64,
    /// The signed head to be cosigned.
    pub head: SignedHead,
    /// The note that is sent: the head with the log's signature, and in the first round of a
    /// process with the cosignatures that are known for it, by which a witness that was rolled back
    /// recognises it.
    pub note: Note,
    /// Whether its checkpoint will be kept for ever.
    pub keep: bool,
}

/// Why the publisher stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublisherError {
    /// Signing was refused or failed.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Publishing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log's key signed another tree of a size that this log has.
    #[error(
        "FORKED: {witness} shows a checkpoint of {theirs} records, root {root}, that this log's own key \
         signed and that is not part of this log, which has signed {ours} records. Another copy of this log \
         signs: a cloned machine, or a backup that was started. This copy signs and accepts nothing any more; \
         what has its quorum is served. Remove and overwrite nothing, here or there: docs/recovery.md, \
         FORKED, says how to find the copy that the witnesses follow"
    )]
    Forked {
        /// Who shows it.
        witness: String,
        /// The size of the other tree.
        theirs: u64,
        /// The root of the other tree.
        root: Hash,
        /// The size that this log signed.
        ours: u64,
    },
    /// The log's key signed more than this log knows.
    #[error(
        "FORKED OR ROLLED BACK: {witness} shows a checkpoint of {theirs} records, root {root}, that this \
         log's own key signed; this log has signed {ours}. Either this is an older copy, or another copy of \
         this log signs. This one signs and accepts nothing any more; what has its quorum is served. Remove \
         and overwrite nothing, here or there: docs/recovery.md, FORKED OR ROLLED BACK, says how to bring \
         back what is missing"
    )]
    Behind {
        /// Who shows it.
        witness: String,
        /// The size of the other tree.
        theirs: u64,
        /// The root of the other tree.
        root: Hash,
        /// The size that this log signed.
        ours: u64,
    },
}

impl PublisherError {
    /// Whether the log's key signs somewhere else: reading goes on then, and nothing else.
    pub fn is_fork(&self) -> bool {
        matches!(self, Self::Forked { .. } | Self::Behind { .. })
    }
}

/// The actions that the publisher asks for after an event.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Ask the witnesses to cosign this.
    pub round: Option<Round>,
    /// Serve this from now on.
    pub published: Option<Published>,
    /// Tell the operator.
    pub alarm: Option<String>,
}

/// Drives rounds. Knows no threads and no clock: events and times come in, wishes go out.
pub struct Publisher {
    store: Arc<dyn LogStore>,
    policy: Policy,
    signer: HeadSigner,
    round: Option<Open>,
    /// The round before, while its checkpoint is the published one: cosignatures beyond the quorum
    /// often come after the next head was signed, and are added if it is kept.
    before: Option<Open>,
    /// Older rounds whose checkpoints are kept, oldest first.
    kept: VecDeque<Open>,
    rounds: u64,
    /// The claims and proofs of witnesses against this log.
    contradictions: Contradictions,
    /// Records that were staged when it was started: other copies may have them too.
    began: u64,
    published: Option<Published>,
    keep: Keep,
    recosign_interval: Duration,
}

struct Open {
    round: Round,
    lines: Vec<SignatureLine>,
    started: Duration,
    /// Whether this round's note is the one kept for its size.
    keep: bool,
    /// Set once the quorum was reached.
    done: bool,
}

struct Keep {
    interval: Duration,
    size: u64,
    at: Option<Duration>,
}

impl Publisher {
    /// A publisher that continues what `store` has published. Times are since any fixed moment.
    ///
    /// # Errors
    /// [`PublisherError`] if the published state cannot be read.
    pub fn open(
        store: Arc<dyn LogStore>,
        policy: Policy,
        signer: HeadSigner,
        keep_interval: Duration,
        recosign_interval: Duration,
    ) -> Result<Self, PublisherError> {
        let outweighed = signer.known_elsewhere()?;
        let stored = store.published()?;
        // A changed policy may no longer accept it; the first round replaces it then.
        let published = stored
            .and_then(|note| policy.check_checkpoint(&note).ok())
            .map(Arc::new);
        // Kept ones are at most as large as the published one: if that is not kept, keeping is due.
        let kept = match &published {
            Some(published) => store
                .kept(published.checkpoint().size)?
                .map_or(0, |kept| kept.size),
            None => 0,
        };
        Ok(Self {
            store,
            policy,
            signer,
            round: None,
            before: None,
            kept: VecDeque::new(),
            rounds: 0,
            contradictions: Contradictions::knowing(outweighed),
            began: 0,
            published,
            keep: Keep {
                interval: keep_interval,
                size: kept,
                at: None,
            },
            recosign_interval,
        })
    }

    /// The checkpoint that is published now.
    pub fn published(&self) -> Option<Published> {
        self.published.clone()
    }

    /// The log's public keys, Ed25519 first.
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.signer.verifiers()
    }

    /// Whether the present round is without its quorum, and since when.
    pub fn waits_since(&self) -> Option<Duration> {
        let open = self.round.as_ref().filter(|open| !open.done);
        open.map(|open| open.started)
    }

    /// Opens the first round: for the head that is signed already, or for the first head of a log
    /// that has signed none.
    ///
    /// # Errors
    /// [`PublisherError`] if signing or publishing fails.
    pub fn start(mut self, now: Duration) -> Result<(Self, Outcome), PublisherError> {
        self.began = self.store.staged()?.size();
        if self.signer.head().is_none() {
            self.signer = self.signer.advance()?;
        }
        self.open_round(now)
    }

    /// Time has passed, or records were staged.
    ///
    /// # Errors
    /// [`PublisherError`] if signing or publishing fails, or another copy of this log stops this
    /// one.
    pub fn tick(mut self, now: Duration) -> Result<(Self, Outcome), PublisherError> {
        let followed = self.followed();
        let judgement = self.contradictions.judge(now, &self.policy, followed);
        let alarm = self.obey(judgement)?;
        if alarm.is_some() || self.contradictions.is_contested() {
            let outcome = Outcome {
                alarm,
                ..Outcome::default()
            };
            return Ok((self, outcome));
        }
        let Some(open) = &self.round else {
            return Ok((self, Outcome::default()));
        };
        if !open.done {
            return Ok((self, Outcome::default()));
        }
        let asked = open.round.head.note.clone();
        let idle = now.saturating_sub(open.started);
        self.signer = self.signer.advance()?;
        // It grew, or a key that was added has signed it.
        let changed = self.signer.head().is_some_and(|head| head.note != asked);
        if changed || idle >= self.recosign_interval {
            return self.open_round(now);
        }
        self.keep_late(now)?;
        Ok((self, Outcome::default()))
    }

    /// A witness cosigned the head of round `number`.
    ///
    /// # Errors
    /// [`PublisherError`] if signing or publishing fails, or another copy of this log stops this
    /// one.
    pub fn cosigned(
        mut self,
        number: u64,
        lines: Vec<SignatureLine>,
        now: Duration,
    ) -> Result<(Self, Outcome), PublisherError> {
        for (place, witness) in self.policy.witnesses().iter().enumerate() {
            if lines.iter().any(|line| line.is_by(&witness.key)) {
                self.contradictions.agreed(place);
            }
        }
        if let Some(open) = self
            .before
            .as_mut()
            .filter(|open| open.round.number == number)
        {
            open.lines.extend(lines);
            // The next round will replace it in a moment: under load, checking and syncing it once
            // more would cost as much as the round itself, and no copy would keep it.
            let published = if open.keep { self.improve()? } else { None };
            return Ok((
                self,
                Outcome {
                    published,
                    ..Outcome::default()
                },
            ));
        }
        let Some(open) = self
            .round
            .as_mut()
            .filter(|open| open.round.number == number)
        else {
            self.add_late(number, lines)?;
            return Ok((self, Outcome::default()));
        };
        open.lines.extend(lines);
        let mut outcome = self.try_publish(now)?;
        if outcome.published.is_some() {
            let (this, next) = self.tick(now)?;
            self = this;
            outcome.round = next.round;
            outcome.alarm = next.alarm;
            outcome.published = next.published.or(outcome.published);
        }
        Ok((self, outcome))
    }

    /// The witness with `keys` does not cosign and says `claim`; `shown` is a checkpoint that it
    /// holds, that the log's own key signed and that is not part of this log. `seen` is the time,
    /// in seconds since the Epoch. Returns what the operator is to be told.
    ///
    /// # Errors
    /// [`PublisherError::Forked`] and [`PublisherError::Behind`] if that stops this copy.
    pub fn contradicted<'a>(
        mut self,
        keys: impl Iterator<Item = &'a VerifierKey>,
        claim: &Claim,
        shown: Option<&Arc<Foreign>>,
        seen: u64,
        now: Duration,
    ) -> Result<(Self, Option<String>), PublisherError> {
        let keys: Vec<&VerifierKey> = keys.collect();
        let name = keys.first().map_or("a witness", |key| key.name());
        // One witness may sign with several keys; it says this for all of them.
        let known = self.policy.witnesses().iter().enumerate();
        let places = known.filter(|(_, known)| keys.contains(&&known.key));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        let Some(foreign) = shown else {
            if *claim != Claim::Shown {
                for &place in &places {
                    self.contradictions.said(place, name, claim.clone());
                }
            }
            return Ok((self, None));
        };
        let (followed, policy) = (self.followed(), &self.policy);
        let at = (seen, now);
        let judgement = self
            .contradictions
            .shown(&places, name, foreign, at, policy, followed);
        let alarm = self.obey(judgement)?;
        Ok((self, alarm))
    }

    /// Why nothing is to be accepted for the time being: witnesses without whom there is no quorum
    /// say that they know another tree, and show none.
    pub fn held(&mut self, now: Duration) -> Option<String> {
        let said = self.contradictions.held(&self.policy, now)?;
        let size = self.signer.head().map_or(0, |head| head.checkpoint.size);
        Some(format!(
            "CONTRADICTED: without the witnesses that say that they know another tree of this log there is no \
             quorum: {said}. Nothing is accepted until a quorum cosigns the head of {size} records; what has \
             its quorum is served. If this machine was copied or set back, stop it: docs/recovery.md, \
             CONTRADICTED"
        ))
    }

    fn followed(&self) -> Followed {
        let size = |round: &Open| round.round.head.checkpoint.size;
        let published = self.published.as_ref();
        Followed {
            began: self.began,
            published: published.map_or(0, |published| published.checkpoint().size),
            asked: self.round.as_ref().filter(|open| !open.done).map(size),
        }
    }

    /// Does what a judgement demands.
    fn obey(&self, judgement: Judgement) -> Result<Option<String>, PublisherError> {
        let ours = self.signer.head().map_or(0, |head| head.checkpoint.size);
        match judgement {
            Judgement::Nothing => Ok(None),
            Judgement::Alarm(proof) => {
                let Checkpoint { size, root, .. } = &proof.foreign.checkpoint;
                let kept = self.signer.keep_evidence(&proof.foreign, proof.seen);
                let kept = match kept {
                    Ok(Some(path)) => format!("Both are in {}", path.display()),
                    Ok(None) => "There is nothing to keep".to_owned(),
                    Err(error) => format!("The evidence could not be kept: {error}"),
                };
                let witness = &proof.witness;
                Ok(Some(format!(
                    "ALARM: {witness} shows a checkpoint of {size} records, root {root}, that this log's own \
                     key signed and that is not part of this log. Another copy of this log signs or signed. The \
                     quorum follows this one, which goes on: find the other and stop it, see docs/recovery.md, \
                     ALARM. {kept}"
                )))
            }
            Judgement::Stop(proof) => {
                if let Err(error) = self.signer.accuse(&proof.foreign, proof.seen) {
                    eprintln!("what stops this log could not be kept for its next start: {error}");
                }
                let Checkpoint { size, root, .. } = proof.foreign.checkpoint;
                let (witness, theirs) = (proof.witness, size);
                Err(if theirs > ours {
                    PublisherError::Behind {
                        witness,
                        theirs,
                        root,
                        ours,
                    }
                } else {
                    PublisherError::Forked {
                        witness,
                        theirs,
                        root,
                        ours,
                    }
                })
            }
        }
    }

    /// Keeps the published checkpoint for ever, whatever the interval says, and gives it: a TSA is
    /// about to stamp it. Cosignatures that come late are added to it.
    ///
    /// # Errors
    /// [`PublisherError`] if the store fails.
    pub fn keep_published(
        mut self,
        now: Duration,
    ) -> Result<(Self, Option<Published>), PublisherError> {
        let Some(published) = self.published.clone() else {
            return Ok((self, None));
        };
        let size = published.checkpoint().size;
        self.store.publish(size, published.note(), true)?;
        self.keep.size = size;
        self.keep.at = Some(now);
        let rounds = self.round.iter_mut().chain(&mut self.before);
        for open in rounds.filter(|open| open.done && open.round.head.checkpoint.size == size) {
            open.keep = true;
        }
        Ok((self, Some(published)))
    }

    fn open_round(mut self, now: Duration) -> Result<(Self, Outcome), PublisherError> {
        let Some(head) = self.signer.head().cloned() else {
            return Ok((self, Outcome::default()));
        };
        self.rounds += 1;
        let known = self.published.as_ref().map(|published| published.note());
        let note = known.filter(|note| self.rounds == 1 && note.text() == head.note.text());
        let note = note.unwrap_or(&head.note).clone();
        let keep = head.checkpoint.size > self.keep.size && self.keep.due(now);
        let round = Round {
            number: self.rounds,
            head,
            note,
            keep,
        };
        let open = Open {
            round: round.clone(),
            lines: Vec::new(),
            started: now,
            keep,
            done: false,
        };
        self.before = self.round.replace(open);
        // A policy without witnesses has its quorum at once.
        let published = self.try_publish(now)?.published;
        Ok((
            self,
            Outcome {
                round: Some(round),
                published,
                ..Outcome::default()
            },
        ))
    }

    /// Publishes the present round's head, if it has its quorum.
    fn try_publish(&mut self, now: Duration) -> Result<Outcome, PublisherError> {
        let Some(open) = &mut self.round else {
            return Ok(Outcome::default());
        };
        let Some(trusted) = open.trusted(&self.policy)? else {
            return Ok(Outcome::default());
        };
        let keep = open.keep;
        if keep && !open.done {
            self.keep.size = trusted.checkpoint().size;
            self.keep.at = Some(now);
        }
        open.done = true;
        self.contradictions.outvoted();
        if let Some(before) = self.before.take().filter(|before| before.keep) {
            self.kept.push_back(before);
            self.kept.drain(..self.kept.len().saturating_sub(LATE_MAX));
        }
        let published = self.publish(trusted, keep)?;
        Ok(Outcome {
            published: Some(published),
            ..Outcome::default()
        })
    }

    /// Adds a late cosignature to the checkpoint of the round before, which is still the published
    /// one.
    fn improve(&mut self) -> Result<Option<Published>, PublisherError> {
        let Some(open) = &self.before else {
            return Ok(None);
        };
        let (keep, done) = (open.keep, open.done);
        let Some(trusted) = open.trusted(&self.policy)?.filter(|_| done) else {
            return Ok(None);
        };
        Ok(Some(self.publish(trusted, keep)?))
    }

    /// Adds cosignatures to a kept checkpoint that is not the published one any more.
    fn add_late(&mut self, number: u64, lines: Vec<SignatureLine>) -> Result<(), PublisherError> {
        let late = |open: &&mut Open| open.round.number == number;
        let Some(open) = self.kept.iter_mut().find(late) else {
            return Ok(());
        };
        open.lines.extend(lines);
        if let Some(trusted) = open.trusted(&self.policy)? {
            let size = trusted.checkpoint().size;
            self.store.keep(size, trusted.note())?;
        }
        Ok(())
    }

    fn publish(&mut self, trusted: TrustedCheckpoint, keep: bool) -> Result<Published, StoreError> {
        self.store
            .publish(trusted.checkpoint().size, trusted.note(), keep)?;
        let published = Arc::new(trusted);
        self.published = Some(Arc::clone(&published));
        Ok(published)
    }

    /// Growth that ended before a keep was due: its last checkpoint is kept as soon as one is.
    fn keep_late(&mut self, now: Duration) -> Result<(), PublisherError> {
        let (Some(published), Some(open)) = (&self.published, &mut self.round) else {
            return Ok(());
        };
        let size = published.checkpoint().size;
        if size > self.keep.size && self.keep.due(now) {
            self.store.publish(size, published.note(), true)?;
            self.keep.size = size;
            self.keep.at = Some(now);
            open.keep = true;
        }
        Ok(())
    }
}

impl Open {
    /// The head with what was cosigned so far; `None` while the quorum is missing.
    fn trusted(&self, policy: &Policy) -> Result<Option<TrustedCheckpoint>, PublisherError> {
        // Every line was verified when it came: the signers need no second look, the published note
        // does.
        let signed = |place: usize| {
            let witness = policy.witnesses().get(place);
            witness.is_some_and(|witness| self.lines.iter().any(|line| line.is_by(&witness.key)))
        };
        if !policy.is_quorum(signed) {
            return Ok(None);
        }
        let mut note: Note = self.round.head.note.clone();
        for line in &self.lines {
            note.push(line.clone());
        }
        match policy.check_checkpoint(&note) {
            Ok(trusted) => Ok(Some(trusted)),
            Err(TrustError::NoQuorum { .. }) => Ok(None),
            // The lines were verified one by one when they came, the head when it was signed.
            Err(error) => Err(HeadError::ForeignHead(error.to_string()).into()),
        }
    }
}

impl Keep {
    fn due(&self, now: Duration) -> bool {
        self.at
            .is_none_or(|at| now.saturating_sub(at) >= self.interval)
    }
}
