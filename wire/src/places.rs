//! Places for connections, shared so that no sender can hold up the others.
//!
//! While there are places, every connection gets one. When there are none, a connection that waits
//! for its client (for a head, for more of a body, or for the client to read the answer) makes
//! place: of the sender that has the most of those, the one whose client has been idle the longest.
//! So a crowd of half-open heads or stalled bodies displaces itself.
//!
//! While the server works on a request, its place is kept. That is bounded by sender too: beyond
//! its first request, a sender gets no more of these places than are left for all others. So a
//! sender whose requests take long (they wait for a quorum, say) is told to come again instead of
//! holding all places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sender::Sender;

#[derive(Debug)]
pub(crate) struct Places {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    most: usize,
    last: u64,
    taken: HashMap<u64, Taken>,
    /// The connections that wait for each sender, and those on which we are at work for it.
    waiting: Counts,
    working: Counts,
}

#[derive(Debug)]
struct Taken {
    sender: Sender,
    doing: Doing,
    leave: Arc<Notify>,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    /// The client is to do something, since then.
    Waits(Instant),
    /// A head is there, and is being looked at.
    Begins,
    Works,
}

/// Numbers of connections by sender; a sender without any is not in here.
#[derive(Debug, Default)]
struct Counts {
    by_sender: HashMap<Sender, usize>,
    total: usize,
}

impl Counts {
    fn of(&self, sender: &Sender) -> usize {
        self.by_sender.get(sender).copied().unwrap_or(0)
    }

    fn add(&mut self, sender: &Sender) {
        self.total += 1;
        match self.by_sender.get_mut(sender) {
            Some(count) => *count += 1,
            None => _ = self.by_sender.insert(sender.clone(), 1),
        }
    }

    fn take_off(&mut self, sender: &Sender) {
        if let Some(count) = self.by_sender.get_mut(sender) {
            self.total -= 1;
            *count -= 1;
            if *count == 0 {
                self.by_sender.remove(sender);
            }
        }
    }
}

impl Places {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                most,
                last: 0,
                taken: HashMap::new(),
                waiting: Counts::default(),
                working: Counts::default(),
            }),
            freed: Notify::new(),
        })
    }

    /// A place for a connection from `address`; waits while the server is at work for all others.
    pub(crate) async fn take(self: &Arc<Self>, address: &Sender) -> Place {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // From here on a release is not missed.
            freed.as_mut().enable();
            if let Some(place) = self.try_take(address) {
                return place;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>, address: &Sender) -> Option<Place> {
        let mut state = self.state();
        if state.taken.len() >= state.most {
            let loser = state.loser()?;
            state.remove(loser)?.leave.notify_one();
        }
        let leave = Arc::new(Notify::new());
        let id = state.insert(address, Arc::clone(&leave));
        drop(state);
        Some(Place {
            places: Arc::clone(self),
            id,
            address: address.clone(),
            leave,
        })
    }

    /// A thread that panicked with the lock left at most one place behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, address: &Sender, leave: Arc<Notify>) -> u64 {
        self.last += 1;
        let taken = Taken {
            sender: address.clone(),
            doing: Doing::Waits(Instant::now()),
            leave,
        };
        self.taken.insert(self.last, taken);
        self.waiting.add(address);
        self.last
    }

    fn remove(&mut self, id: u64) -> Option<Taken> {
        let taken = self.taken.remove(&id)?;
        match taken.doing {
            Doing::Waits(_) => self.waiting.take_off(&taken.sender),
            Doing::Begins => {}
            Doing::Works => self.working.take_off(&taken.sender),
        }
        Some(taken)
    }

    /// Records what the connection is doing. False if its place is lost, or there is too much to do
    /// for this sender.
    fn set(&mut self, id: u64, sender: &Sender, doing: Doing) -> bool {
        let Some(Taken { leave, .. }) = self.remove(id) else {
            return false;
        };
        let (doing, is_granted) = match doing {
            Doing::Works if !self.may_work(sender) => (Doing::Waits(Instant::now()), false),
            doing => (doing, true),
        };
        match doing {
            Doing::Waits(_) => self.waiting.add(sender),
            Doing::Begins => {}
            Doing::Works => self.working.add(sender),
        }
        let sender = sender.clone();
        let taken = Taken {
            sender,
            doing,
            leave,
        };
        self.taken.insert(id, taken);
        is_granted
    }

    fn may_work(&self, sender: &Sender) -> bool {
        let own = self.working.of(sender);
        own == 0 || own + 1 < self.most.saturating_sub(self.working.total)
    }

    /// The connection that has waited the longest, of the sender for which the most connections
    /// wait.
    fn loser(&self) -> Option<u64> {
        let most = *self.waiting.by_sender.values().max()?;
        let waiting = self.taken.iter().filter_map(|(id, taken)| {
            let Doing::Waits(since) = taken.doing else {
                return None;
            };
            (self.waiting.of(&taken.sender) == most).then_some((since, *id))
        });
        waiting.min().map(|(_, id)| id)
    }
}

/// The place of a connection; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    address: Sender,
    leave: Arc<Notify>,
}

impl Place {
    /// A head has come. False if the place was lost a moment before.
    pub(crate) fn begins(&self) -> bool {
        self.set(&self.address, Doing::Begins)
    }

    /// The connection waits for its client to send more of a request of `sender`, and has just
    /// heard of it.
    pub(crate) fn receives(&self, sender: &Sender) {
        self.set(sender, Doing::Waits(Instant::now()));
    }

    /// We are to be at work for a request of `sender`. False if we are for too many others of it.
    pub(crate) fn works(&self, sender: &Sender) -> bool {
        self.set(sender, Doing::Works)
    }

    /// The answer is on its way: the connection waits for its client to read it, and for another
    /// head.
    pub(crate) fn waits(&self) {
        self.set(&self.address, Doing::Waits(Instant::now()));
    }

    /// Completes when the connection has to make place for another.
    pub(crate) async fn lost(&self) {
        self.leave.notified().await;
    }

    fn set(&self, sender: &Sender, doing: Doing) -> bool {
        let is_granted = self.places.state().set(self.id, sender, doing);
        if matches!(doing, Doing::Waits(_)) {
            // A waiting connection that found all places at work can have this one.
            self.places.freed.notify_waiters();
        }
        is_granted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().remove(self.id);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Sender {
        Sender::Named(name.into())
    }

    fn full(most: usize, senders: &[&str]) -> (Arc<Places>, Vec<Place>) {
        let places = Places::new(most);
        let taken = senders.iter().map(|name| places.try_take(&of(name)));
        let taken = taken.map(Option::unwrap).collect();
        (places, taken)
    }

    fn is_lost(place: &Place) -> bool {
        !place.places.state().taken.contains_key(&place.id)
    }

    #[tokio::test]
    async fn who_waits_the_longest_of_the_greediest_makes_place() {
        let (places, first) = full(3, &["modest", "greedy", "greedy"]);
        let late = places.take(&of("late")).await;
        first[1].lost().await;
        assert!(!first[1].begins(), "it lost its place");
        assert!(first[0].begins() && first[2].begins());
        assert!(late.begins());
        // The server is at work for all: no connection makes place until one of them waits again.
        assert!(places.try_take(&of("next")).is_none());
        late.waits();
        assert!(places.try_take(&of("next")).is_some());
        late.lost().await;
        drop((first, late));
        let state = places.state();
        assert!(state.taken.is_empty() && state.waiting.by_sender.is_empty());
        assert!(state.working.by_sender.is_empty() && state.working.total == 0);
    }

    #[test]
    fn a_crowd_displaces_itself_and_not_the_one_that_was_there_before() {
        let (places, first) = full(10, &["modest"]);
        let crowd: Vec<_> = (0..100).map(|_| places.try_take(&of("crowd"))).collect();
        assert!(!is_lost(&first[0]));
        drop(crowd);
        // Control: one sender after the other displaces the connection that is there the longest.
        let (places, first) = full(10, &["modest"]);
        let name = |n: usize| of(&n.to_string());
        let many: Vec<_> = (0..100).map(|n| places.try_take(&name(n))).collect();
        assert!(is_lost(&first[0]));
        drop(many);
    }

    #[test]
    fn a_body_counts_for_who_sends_it_and_one_that_comes_is_kept() {
        let (places, taken) = full(4, &["proxy", "proxy", "proxy", "proxy"]);
        for (place, name) in taken.iter().zip(["a", "a", "a", "b"]) {
            place.receives(&of(name));
        }
        // The first one of "a" has just sent something.
        taken[0].receives(&of("a"));
        let _late = places.try_take(&of("proxy")).unwrap();
        let lost: Vec<_> = taken.iter().map(is_lost).collect();
        assert_eq!(lost, [false, true, false, false]);
    }

    #[test]
    fn nobody_has_us_at_work_on_all_places() {
        let (_places, taken) = full(10, &["proxy"; 10]);
        let granted = |name: &str| taken.iter().filter(|place| place.works(&of(name))).count();
        // A refused request waits, and asking again changes nothing.
        assert_eq!((granted("busy"), granted("busy")), (5, 5));
        assert!(taken[9].works(&of("other")));
        taken[9].waits();
        taken.iter().for_each(Place::waits);
        // Control: the same number of requests of as many senders.
        let names = (0..10).map(|n| of(&n.to_string()));
        let mut each = taken.iter().zip(names);
        assert!(each.all(|(place, sender)| place.works(&sender)));
    }

    #[tokio::test]
    async fn who_finds_no_place_gets_the_next_that_waits() {
        let (places, taken) = full(1, &["first"]);
        taken[0].works(&of("first"));
        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take(&of("second")).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        taken[0].waits();
        waiting.await.unwrap();
    }
}
