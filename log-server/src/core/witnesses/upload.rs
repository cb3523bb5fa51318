//! One upload to a mirror (C2SP tlog-mirror, `add-entries`), without network and disk: what to send
//! next, and what an answer means.
//!
//! An upload goes on over as many requests as it needs. The mirror says with each answer what it
//! lacks, and is believed in that: a wrong answer makes us send entries that are not needed, which
//! costs the mirror as much as us. But it may not keep us going without progress.

use ishibumi_tlog::protocol::add_entries::UploadHead;
use ishibumi_tlog::protocol::mirror_info::MirrorInfo;

/// Answers of 409 that are followed before the mirror has taken anything.
const CONFLICTS_MAX: u32 = 4;

/// An upload on its way.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    origin: String,
    /// The first record that the mirror lacks. While that is not known, `end`: a request without
    /// records, to which a mirror that has them all answers with its cosignature, and any other
    /// with what it lacks.
    next: Option<u64>,
    end: u64,
    ticket: Vec<u8>,
    conflicts: u32,
}

/// The meaning of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send [`Upload::head`] and what it announces.
    Send,
    /// The mirror holds the tree of [`Upload::end`] leaves and says so.
    Complete,
    /// It claims to know a larger tree of this log than this log has signed.
    Ahead(u64),
    /// It makes no sense; the text says how.
    Senseless(String),
}

impl Upload {
    /// An upload of all records before `end` that the mirror lacks, from `next` on if that is
    /// known.
    pub(super) fn new(origin: &str, end: u64, next: Option<u64>) -> Self {
        Self {
            origin: origin.to_owned(),
            next: next.filter(|&next| next <= end),
            end,
            ticket: Vec::new(),
            conflicts: 0,
        }
    }

    /// The head of the next request.
    pub(super) fn head(&self) -> UploadHead {
        UploadHead {
            origin: self.origin.clone(),
            start: self.next.unwrap_or(self.end),
            end: self.end,
            ticket: self.ticket.clone(),
        }
    }

    /// The size of the tree to which this upload leads. The mirror may have chosen another one.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The first record that the mirror lacks, if it has said so.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// The mirror answered with `status` and `body` to [`Self::head`]. `signed`: the size of the
    /// newest head of this log.
    pub(super) fn answered(&mut self, status: u16, body: &[u8], signed: u64) -> Step {
        if status == 200 {
            self.next = Some(self.end);
            return Step::Complete;
        }
        let Some(info) = MirrorInfo::parse(body) else {
            return Step::Senseless(format!("{status} without mirror-info"));
        };
        let MirrorInfo { size, next, ticket } = info;
        let claimed = size.max(next);
        if claimed > signed {
            return Step::Ahead(claimed);
        }
        if next > size {
            let what =
                format!("{status}: it lacks nothing before {next}, but knows of {size} only");
            return Step::Senseless(what);
        }
        let before = self.head();
        if status == 202 {
            if next <= before.start {
                let what = format!("202, but it still lacks record {next}");
                return Step::Senseless(what);
            }
            self.conflicts = 0;
        } else {
            self.conflicts += 1;
            if self.conflicts > CONFLICTS_MAX {
                let what = format!("409 for the {}th time: {size}, {next}", self.conflicts);
                return Step::Senseless(what);
            }
        }
        (self.end, self.next, self.ticket) = (size, Some(next), ticket);
        Step::Send
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: u64 = 10_000;

    fn info(size: u64, next: u64) -> Vec<u8> {
        let ticket = format!("t{next}").into_bytes();
        MirrorInfo { size, next, ticket }.encode().into_bytes()
    }

    fn range(upload: &Upload) -> (u64, u64) {
        let head = upload.head();
        (head.start, head.end)
    }

    #[test]
    fn a_mirror_that_is_unknown_is_asked_what_it_lacks() {
        let mut upload = Upload::new("log.example", 9000, None);
        assert_eq!(range(&upload), (9000, 9000), "nothing is sent before");
        assert_eq!(upload.answered(409, &info(9000, 100), SIGNED), Step::Send);
        assert_eq!(range(&upload), (100, 9000));
        assert_eq!(upload.head().ticket, b"t100");
        // Prefixes, as far as each request goes.
        assert_eq!(upload.answered(202, &info(9000, 8192), SIGNED), Step::Send);
        assert_eq!(range(&upload), (8192, 9000));
        assert_eq!(upload.answered(200, b"", SIGNED), Step::Complete);
        assert_eq!((upload.next(), upload.end()), (Some(9000), 9000));
        // One that has everything has nothing to ask for.
        let mut upload = Upload::new("log.example", 9000, None);
        assert_eq!(upload.answered(200, b"", SIGNED), Step::Complete);
    }

    #[test]
    fn a_mirror_that_lost_something_gets_it_again() {
        let mut upload = Upload::new("log.example", 9000, Some(8999));
        assert_eq!(range(&upload), (8999, 9000));
        assert_eq!(upload.answered(409, &info(9000, 300), SIGNED), Step::Send);
        assert_eq!(range(&upload), (300, 9000));
        // It knows an older head only: it is brought there first.
        assert_eq!(upload.answered(409, &info(400, 300), SIGNED), Step::Send);
        assert_eq!(range(&upload), (300, 400));
        // The known size may be more than this round has.
        assert_eq!(range(&Upload::new("log.example", 10, Some(11))), (10, 10));
    }

    #[test]
    fn a_mirror_that_lies_is_not_followed_for_long() {
        let fresh = || Upload::new("log.example", 9000, Some(100));
        assert_eq!(
            fresh().answered(409, &info(SIGNED + 1, 100), SIGNED),
            Step::Ahead(SIGNED + 1)
        );
        assert_eq!(
            fresh().answered(202, &info(9000, SIGNED + 1), SIGNED),
            Step::Ahead(SIGNED + 1)
        );
        let senseless = |step: Step| assert!(matches!(step, Step::Senseless(_)), "{step:?}");
        // No progress, back, an end before the start, no mirror-info at all.
        senseless(fresh().answered(202, &info(9000, 100), SIGNED));
        senseless(fresh().answered(202, &info(9000, 99), SIGNED));
        senseless(fresh().answered(409, &info(100, 101), SIGNED));
        for body in [&b""[..], b"9000\n", b"\xff\n1\n\n", b"9000\n0100\n\n"] {
            senseless(fresh().answered(409, body, SIGNED));
        }
        // Flapping.
        let mut upload = fresh();
        for round in 0..CONFLICTS_MAX {
            let next = u64::from(round % 2);
            assert_eq!(upload.answered(409, &info(9000, next), SIGNED), Step::Send);
        }
        senseless(upload.answered(409, &info(9000, 0), SIGNED));
        // Control: progress in between is a reason to go on.
        let mut upload = fresh();
        for next in 0..20 {
            assert_eq!(upload.answered(409, &info(9000, next), SIGNED), Step::Send);
            assert_eq!(
                upload.answered(202, &info(9000, next + 1), SIGNED),
                Step::Send
            );
        }
    }
}
