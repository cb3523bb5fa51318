//! The smallest set of a checkpoint's signatures that still proves what all of them prove.
//!
//! A checkpoint bears two signatures of its log and two of each witness, 2.4 kB each where they are
//! ML-DSA-44. Where space is short, in a PDF or in a million files, a proof needs only the quorum.
//! Cutting cannot be undone: a proof that was cut for one policy may be worthless under another,
//! and one that keeps no ML-DSA-44 signature dies with Ed25519. So keep the whole proof, and make
//! this one from it.

use std::cmp::Reverse;

use super::{AlgorithmRequirement, Policy, TrustError, TrustedCheckpoint};
use crate::cosigned;
use crate::note::{Note, SignatureLine};

/// A signature line that counts, and for whom.
struct Line<'a> {
    signature: &'a SignatureLine,
    signer: Signer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Signer {
    Log,
    /// An index in [`Policy::witnesses`].
    Witness(usize),
}

impl Policy {
    /// The checkpoint in `note` with one signature of its log and no cosignature that could be left
    /// out: it is trusted under this policy and `demand`, and proves the same time. Of several such
    /// sets it is one of the shortest lines, not always the very shortest.
    ///
    /// # Errors
    /// If the note is not trusted as it is.
    pub fn least(
        &self,
        note: &Note,
        demand: AlgorithmRequirement,
    ) -> Result<TrustedCheckpoint, TrustError> {
        let whole = self.check_checkpoint_with(note, demand)?;
        let mut lines = self.counting(&whole);
        // The longest first, so that the shortest stay; among equally long ones the later one
        // first.
        lines.sort_by_key(|line| Reverse(line.signature.signature.len()));
        let mut at = 0;
        while at < lines.len() {
            let left_out = lines.remove(at);
            if !self.suffice(&whole, &lines) {
                lines.insert(at, left_out);
                at += 1;
            }
        }
        // In their original order, so that one note gives one result.
        let is_kept = |line: &&SignatureLine| lines.iter().any(|kept| kept.signature == *line);
        let kept = whole.note().signatures().iter().filter(is_kept).cloned();
        let least = Note::new(whole.note().text().to_owned(), kept.collect());
        self.check_checkpoint_with(&least, demand)
    }

    /// The lines that count under the demand that `whole` was checked with: those of its log, and
    /// of each witness the earliest.
    fn counting<'a>(&self, whole: &'a TrustedCheckpoint) -> Vec<Line<'a>> {
        let of_log = |signature: &SignatureLine| {
            let mut logs = self.logs.iter();
            logs.any(|log| log.key.name() == whole.checkpoint().origin && signature.is_by(&log.key))
        };
        let of_witness = |signature: &SignatureLine| {
            let mut seen = whole.cosignatures().iter();
            let seen = seen.find(|seen| {
                let witness = self.witnesses.get(seen.witness);
                witness.is_some_and(|witness| signature.is_by(&witness.key))
                    && cosigned::stated_time(&signature.signature) == Some(seen.time)
            });
            seen.map(|seen| seen.witness)
        };
        let lines = whole.note().signatures().iter();
        lines
            .filter_map(|signature| {
                let signer = if of_log(signature) {
                    Signer::Log
                } else {
                    Signer::Witness(of_witness(signature)?)
                };
                Some(Line { signature, signer })
            })
            .collect()
    }

    /// Whether these lines are a quorum at the time that `whole` proves, and the log's signature
    /// over all of it.
    fn suffice(&self, whole: &TrustedCheckpoint, lines: &[Line<'_>]) -> bool {
        let is_extended = !whole.checkpoint().extensions.is_empty();
        let covers = |signature: &SignatureLine| {
            let mut logs = self.logs.iter().filter(|log| signature.is_by(&log.key));
            !is_extended || logs.any(|log| log.key.kind().covers_extensions())
        };
        let mut by_log = lines.iter().filter(|line| line.signer == Signer::Log);
        if !by_log.any(|line| covers(line.signature)) {
            return false;
        }
        let Some(not_after) = whole.not_after() else {
            return true;
        };
        self.is_quorum(|place| {
            let in_time = |time| time <= not_after;
            let mut of_place = lines
                .iter()
                .filter(|line| line.signer == Signer::Witness(place));
            of_place
                .any(|line| cosigned::stated_time(&line.signature.signature).is_some_and(in_time))
        })
    }
}
