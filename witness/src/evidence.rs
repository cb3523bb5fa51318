//! Proof that a log forked: two checkpoints of one size with different roots, both signed by the log.
//!
//! It convicts the log on its own, to anybody who has the log's key, so it is kept where nothing is
//! ever overwritten: the first pair stays. The held note carries our cosignature as well, which says
//! when we first stood for that tree.
//!
//! ```text
//! ishibumi-witness fork v1
//! seen <time>
//! held <octets>
//! submitted <octets>
//!
//! <note held><note submitted>
//! ```

use ishibumi_tlog::note::Note;

const HEADING: &str = "ishibumi-witness fork v1";

/// Two checkpoints of one size with different roots, both signed by the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkEvidence {
    /// When the second one came, in seconds since the Epoch, by this machine's clock.
    pub seen: u64,
    /// What the witness had cosigned: the log's signature and ours.
    pub held: Note,
    /// What came later: the log's signature. Not cosigned.
    pub submitted: Note,
}

impl ForkEvidence {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (held, submitted) = (self.held.encode(), self.submitted.encode());
        format!(
            "{HEADING}\nseen {}\nheld {}\nsubmitted {}\n\n{held}{submitted}",
            self.seen,
            held.len(),
            submitted.len(),
        )
        .into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, notes) = bytes.split_at(end + 2);
        let mut lines = std::str::from_utf8(head).ok()?.lines();
        (lines.next()? == HEADING).then_some(())?;
        let mut number = |name: &str| {
            let text = lines.next()?.strip_prefix(name)?.strip_prefix(' ')?;
            text.parse::<u64>().ok()
        };
        let seen = number("seen")?;
        let held_len = usize::try_from(number("held")?).ok()?;
        let submitted_len = usize::try_from(number("submitted")?).ok()?;
        let (held, submitted) = notes.split_at_checked(held_len)?;
        (submitted.len() == submitted_len).then_some(())?;
        Some(Self {
            seen,
            held: Note::parse(held).ok()?,
            submitted: Note::parse(submitted).ok()?,
        })
    }
}
