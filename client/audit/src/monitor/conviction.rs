//! From two checkpoints that contradict each other to the file that convicts the log.

use ishibumi_tlog::fork::{Evidence, EvidenceError, KEYS_MAX, Prefix};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

/// Evidence of two notes that a log of `policy` signed, seen at `now`; `beginning` is the tree with
/// which the larger one really begins, if their sizes differ.
///
/// # Errors
/// [`EvidenceError`], if the notes do not contradict each other, or cannot stand in evidence.
pub fn evidence_of(
    policy: &Policy,
    now: u64,
    notes: [Note; 2],
    beginning: Option<Prefix>,
) -> Result<Evidence, EvidenceError> {
    let origin = Checkpoint::parse(notes[0].text())?.origin;
    let mut keys = log_keys(policy, &origin);
    if keys.len() > KEYS_MAX {
        // A log with that many keys is no reason to lose the evidence: those that signed suffice.
        let lines = || notes.iter().flat_map(Note::signatures);
        keys.retain(|key| lines().any(|line| line.is_by(key)));
        keys.truncate(KEYS_MAX);
    }
    let [first, second] = notes;
    let evidence = Evidence::new(keys, now, first, second)?;
    match beginning {
        Some(beginning) => evidence.with_prefix(beginning),
        None => Ok(evidence),
    }
}

/// The keys that the policy names for the log.
pub(super) fn log_keys(policy: &Policy, origin: &str) -> Vec<VerifierKey> {
    let keys = policy.logs().iter().map(|log| &log.key);
    keys.filter(|key| key.name() == origin).cloned().collect()
}

/// The name of the file for this evidence: both sizes and the beginning of the digest of the roots.
pub fn fork_name(evidence: &Evidence) -> String {
    let [a, b] = evidence.checkpoints();
    let roots = [a.root.0, b.root.0].concat();
    let digest = Hash::of(&roots).to_hex();
    let digest = digest.get(..16).unwrap_or_default();
    format!("{}-{}-{digest}.fork", a.size, b.size)
}
