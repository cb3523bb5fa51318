//! Whose turn it is on a processor.
//!
//! To verify artifacts takes processors, of which there are few, and a batch holds thousands of artifacts. So
//! whoever wants to verify waits for a turn, does a small part, and waits again. Turns go around among those who
//! wait, one to each sender, whatever each of them has still to do: between two turns of a sender everybody else
//! who waits has had one. Within one sender they are in the order in which they were asked for.
//!
//! What a turn holds is up to whoever has it; a single artifact is never divided.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who waits, and how many turns may be had at once. Without a clock and without tasks: `T` is told of its turn
/// by whoever asks [`Self::next`].
#[derive(Debug)]
struct Waiting<T> {
    free: usize,
    /// In the order in which they are served; none of them without anybody who waits.
    senders: VecDeque<(Arc<str>, VecDeque<T>)>,
}

impl<T> Waiting<T> {
    const fn new(free: usize) -> Self {
        Self {
            free,
            senders: VecDeque::new(),
        }
    }

    fn join(&mut self, sender: &Arc<str>, who: T) {
        let own = self.senders.iter_mut().find(|(name, _)| name == sender);
        match own {
            Some((_, own)) => own.push_back(who),
            None => self
                .senders
                .push_back((Arc::clone(sender), VecDeque::from([who]))),
        }
    }

    /// Whose turn begins now; none if no turn is free, or nobody waits.
    fn next(&mut self) -> Option<T> {
        if self.free == 0 {
            return None;
        }
        let (sender, mut own) = self.senders.pop_front()?;
        let who = own.pop_front()?;
        if !own.is_empty() {
            self.senders.push_back((sender, own));
        }
        self.free -= 1;
        Some(who)
    }

    const fn end(&mut self) {
        self.free += 1;
    }
}

/// The turns of all who verify.
#[derive(Debug)]
pub struct Turns {
    waiting: Mutex<Waiting<oneshot::Sender<Turn>>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn(Arc<Turns>);

impl Turns {
    /// With so many turns at once.
    pub fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(Waiting::new(at_once)),
        })
    }

    /// Waits for a turn of `sender`'s. Whoever stops waiting is passed over.
    pub async fn turn(self: &Arc<Self>, sender: &Arc<str>) -> Turn {
        loop {
            let (tell, told) = oneshot::channel();
            self.waiting().join(sender, tell);
            self.serve();
            // The other side is kept until it is used, so this is the end of it.
            if let Ok(turn) = told.await {
                return turn;
            }
        }
    }

    /// Gives the turns that are free.
    fn serve(self: &Arc<Self>) {
        while let Some(who) = self.next() {
            // Not under the lock: whoever has just gone drops the turn, which needs it.
            let _ = who.send(Turn(Arc::clone(self)));
        }
    }

    /// Whose turn begins now, of those who still wait.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut waiting = self.waiting();
        loop {
            let who = waiting.next()?;
            if !who.is_closed() {
                return Some(who);
            }
            waiting.end();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<oneshot::Sender<Turn>>> {
        // Nothing in here panics half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.waiting().end();
        self.0.serve();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    /// The order in which those who ask are served, one after the other.
    fn order(asking: &[(&str, u32)]) -> Vec<u32> {
        let mut waiting = Waiting::new(1);
        for (sender, who) in asking {
            waiting.join(&of(sender), *who);
        }
        let one_more = || {
            let who = waiting.next()?;
            assert_eq!(waiting.next(), None, "there is one turn at once");
            waiting.end();
            Some(who)
        };
        std::iter::from_fn(one_more).collect()
    }

    #[test]
    fn each_sender_has_a_turn_between_two_of_another() {
        let a = (1..=5).map(|who| ("a", who));
        let asking: Vec<_> = a.chain([("b", 10), ("c", 20), ("b", 11)]).collect();
        assert_eq!(order(&asking), [1, 10, 20, 2, 11, 3, 4, 5]);
        // Control: without names whoever came last waits for all.
        let nameless: Vec<_> = asking.iter().map(|(_, who)| ("all", *who)).collect();
        assert_eq!(order(&nameless), [1, 2, 3, 4, 5, 10, 20, 11]);
    }

    #[test]
    fn who_asks_again_and_again_stands_behind_who_waits() {
        let mut waiting = Waiting::new(1);
        waiting.join(&of("batch"), 1);
        assert_eq!(waiting.next(), Some(1));
        waiting.join(&of("single"), 100);
        waiting.join(&of("batch"), 2);
        waiting.end();
        assert_eq!(waiting.next(), Some(100));
        waiting.end();
        assert_eq!(waiting.next(), Some(2));
    }

    #[test]
    fn no_more_turns_than_there_are() {
        let mut waiting = Waiting::new(2);
        for who in 0..4 {
            waiting.join(&of("a"), who);
        }
        assert_eq!((waiting.next(), waiting.next()), (Some(0), Some(1)));
        assert_eq!(waiting.next(), None);
        waiting.end();
        assert_eq!((waiting.next(), waiting.next()), (Some(2), None));
    }

    #[tokio::test]
    async fn who_stops_waiting_holds_up_nobody() {
        let turns = Turns::new(1);
        let (a, b) = (of("a"), of("b"));
        let first = turns.turn(&a).await;
        let wait = |sender: &Arc<str>| {
            let (turns, sender) = (Arc::clone(&turns), Arc::clone(sender));
            tokio::spawn(async move { turns.turn(&sender).await })
        };
        let (gone, stays) = (wait(&a), wait(&b));
        tokio::task::yield_now().await;
        assert!(!gone.is_finished() && !stays.is_finished());
        gone.abort();
        assert!(gone.await.is_err());
        drop(first);
        drop(stays.await.unwrap());
        // Control: the turn came back, and is had at once.
        drop(turns.turn(&b).await);
    }
}
