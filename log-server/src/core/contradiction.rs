//! Claims of witnesses against this log, and when it stops because of them
//! (`docs/decisions/0007-clones.md`).
//!
//! A *proof* is a checkpoint that the log's own key signed and that is not part of this log
//! ([`Foreign`]). One is enough, no matter who shows it, unless a quorum stands behind this copy:
//! it has cosigned as many of its leaves, or something that this process added, and can do without
//! those that hold another tree.
//!
//! A *word* is a status and a number: 409 with a size that this log has not signed or that it was
//! just asked about, 422. Words count only if without those who say so there is no quorum. Then
//! nothing is accepted until there is one: a liar whom the quorum can do without costs nothing, and
//! a log whose witnesses are gone to another copy promises nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ishibumi_tlog::{Checkpoint, Policy};

use super::elsewhere::Foreign;

/// How long a proof may stand while the quorum may still come for this copy: the cosignatures of
/// one round are on their way.
const CONTEST_MAX: Duration = Duration::from_secs(2);

/// How long words may keep the quorum away before nothing is accepted any more.
const WORDS_MAX: Duration = Duration::from_secs(2);

/// A witness's claim when it does not cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The witness says that it knows a larger tree than this log has signed, with its size.
    Larger(u64),
    /// The witness says that it knows this very size already, and does not cosign it.
    SameSize(u64),
    /// The witness says that the head does not continue the tree that it knows, in these words.
    Refused(String),
    /// Nothing: it was not asked to cosign, it shows what it has.
    Shown,
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Larger(theirs) => write!(f, "it knows a larger tree, of {theirs} records"),
            Self::SameSize(size) => write!(f, "it has another tree of {size} records"),
            Self::Refused(said) => write!(f, "this head does not continue what it knows ({said})"),
            Self::Shown => f.write_str("it shows another tree"),
        }
    }
}

/// A proof, the witness that showed it, and when.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) witness: String,
    pub(super) foreign: Arc<Foreign>,
    /// In seconds since the Epoch.
    pub(super) seen: u64,
    since: Duration,
}

/// How far this copy is followed by the witnesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Followed {
    /// The size of the tree that this process began with.
    pub(super) began: u64,
    /// The size for which the quorum has cosigned.
    pub(super) published: u64,
    /// The size of a head for which it may still come.
    pub(super) asked: Option<u64>,
}

/// The consequence of a proof.
#[derive(Debug)]
pub(super) enum Judgement {
    /// This copy has to stop.
    Stop(Proof),
    /// Another copy signs or signed; the witnesses follow this one. Reported once for each tree.
    Alarm(Proof),
    /// Nothing new.
    Nothing,
}

/// Whether a quorum stands behind this copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Us,
    /// The round that is open will tell.
    Open,
    Nobody,
}

/// The claims and proofs so far.
#[derive(Debug, Default)]
pub(super) struct Contradictions {
    contested: Option<Proof>,
    /// Trees that no longer stop this copy by themselves: the operator was told of them.
    outweighed: Vec<Checkpoint>,
    /// By the index of the witness in the policy: its name and the other tree that it holds.
    holders: BTreeMap<usize, (String, Arc<Foreign>)>,
    /// By the index of the witness in the policy: its name and its claim.
    words: BTreeMap<usize, (String, Claim)>,
    since: Option<Duration>,
}

/// The most trees that are remembered as outweighed.
const OUTWEIGHED_MAX: usize = 16;

impl Contradictions {
    /// With the trees that an earlier run found outweighed.
    pub(super) fn knowing(outweighed: Vec<Checkpoint>) -> Self {
        Self {
            outweighed,
            ..Self::default()
        }
    }

    /// The witness with the indices `places` in the policy shows that it holds `foreign`.
    pub(super) fn shown(
        &mut self,
        places: &[usize],
        witness: &str,
        foreign: &Arc<Foreign>,
        (seen, now): (u64, Duration),
        policy: &Policy,
        followed: Followed,
    ) -> Judgement {
        for &place in places {
            let holds = (witness.to_owned(), Arc::clone(foreign));
            self.holders.insert(place, holds);
        }
        let since = self
            .contested
            .take()
            .map_or(now, |contested| contested.since);
        self.contested = Some(Proof {
            witness: witness.to_owned(),
            foreign: Arc::clone(foreign),
            seen,
            since,
        });
        self.judge(now, policy, followed)
    }

    /// Judges the standing proof anew.
    pub(super) fn judge(
        &mut self,
        now: Duration,
        policy: &Policy,
        followed: Followed,
    ) -> Judgement {
        let Some(proof) = self.contested.take() else {
            return Judgement::Nothing;
        };
        let late = now.saturating_sub(proof.since) >= CONTEST_MAX;
        match self.behind(&proof.foreign, policy, followed) {
            Behind::Us => {
                let known = self.outweighed.contains(&proof.foreign.checkpoint);
                if known || self.outweighed.len() == OUTWEIGHED_MAX {
                    return Judgement::Nothing;
                }
                self.outweighed.push(proof.foreign.checkpoint.clone());
                Judgement::Alarm(proof)
            }
            Behind::Open if !late => {
                self.contested = Some(proof);
                Judgement::Nothing
            }
            Behind::Open | Behind::Nobody => Judgement::Stop(proof),
        }
    }

    fn behind(&self, foreign: &Foreign, policy: &Policy, followed: Followed) -> Behind {
        let Followed {
            began,
            published,
            asked,
        } = followed;
        // A quorum that cosigned leaves of this tree does not cosign the other tree at those sizes.
        if published >= foreign.checkpoint.size {
            return Behind::Us;
        }
        // A witness that holds another tree never cosigns this one again.
        if !policy.is_quorum(|place| !self.holders.contains_key(&place)) {
            return Behind::Nobody;
        }
        // Leaves that this process added are in no other copy, unless a witness holds them: those
        // are counted above.
        if published > began || self.outweighed.contains(&foreign.checkpoint) {
            return Behind::Us;
        }
        // The head that both copies began with says nothing about either.
        match asked {
            Some(asked) if asked > began => Behind::Open,
            _ => Behind::Nobody,
        }
    }

    /// Whether a proof stands: nothing new is signed meanwhile.
    pub(super) fn is_contested(&self) -> bool {
        self.contested.is_some()
    }

    /// The witness with the index `place` in the policy says `claim`, and shows nothing.
    pub(super) fn said(&mut self, place: usize, witness: &str, claim: Claim) {
        self.words.insert(place, (witness.to_owned(), claim));
    }

    /// The witness with the index `place` in the policy cosigned.
    pub(super) fn agreed(&mut self, place: usize) {
        self.words.remove(&place);
        self.holders.remove(&place);
    }

    /// The quorum was reached.
    pub(super) fn outvoted(&mut self) {
        self.words.clear();
        self.since = None;
    }

    /// Why nothing is to be accepted, if without those who speak against this log there has been no
    /// quorum for a while.
    pub(super) fn held(&mut self, policy: &Policy, now: Duration) -> Option<String> {
        let silent = |place| !self.words.contains_key(&place) && !self.holders.contains_key(&place);
        if policy.is_quorum(silent) {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) < WORDS_MAX {
            return None;
        }
        let words = self.words.values();
        let words = words.map(|(witness, claim)| format!("{witness} says that {claim}"));
        let holders = self.holders.values();
        let holders = holders.map(|(witness, foreign)| {
            let Checkpoint { size, root, .. } = &foreign.checkpoint;
            format!("{witness} holds another tree of {size} records, root {root}")
        });
        let mut said: Vec<String> = words.chain(holders).collect();
        said.dedup();
        Some(said.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use ishibumi_tlog::hash::leaf_hash;
    use ishibumi_tlog::key::{NoteSigner, SignatureType};
    use ishibumi_tlog::note::Note;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn foreign(size: u64) -> Arc<Foreign> {
        let checkpoint = Checkpoint::new("log.example", size, leaf_hash(&size.to_be_bytes()));
        let note = Note::new(checkpoint.to_text(), Vec::new());
        Arc::new(Foreign { checkpoint, note })
    }

    fn followed(began: u64, published: u64, asked: Option<u64>) -> Followed {
        Followed {
            began,
            published,
            asked,
        }
    }

    fn word(judgement: &Judgement) -> &'static str {
        match judgement {
            Judgement::Stop(_) => "stop",
            Judgement::Alarm(_) => "alarm",
            Judgement::Nothing => "wait",
        }
    }

    /// Three witnesses, of which so many are a quorum.
    fn policy(quorum: usize) -> Policy {
        let key = |seed: u8| {
            let name = format!("w{seed}.example");
            let kind = SignatureType::CosignatureV1;
            let key = NoteSigner::from_seed(&name, kind, &[seed; 32]).unwrap();
            key.verifier().to_string()
        };
        let log = NoteSigner::from_seed("log.example", SignatureType::Ed25519, &[9; 32]).unwrap();
        let text = format!(
            "log {}\nwitness a {}\nwitness b {}\nwitness c {}\ngroup g {quorum} a b c\nquorum g\n",
            log.verifier(),
            key(1),
            key(2),
            key(3)
        );
        Policy::parse(text.as_bytes()).unwrap()
    }

    /// Began at 10. `published` and `asked` are this copy's, `theirs` is what one witness of three
    /// shows.
    #[test]
    fn a_proof_stops_every_copy_but_the_one_that_is_followed() {
        let policy = policy(2);
        for (published, asked, theirs, at_once, in_time, late) in [
            // An old copy, or one beside which another has gone on: nothing that may come helps.
            (10, Some(10), 11, "stop", "stop", "stop"),
            (10, None, 11, "stop", "stop", "stop"),
            (8, Some(10), 12, "stop", "stop", "stop"),
            // Both added something: whose round gets the quorum?
            (10, Some(11), 11, "wait", "alarm", "stop"),
            (10, Some(11), 15, "wait", "alarm", "stop"),
            (10, Some(12), 11, "wait", "alarm", "stop"),
            // The quorum has cosigned what this copy added, or as much as they show.
            (11, None, 11, "alarm", "alarm", "alarm"),
            (11, Some(12), 30, "alarm", "alarm", "alarm"),
            (10, Some(11), 9, "alarm", "alarm", "alarm"),
        ] {
            let case = (published, asked, theirs);
            let before = followed(10, published, asked);
            let foreign = foreign(theirs);
            let show = |said: &mut Contradictions| {
                said.shown(&[0], "w", &foreign, (0, NOW), &policy, before)
            };
            let mut said = Contradictions::default();
            assert_eq!(word(&show(&mut said)), at_once, "{case:?}");
            if at_once != "wait" {
                continue;
            }
            assert!(said.is_contested());
            let half = NOW + CONTEST_MAX / 2;
            assert_eq!(word(&said.judge(half, &policy, before)), "wait");
            let mut in_vain = Contradictions::default();
            let _ = show(&mut in_vain);
            // Being shown it again is no new time.
            let again = in_vain.shown(&[0], "w", &foreign, (0, half), &policy, before);
            assert_eq!(word(&again), "wait");
            let judged = in_vain.judge(NOW + CONTEST_MAX, &policy, before);
            assert_eq!(word(&judged), late, "{case:?}");
            let reached = followed(10, asked.unwrap(), None);
            assert_eq!(word(&said.judge(half, &policy, reached)), in_time);
            assert!(!said.is_contested());
        }
    }

    /// The quorum cosigned something that both copies added (the same record was sent to both), and
    /// then went with the other one.
    #[test]
    fn who_loses_the_quorum_later_stops_later() {
        let policy = policy(2);
        let mut said = Contradictions::default();
        let grown = followed(10, 11, Some(12));
        let mut show = |place: usize, theirs| {
            let foreign = foreign(theirs);
            word(&said.shown(&[place], "w", &foreign, (0, NOW), &policy, grown))
        };
        assert_eq!(show(0, 15), "alarm", "one of three");
        assert_eq!(show(0, 15), "wait", "told already");
        assert_eq!(show(1, 15), "stop", "two of three: no quorum is left");
        // One that comes back counts no more.
        let mut said = Contradictions::default();
        let show = |said: &mut Contradictions, place: usize| {
            word(&said.shown(&[place], "w", &foreign(15), (0, NOW), &policy, grown))
        };
        assert_eq!(show(&mut said, 0), "alarm");
        said.agreed(0);
        assert_eq!(show(&mut said, 1), "wait");
        assert_eq!(said.held(&policy, NOW + 9 * WORDS_MAX), None);
    }

    /// If the quorum needs every witness, no tree of a witness is outweighed while it holds another
    /// one.
    #[test]
    fn a_quorum_of_all_is_lost_with_one() {
        let policy = policy(3);
        let mut said = Contradictions::default();
        let grown = followed(10, 11, Some(12));
        let judged = said.shown(&[2], "w", &foreign(15), (0, NOW), &policy, grown);
        assert_eq!(word(&judged), "stop");
        // Even a tree that was outweighed long ago: without its holder there is no quorum, and
        // nothing is promised.
        let mut said = Contradictions::default();
        let judged = said.shown(&[2], "w", &foreign(9), (0, NOW), &policy, grown);
        assert_eq!(word(&judged), "alarm");
        assert_eq!(said.held(&policy, NOW), None);
        let why = said.held(&policy, NOW + WORDS_MAX).unwrap();
        assert!(why.contains("w holds another tree of 9 records"), "{why}");
    }

    #[test]
    fn an_alarm_is_given_once_for_each_tree() {
        let policy = policy(2);
        let (mut said, followed) = (Contradictions::default(), followed(10, 20, None));
        for (theirs, expected) in [(11, "alarm"), (11, "wait"), (12, "alarm"), (11, "wait")] {
            let judged = said.shown(&[0], "w", &foreign(theirs), (0, NOW), &policy, followed);
            assert_eq!(word(&judged), expected);
        }
    }

    /// The winner of a race starts anew: the tree that it outweighed may be larger than its own.
    #[test]
    fn what_an_earlier_run_outweighed_stops_no_later_one() {
        let policy = policy(2);
        let after_restart = followed(15, 15, Some(15));
        let known = vec![foreign(30).checkpoint.clone()];
        let mut said = Contradictions::knowing(known);
        let judged = said.shown(&[0], "w", &foreign(30), (0, NOW), &policy, after_restart);
        assert_eq!(word(&judged), "wait");
        assert!(!said.is_contested());
        let judged = said.shown(&[0], "w", &foreign(31), (0, NOW), &policy, after_restart);
        assert_eq!(word(&judged), "stop", "another one does");
    }

    #[test]
    fn words_hold_the_log_only_where_the_quorum_needs_those_who_say_them() {
        let (two, three) = (policy(2), policy(3));
        let mut said = Contradictions::default();
        said.said(0, "w1.example", Claim::Larger(7));
        assert_eq!(said.held(&two, NOW), None);
        assert_eq!(said.held(&two, NOW + WORDS_MAX), None, "one liar of three");
        said.said(1, "w2.example", Claim::SameSize(5));
        assert_eq!(said.held(&two, NOW), None, "not at once");
        let why = said.held(&two, NOW + WORDS_MAX).unwrap();
        assert!(
            why.contains("w1.example says that it knows a larger tree, of 7"),
            "{why}"
        );
        assert!(
            why.contains("w2.example says that it has another tree of 5"),
            "{why}"
        );
        // It takes its word back, in the only way that counts.
        said.agreed(1);
        assert_eq!(said.held(&two, NOW + WORDS_MAX), None);
        said.said(1, "w2.example", Claim::Refused("no".into()));
        assert_eq!(said.held(&two, NOW + 2 * WORDS_MAX), None, "counted anew");
        assert!(said.held(&two, NOW + 3 * WORDS_MAX).is_some());
        said.outvoted();
        assert_eq!(said.held(&two, NOW + 9 * WORDS_MAX), None);
        // Where all are needed, one is enough.
        said.said(2, "w3.example", Claim::Larger(7));
        assert_eq!(said.held(&three, NOW), None);
        assert!(said.held(&three, NOW + WORDS_MAX).is_some());
    }
}
