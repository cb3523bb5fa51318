//! Whose turn it is on a processor.
//!
//! To verify artifacts takes processors, of which there are few, and a batch holds thousands of
//! artifacts. So a task that has artifacts to verify waits for a turn, does a small part, and waits
//! again. Turns go around among those who wait, one to each sender, whatever each of them has still
//! to do: between two turns of a sender all other waiting senders have had one. Within one sender
//! they are in the order in which they were asked for.
//!
//! A single artifact is never divided, and a list of many megabytes takes as long as thousands of
//! tokens. So of several turns at once one is kept for what is short.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The use that a turn is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// Some milliseconds.
    Short,
    /// One artifact of unusual length, or something whose length is not known.
    Long,
}

/// The queue of tasks that wait for turns of one sender.
type Own<T> = VecDeque<(Length, T)>;

/// Who waits, and how many turns may be had at once. Without a clock and without tasks: `T` is told
/// of its turn by the caller of [`Self::next`].
#[derive(Debug)]
struct Waiting<T> {
    free: usize,
    free_for_long: usize,
    /// In the order in which they are served; each of them has at least one that waits.
    senders: VecDeque<(Arc<str>, Own<T>)>,
}

impl<T> Waiting<T> {
    fn new(at_once: usize) -> Self {
        Self {
            free: at_once,
            free_for_long: at_once.saturating_sub(1).max(1),
            senders: VecDeque::new(),
        }
    }

    fn join(&mut self, sender: &Arc<str>, length: Length, who: T) {
        let own = self.senders.iter_mut().find(|(name, _)| name == sender);
        match own {
            Some((_, own)) => own.push_back((length, who)),
            None => {
                let own = VecDeque::from([(length, who)]);
                self.senders.push_back((Arc::clone(sender), own));
            }
        }
    }

    /// The one whose turn begins now; `None` if no turn is free, or none waits for one that is. One
    /// that waits for a long turn that is not free keeps its position in the queue.
    fn next(&mut self) -> Option<(Length, T)> {
        let longest = match (self.free, self.free_for_long) {
            (0, _) => return None,
            (_, 0) => Length::Short,
            _ => Length::Long,
        };
        let fits = |own: &Own<T>| own.front().is_some_and(|(it, _)| *it <= longest);
        let place = self.senders.iter().position(|(_, own)| fits(own))?;
        let (sender, mut own) = self.senders.remove(place)?;
        let (length, who) = own.pop_front()?;
        if !own.is_empty() {
            self.senders.push_back((sender, own));
        }
        self.free -= 1;
        if length == Length::Long {
            self.free_for_long -= 1;
        }
        Some((length, who))
    }

    fn end(&mut self, length: Length) {
        self.free += 1;
        if length == Length::Long {
            self.free_for_long += 1;
        }
    }
}

/// The turns of all who verify.
#[derive(Debug)]
pub struct Turns {
    waiting: Mutex<Waiting<oneshot::Sender<Turn>>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    length: Length,
}

impl Turns {
    /// With so many turns at once.
    pub fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(Waiting::new(at_once)),
        })
    }

    /// Waits for a turn of `sender`'s. A caller that stops waiting is passed over.
    pub async fn turn(self: &Arc<Self>, sender: &Arc<str>, length: Length) -> Turn {
        loop {
            let (tell, told) = oneshot::channel();
            self.waiting().join(sender, length, tell);
            self.serve();
            // The other side is kept until it is used, so this is the end of it.
            if let Ok(turn) = told.await {
                return turn;
            }
        }
    }

    /// Gives the turns that are free.
    fn serve(self: &Arc<Self>) {
        while let Some((length, who)) = self.next() {
            let turns = Arc::clone(self);
            // Not under the lock: a caller that has just gone drops the turn, which needs the lock.
            let _ = who.send(Turn { turns, length });
        }
    }

    /// Whose turn begins now, of those who still wait.
    fn next(&self) -> Option<(Length, oneshot::Sender<Turn>)> {
        let mut waiting = self.waiting();
        loop {
            let (length, who) = waiting.next()?;
            if !who.is_closed() {
                return Some((length, who));
            }
            waiting.end(length);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<oneshot::Sender<Turn>>> {
        // Nothing in here panics half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.waiting().end(self.length);
        self.turns.serve();
    }
}

#[cfg(test)]
mod tests {
    use super::Length::{Long, Short};
    use super::*;

    fn of(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn join(waiting: &mut Waiting<u32>, asking: &[(&str, Length, u32)]) {
        for (sender, length, who) in asking {
            waiting.join(&of(sender), *length, *who);
        }
    }

    fn next(waiting: &mut Waiting<u32>) -> Option<u32> {
        waiting.next().map(|(_, who)| who)
    }

    /// The order in which those who ask are served, one after the other.
    fn order(asking: &[(&str, Length, u32)]) -> Vec<u32> {
        let mut waiting = Waiting::new(1);
        join(&mut waiting, asking);
        let one_more = || {
            let who = next(&mut waiting)?;
            assert_eq!(next(&mut waiting), None, "there is one turn at once");
            waiting.end(Short);
            Some(who)
        };
        std::iter::from_fn(one_more).collect()
    }

    #[test]
    fn each_sender_has_a_turn_between_two_of_another() {
        let a = (1..=5).map(|who| ("a", Short, who));
        let others = [("b", Short, 10), ("c", Short, 20), ("b", Short, 11)];
        let asking: Vec<_> = a.chain(others).collect();
        assert_eq!(order(&asking), [1, 10, 20, 2, 11, 3, 4, 5]);
        // Control: without names the last one to come waits for all.
        let nameless = asking.iter().map(|(_, length, who)| ("all", *length, *who));
        let nameless: Vec<_> = nameless.collect();
        assert_eq!(order(&nameless), [1, 2, 3, 4, 5, 10, 20, 11]);
    }

    #[test]
    fn who_asks_again_and_again_stands_behind_who_waits() {
        let mut waiting = Waiting::new(1);
        join(&mut waiting, &[("batch", Short, 1)]);
        assert_eq!(next(&mut waiting), Some(1));
        join(&mut waiting, &[("single", Short, 100), ("batch", Short, 2)]);
        waiting.end(Short);
        assert_eq!(next(&mut waiting), Some(100));
        waiting.end(Short);
        assert_eq!(next(&mut waiting), Some(2));
    }

    #[test]
    fn no_more_turns_than_there_are() {
        let mut waiting = Waiting::new(2);
        let all = [0, 1, 2, 3].map(|who| ("a", Short, who));
        join(&mut waiting, &all);
        let two = |waiting: &mut Waiting<u32>| (next(waiting), next(waiting));
        assert_eq!(two(&mut waiting), (Some(0), Some(1)));
        assert_eq!(next(&mut waiting), None);
        waiting.end(Short);
        assert_eq!(two(&mut waiting), (Some(2), None));
    }

    #[test]
    fn of_several_turns_one_is_kept_for_what_is_short() {
        let asking = [("a", Long, 1), ("a", Long, 2), ("b", Short, 10)];
        let mut waiting = Waiting::new(2);
        join(&mut waiting, &asking);
        assert_eq!(next(&mut waiting), Some(1));
        // The second list of "a" would take the last turn.
        assert_eq!(next(&mut waiting), Some(10));
        waiting.end(Short);
        assert_eq!(next(&mut waiting), None);
        waiting.end(Long);
        assert_eq!(next(&mut waiting), Some(2));
        // Control: short work takes all turns, and one turn is for everything.
        let mut waiting = Waiting::new(2);
        join(
            &mut waiting,
            &asking.map(|(who, _, number)| (who, Short, number)),
        );
        assert_eq!(
            (next(&mut waiting), next(&mut waiting)),
            (Some(1), Some(10))
        );
        waiting.end(Short);
        assert_eq!(next(&mut waiting), Some(2));
        let mut waiting = Waiting::new(1);
        join(&mut waiting, &asking);
        assert_eq!(next(&mut waiting), Some(1));
    }

    #[tokio::test]
    async fn who_stops_waiting_holds_up_nobody() {
        let turns = Turns::new(1);
        let (a, b) = (of("a"), of("b"));
        let first = turns.turn(&a, Long).await;
        let wait = |sender: &Arc<str>| {
            let (turns, sender) = (Arc::clone(&turns), Arc::clone(sender));
            tokio::spawn(async move { turns.turn(&sender, Long).await })
        };
        let (gone, stays) = (wait(&a), wait(&b));
        tokio::task::yield_now().await;
        assert!(!gone.is_finished() && !stays.is_finished());
        gone.abort();
        assert!(gone.await.is_err());
        drop(first);
        drop(stays.await.unwrap());
        // Control: the turn came back, and is had at once.
        drop(turns.turn(&b, Long).await);
    }
}
