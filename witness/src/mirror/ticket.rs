//! Tickets: how a client helps the mirror remember a pending checkpoint (C2SP tlog-mirror,
//! "ticket").
//!
//! ```text
//! the pending checkpoint: a note with the log's signatures
//! 32 octets: HMAC-SHA-256 over a label and the note, under a key that never leaves the mirror
//! ```
//!
//! A ticket that opens was issued by this mirror, so the checkpoint in it was once pending and
//! every later pending checkpoint is consistent with it. Nothing in a ticket is secret.

use hmac::{Hmac, KeyInit as _, Mac as _};
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::protocol::add_entries::FIELD_LEN_MAX;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::follow::Recorded;

const LABEL: &[u8] = b"ishibumi-mirror ticket v1\n";
const MAC_LEN: usize = 32;

/// The key that makes and opens tickets.
pub(super) struct TicketKey(Zeroizing<[u8; 32]>);

impl TicketKey {
    pub(super) fn new(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The ticket for `pending`; nothing for a note that is too long for one.
    pub(super) fn seal(&self, pending: &Recorded) -> Vec<u8> {
        let lines = pending.log_lines().to_vec();
        let mut ticket = Note::new(pending.checkpoint().to_text(), lines)
            .encode()
            .into_bytes();
        ticket.extend(self.mac(&ticket).finalize().into_bytes());
        if ticket.len() > FIELD_LEN_MAX {
            ticket.clear();
        }
        ticket
    }

    /// The pending checkpoint in a ticket; `None` for one that this mirror did not issue, and for
    /// one whose signatures are not by these keys of the log.
    pub(super) fn open(&self, ticket: &[u8], log: &[VerifierKey]) -> Option<Recorded> {
        let (note, mac) = ticket.split_last_chunk::<MAC_LEN>()?;
        self.mac(note).verify_slice(mac).ok()?;
        let note = Note::parse(note).ok()?;
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        let ours = log.first()?.name() == checkpoint.origin;
        let lines = note.signatures().to_vec();
        Recorded::check(checkpoint, lines, Vec::new(), log, &[])
            .ok()
            .filter(|_| ours)
    }

    fn mac(&self, note: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_ref()).expect("HMAC takes keys of any length");
        mac.update(LABEL);
        mac.update(note);
        mac
    }
}

#[cfg(test)]
mod tests {
    use ishibumi_tlog::Hash;
    use ishibumi_tlog::key::{NoteSigner, SignatureType};

    use super::*;

    fn log(seed: u8) -> NoteSigner {
        NoteSigner::from_seed("log.example", SignatureType::Ed25519, &[seed; 32]).unwrap()
    }

    fn pending(key: &NoteSigner) -> Recorded {
        let checkpoint = Checkpoint::new("log.example", 7, Hash([7; 32]));
        let line = key.sign(&checkpoint.to_text()).unwrap();
        let keys = [key.verifier().clone()];
        Recorded::check(checkpoint, vec![line], Vec::new(), &keys, &[]).unwrap()
    }

    /// Every octet of a ticket, changed; another mirror's ticket; another log's.
    #[test]
    fn only_what_this_mirror_sealed_opens() {
        let (mine, other) = (TicketKey::new([1; 32]), TicketKey::new([2; 32]));
        let (key, pending) = (log(1), pending(&log(1)));
        let keys = [key.verifier().clone()];
        let ticket = mine.seal(&pending);
        assert_eq!(mine.open(&ticket, &keys), Some(pending.clone()));
        for at in 0..ticket.len() {
            let mut bad = ticket.clone();
            bad[at] ^= 1;
            assert_eq!(mine.open(&bad, &keys), None, "octet {at}");
        }
        for cut in 0..ticket.len() {
            assert_eq!(mine.open(&ticket[..cut], &keys), None);
        }
        assert_eq!(mine.open(&other.seal(&pending), &keys), None);
        assert_eq!(mine.open(&ticket, &[log(2).verifier().clone()]), None);
    }
}
