//! One `add-checkpoint`: the request, and what its answer is worth.

use std::sync::Arc;

use ishibumi_store::consistency_proof;
use ishibumi_tlog::Checkpoint;
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::{Note, SignatureLine};
use ishibumi_tlog::protocol::{AddCheckpoint, parse_signatures, parse_size};
use ishibumi_tlog::shown;
use ishibumi_wire::{Request, Response};

use super::asked::Asked;
use super::endpoint::{Endpoint, Trouble};
use crate::core::contradiction::Claim;
use crate::core::publisher::Round;

/// The longest answer that is read, in octets: 19 ML-DSA-44 cosignatures fit.
pub(super) const ANSWER_LEN_MAX: usize = 64 << 10;

/// How far ahead of this machine's clock a cosignature may be dated, in seconds. One that is dated
/// later would delay what a proof says, and a verifier whose clock is right would not count it.
const AHEAD_MAX_SECONDS: u64 = 60;

enum Answer {
    /// With the lines of the witness's keys; `None` if the endpoint has no witness.
    Taken(Option<Vec<SignatureLine>>),
    Knows(u64),
}

impl Asked {
    /// Brings the head of `round`, from whatever size is known there. The cosignatures of the
    /// witness; `None` if there is only a mirror.
    pub(super) async fn add_checkpoint(
        &mut self,
        round: &Arc<Round>,
    ) -> Result<Option<Vec<SignatureLine>>, Trouble> {
        let ours = round.head.checkpoint.size;
        let mut answer = self.ask(round).await?;
        if let Answer::Knows(theirs) = answer
            && theirs <= ours
        {
            self.known = theirs;
            answer = self.ask(round).await?;
        }
        match answer {
            Answer::Taken(lines) => {
                self.known = ours;
                Ok(lines)
            }
            Answer::Knows(theirs) if theirs > self.newest_size() => {
                Err(Trouble::Contradicts(Claim::Larger(theirs)))
            }
            Answer::Knows(theirs) if theirs > ours => {
                self.known = theirs;
                Err(Trouble::Passed)
            }
            Answer::Knows(theirs) if theirs == ours => {
                Err(Trouble::Contradicts(Claim::SameSize(theirs)))
            }
            Answer::Knows(theirs) => {
                let why = format!("it answered 409 with size {theirs} to that very size");
                Err(Trouble::Failed(why))
            }
        }
    }

    async fn ask(&self, round: &Round) -> Result<Answer, Trouble> {
        let size = round.head.checkpoint.size;
        // The known size may be from a newer round than this one.
        let old = self.known.min(size);
        let proof = consistency_proof(self.around.store.as_ref(), old, size)
            .map_err(|error| error.to_string())?;
        let note = note_for(&self.endpoint, round);
        let request = AddCheckpoint::new(old, proof.unwrap_or_default(), note)
            .map_err(|error| error.to_string())?;
        let url = format!("{}/add-checkpoint", self.endpoint.url);
        let mut request = Request::post(url, request.encode().into_bytes(), ANSWER_LEN_MAX);
        request.deadline = self.endpoint.deadline;
        let answer = self.around.net.send(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            // A mirror's answer may be empty here, and is not to be signed by its keys (C2SP
            // tlog-mirror).
            200 if self.endpoint.witness_keys.is_empty() => Ok(Answer::Taken(None)),
            200 => {
                let keys = &self.endpoint.witness_keys;
                let lines = self.cosignatures(&answer.body, keys, &round.head.checkpoint)?;
                Ok(Answer::Taken(Some(lines)))
            }
            409 => {
                let size = parse_size(&answer.body);
                let size = size.map_err(|error| format!("409: {error}"))?;
                Ok(Answer::Knows(size))
            }
            422 => Err(Trouble::Contradicts(Claim::Refused(refused(&answer)))),
            _ => Err(refused(&answer).into()),
        }
    }

    /// The lines by `keys`, verified over the very head that was sent.
    pub(super) fn cosignatures(
        &self,
        body: &[u8],
        keys: &[VerifierKey],
        checkpoint: &Checkpoint,
    ) -> Result<Vec<SignatureLine>, String> {
        cosignatures(body, keys, checkpoint, self.around.clock.unix_time())
    }
}

/// The text of a refusal, for people.
pub(super) fn refused(answer: &Response) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let said: String = text.chars().take(200).collect();
    let said = shown::line(&said);
    format!("{}: {said}", answer.status)
}

/// The note that is sent: the head with the log's signatures, and those of the endpoint's own
/// cosignatures that are known for it, by which a witness that was rolled back recognises it.
/// Others' are of no use there, and a witness may read short notes only.
fn note_for(endpoint: &Endpoint, round: &Round) -> Note {
    let mut note = round.head.note.clone();
    let own = |line: &&SignatureLine| endpoint.keys().any(|key| line.is_by(key));
    for line in round.note.signatures().iter().filter(own) {
        note.push(line.clone());
    }
    note
}

fn cosignatures(
    body: &[u8],
    keys: &[VerifierKey],
    checkpoint: &Checkpoint,
    now: u64,
) -> Result<Vec<SignatureLine>, String> {
    let lines = parse_signatures(body).map_err(|error| error.to_string())?;
    let note = Note::new(checkpoint.to_text(), lines);
    let mut verified = note.verify(keys).map_err(|error| error.to_string())?;
    // A line without a time counts nowhere.
    verified.retain(|signature| signature.time.is_some());
    let latest = verified.iter().filter_map(|signature| signature.time).max();
    let latest = latest.ok_or("its cosignature states no time")?;
    if latest > now.saturating_add(AHEAD_MAX_SECONDS) {
        return Err(format!(
            "its cosignature is dated {latest}, this machine's clock says {now}"
        ));
    }
    Ok(note.retain(&verified).signatures().to_vec())
}

#[cfg(test)]
mod tests {
    use ishibumi_tlog::cosignature::Cosigner;
    use ishibumi_tlog::hash::leaf_hash;
    use ishibumi_tlog::key::{NoteSigner, SignatureType};
    use ishibumi_tlog::protocol::encode_signatures;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn cosigner(name: &str, kind: SignatureType) -> Cosigner {
        Cosigner::new(NoteSigner::from_seed(name, kind, &[7; 32]).unwrap()).unwrap()
    }

    #[test]
    fn lines_of_all_keys_are_taken_and_of_no_others() {
        let ed25519 = cosigner("w.example", SignatureType::CosignatureV1);
        let ml_dsa_44 = cosigner("w.example", SignatureType::SubtreeV1);
        let stranger = cosigner("x.example", SignatureType::CosignatureV1);
        let keys = [&ed25519, &ml_dsa_44].map(|cosigner| cosigner.verifier().clone());
        let head = Checkpoint::new("log.example", 3, leaf_hash(b"root"));
        let other = Checkpoint::new("log.example", 3, leaf_hash(b"another root"));
        let by =
            |cosigner: &Cosigner, head: &Checkpoint, time| cosigner.cosign(head, time).unwrap();
        let read = |lines: &[SignatureLine]| {
            let body = encode_signatures(lines);
            cosignatures(body.as_bytes(), &keys, &head, NOW)
        };

        let both = [by(&ed25519, &head, NOW), by(&ml_dsa_44, &head, NOW)];
        assert_eq!(read(&both).unwrap(), both);
        assert_eq!(read(&both[..1]).unwrap(), both[..1]);
        let strangers = [by(&stranger, &head, NOW), both[1].clone()];
        assert_eq!(read(&strangers).unwrap(), both[1..]);
        assert!(read(&strangers[..1]).is_err(), "nobody whom we asked");
        // One bad signature spoils the other: a witness that signs another tree is not to be
        // believed.
        assert!(read(&[both[0].clone(), by(&ml_dsa_44, &other, NOW)]).is_err());
        // No time is no cosignature, but no lie either.
        let whole = ishibumi_tlog::tree::Subtree::new(0, 3).unwrap();
        let untimed = ml_dsa_44
            .sign_subtree("log.example", whole, head.root)
            .unwrap();
        assert_eq!(
            read(&[both[0].clone(), untimed.clone()]).unwrap(),
            both[..1]
        );
        let why = read(&[untimed]).unwrap_err();
        assert!(why.contains("no time"), "{why}");
        // A clock that is a little fast is forgiven, one from the future is not.
        let soon = [by(&ed25519, &head, NOW + AHEAD_MAX_SECONDS)];
        assert_eq!(read(&soon).unwrap(), soon);
        let why = read(&[by(&ed25519, &head, NOW + AHEAD_MAX_SECONDS + 1)]).unwrap_err();
        assert!(why.contains("dated"), "{why}");
        assert!(cosignatures(b"", &keys, &head, NOW).is_err());
        assert!(cosignatures(b"hello\n", &keys, &head, NOW).is_err());
    }
}
