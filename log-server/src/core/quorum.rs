//! Whether the quorum comes, for the operator: since when it does not, and what waits for it.
//!
//! A log without its quorum goes on taking records and answers 202. Nothing of that is wrong, and
//! nobody would notice; so it says when it begins and when it ends.

use std::collections::VecDeque;
use std::time::Duration;

/// Records staged within this time share one entry.
const GRAIN: Duration = Duration::from_millis(100);

/// Entries that are remembered; beyond, the newest takes in what comes.
const ENTRIES_MAX: usize = 4096;

/// A change that the operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The quorum did not come within the time that a witness has.
    Lost {
        /// How long it is waited for already.
        since: Duration,
    },
    /// It came.
    Back {
        /// How long it was waited for.
        after: Duration,
    },
}

/// The records that wait for the quorum.
#[derive(Debug)]
pub(super) struct Waiting {
    /// How long a round may go on before the quorum counts as lost.
    patience: Duration,
    staged: u64,
    published: u64,
    /// Tree sizes, ascending, and since when the first record below each, and above the one before,
    /// waits.
    entries: VecDeque<(u64, Duration)>,
    /// When the round began that has no quorum yet, once that was told.
    lost: Option<Duration>,
}

impl Waiting {
    /// `staged` records are there, of which `published` have the quorum.
    pub(super) fn new(staged: u64, published: u64, patience: Duration, now: Duration) -> Self {
        let mut waiting = Self {
            patience,
            staged: published,
            published,
            entries: VecDeque::new(),
            lost: None,
        };
        waiting.staged(staged, now);
        waiting
    }

    /// The staged tree has `size` leaves.
    pub(super) fn staged(&mut self, size: u64, now: Duration) {
        if size <= self.staged {
            return;
        }
        self.staged = size;
        let full = self.entries.len() >= ENTRIES_MAX;
        match self.entries.back_mut() {
            Some((last, since)) if full || now.saturating_sub(*since) < GRAIN => *last = size,
            _ => self.entries.push_back((size, now)),
        }
    }

    /// The published tree has `size` leaves.
    pub(super) fn published(&mut self, size: u64) {
        self.published = self.published.max(size);
        while self
            .entries
            .front()
            .is_some_and(|(last, _)| *last <= self.published)
        {
            self.entries.pop_front();
        }
    }

    /// Records that no published checkpoint covers.
    pub(super) fn count(&self) -> u64 {
        self.staged.saturating_sub(self.published)
    }

    /// How long the oldest of them waits.
    pub(super) fn oldest(&self, now: Duration) -> Duration {
        let since = self.entries.front().map(|(_, since)| *since);
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Since when the quorum is lost.
    pub(super) fn lost(&self) -> Option<Duration> {
        self.lost
    }

    /// `round` is when the present round began, if its quorum has not come yet.
    pub(super) fn look(&mut self, round: Option<Duration>, now: Duration) -> Option<Change> {
        match (self.lost, round) {
            (None, Some(began)) if now.saturating_sub(began) > self.patience => {
                self.lost = Some(began);
                let since = now.saturating_sub(began);
                Some(Change::Lost { since })
            }
            (Some(began), round) if round != Some(began) => {
                self.lost = None;
                let after = now.saturating_sub(began);
                Some(Change::Back { after })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_quorum_that_is_late_is_told_once_and_so_is_its_return() {
        let mut waiting = Waiting::new(3, 3, 5 * SECOND, SECOND);
        assert_eq!(
            waiting.look(Some(SECOND), 6 * SECOND),
            None,
            "it has its time"
        );
        let lost = waiting.look(Some(SECOND), 7 * SECOND);
        assert_eq!(lost, Some(Change::Lost { since: 6 * SECOND }));
        assert_eq!(waiting.lost(), Some(SECOND));
        assert_eq!(waiting.look(Some(SECOND), 100 * SECOND), None);
        let back = waiting.look(None, 101 * SECOND);
        assert_eq!(
            back,
            Some(Change::Back {
                after: 100 * SECOND
            })
        );
        assert_eq!(
            (waiting.look(None, 102 * SECOND), waiting.lost()),
            (None, None)
        );
        // The next round may be open already when the end of the last is seen.
        assert!(waiting.look(Some(110 * SECOND), 116 * SECOND).is_some());
        let back = waiting.look(Some(116 * SECOND), 116 * SECOND);
        assert_eq!(back, Some(Change::Back { after: 6 * SECOND }));
    }

    #[test]
    fn the_oldest_that_waits_is_known_and_memory_is_bounded() {
        let mut waiting = Waiting::new(5, 3, SECOND, SECOND);
        assert_eq!(
            (waiting.count(), waiting.oldest(4 * SECOND)),
            (2, 3 * SECOND)
        );
        waiting.staged(9, 3 * SECOND);
        waiting.staged(10, 3 * SECOND + GRAIN / 2);
        assert_eq!(waiting.entries.len(), 2);
        waiting.published(4);
        assert_eq!(
            (waiting.count(), waiting.oldest(4 * SECOND)),
            (6, 3 * SECOND)
        );
        waiting.published(5);
        assert_eq!((waiting.count(), waiting.oldest(4 * SECOND)), (5, SECOND));
        waiting.published(10);
        assert_eq!(
            (waiting.count(), waiting.oldest(9 * SECOND)),
            (0, Duration::ZERO)
        );
        for size in 11..20_000 {
            waiting.staged(size, u32::try_from(size).unwrap() * SECOND);
        }
        assert_eq!(waiting.entries.len(), ENTRIES_MAX);
        assert_eq!(waiting.oldest(30_000 * SECOND), 29_989 * SECOND);
        waiting.published(19_999);
        assert_eq!((waiting.count(), waiting.entries.len()), (0, 0));
    }
}
