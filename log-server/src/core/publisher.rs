//! Rounds of signing, cosigning and publishing: one in flight, always for the newest head.
//!
//! A round is a head and the cosignatures that came for it. The next head is signed only after the
//! quorum cosigned the present one, so the log can never be more than one head ahead of its witnesses.
//! The first round after a start is for the head that is already signed: as long as no quorum of
//! witnesses has answered for it, nothing new is signed (a restored machine learns from its witnesses
//! that it is old). Cosignatures beyond the quorum are added as they come, to the checkpoint that is
//! published and to those that are kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ishibumi_store::{LogStore, StoreError};
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::{Policy, TrustedCheckpoint};

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
    /// What is to be cosigned.
    pub head: SignedHead,
    /// The note that is sent: the head with the log's signature, and in the first round of a process with
    /// the cosignatures that are known for it, by which a witness that was rolled back recognises it.
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
    /// A witness knows a larger tree of this log than this log does.
    #[error(
        "ROLLED BACK? The witness {witness} cosigned a tree of {theirs} records under this log's key; \
         this log has signed {ours}. Bring back the newer data. If the witness is lying, name it in \
         distrusted_witnesses and start again"
    )]
    WitnessAhead {
        /// The witness's key name.
        witness: String,
        /// The size that it claims.
        theirs: u64,
        /// The size that this log signed.
        ours: u64,
    },
    /// A quorum of witnesses knows larger trees, though they have agreed with this process before.
    #[error(
        "FORKED? A quorum of witnesses cosigned larger trees under this log's key than the {ours} records \
         that this log has signed (the largest has {theirs}): the key signs somewhere else as well. Keep \
         the log that the witnesses follow, and never start the other one again"
    )]
    SignedElsewhere {
        /// The largest size that is claimed.
        theirs: u64,
        /// The size that this log signed.
        ours: u64,
    },
}

/// What the publisher wants done after an event.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Ask the witnesses to cosign this.
    pub round: Option<Round>,
    /// Serve this from now on.
    pub published: Option<Published>,
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
    /// Witnesses that claim a larger tree than the present round's, by their place in the policy.
    contradicting: BTreeMap<usize, u64>,
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
    pub fn open(
        store: Arc<dyn LogStore>,
        policy: Policy,
        signer: HeadSigner,
        keep_interval: Duration,
        recosign_interval: Duration,
    ) -> Result<Self, PublisherError> {
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
            contradicting: BTreeMap::new(),
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

    /// Opens the first round: for the head that is signed already, or for the first head of a log that
    /// has signed none.
    pub fn start(mut self, now: Duration) -> Result<(Self, Outcome), PublisherError> {
        if self.signer.head().is_none() {
            self.signer = self.signer.advance()?;
        }
        self.open_round(now)
    }

    /// Time has passed, or records were staged.
    pub fn tick(mut self, now: Duration) -> Result<(Self, Outcome), PublisherError> {
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
    pub fn cosigned(
        mut self,
        number: u64,
        lines: Vec<SignatureLine>,
        now: Duration,
    ) -> Result<(Self, Outcome), PublisherError> {
        if let Some(open) = self
            .before
            .as_mut()
            .filter(|open| open.round.number == number)
        {
            open.lines.extend(lines);
            // The next round will replace it in a moment: under load, checking and syncing it once more
            // would cost as much as the round itself, and nobody would keep it.
            let published = if open.keep { self.improve()? } else { None };
            return Ok((
                self,
                Outcome {
                    round: None,
                    published,
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
            outcome.published = next.published.or(outcome.published);
        }
        Ok((self, outcome))
    }

    /// The witness named `witness` claims to have cosigned a tree of `theirs` records when it was asked
    /// about one of `ours`. `agreed_before`: it has cosigned for this process.
    ///
    /// # Errors
    /// [`PublisherError::WitnessAhead`] if it has never agreed: this log may be an old copy. One that has
    /// agreed may have begun to lie, and costs nothing; but a quorum is believed:
    /// [`PublisherError::SignedElsewhere`].
    pub fn contradicted(
        mut self,
        witness: &str,
        theirs: u64,
        ours: u64,
        agreed_before: bool,
    ) -> Result<Self, PublisherError> {
        if !agreed_before {
            return Err(PublisherError::WitnessAhead {
                witness: witness.to_owned(),
                theirs,
                ours,
            });
        }
        let present = self.signer.head().map(|head| head.checkpoint.size);
        if present != Some(ours) {
            return Ok(self);
        }
        // One witness may sign with several keys; it says this for all of them.
        for (place, known) in self.policy.witnesses().iter().enumerate() {
            if known.key.name() == witness {
                self.contradicting.insert(place, theirs);
            }
        }
        let Some(&theirs) = self.contradicting.values().max() else {
            return Ok(self);
        };
        let claims = |place| self.contradicting.contains_key(&place);
        if self.policy.is_quorum(claims) {
            return Err(PublisherError::SignedElsewhere { theirs, ours });
        }
        Ok(self)
    }

    /// Keeps the published checkpoint for ever, whatever the interval says, and gives it: somebody is about
    /// to have it stamped. Cosignatures that come late are added to it.
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
        self.contradicting.clear();
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
        if let Some(before) = self.before.take().filter(|before| before.keep) {
            self.kept.push_back(before);
            self.kept.drain(..self.kept.len().saturating_sub(LATE_MAX));
        }
        let published = self.publish(trusted, keep)?;
        Ok(Outcome {
            round: None,
            published: Some(published),
        })
    }

    /// Adds a late cosignature to the checkpoint of the round before, which is still the published one.
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
        // Every line was verified when it came: who signed needs no second look, what is published does.
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
