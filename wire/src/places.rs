//! Places for connections, shared so that no address can hold up the others.
//!
//! While there are places everybody gets one. When there are none, a connection that waits for a head (one
//! that has sent half of it, or none, or keeps itself alive) makes place: the oldest of the address that
//! has the most of them. Whoever has a request in flight keeps the place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sender::Sender;

#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    taken: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    from: Sender,
    /// Since when it waits for a head; none while a request is in flight.
    waiting: Option<Instant>,
    leave: Arc<Notify>,
}

impl Places {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            state: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// A place for a connection from `from`; waits while all are taken by requests in flight.
    pub(crate) async fn take(self: &Arc<Self>, from: &Sender) -> Place {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // From here on a release is not missed.
            freed.as_mut().enable();
            if let Some(place) = self.try_take(from) {
                return place;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>, from: &Sender) -> Option<Place> {
        let mut state = self.state();
        if state.taken.len() >= self.most {
            let loser = state.loser()?;
            let lost = state.taken.remove(&loser)?;
            lost.leave.notify_one();
        }
        state.last += 1;
        let id = state.last;
        let leave = Arc::new(Notify::new());
        let taken = Taken {
            from: from.clone(),
            waiting: Some(Instant::now()),
            leave: Arc::clone(&leave),
        };
        state.taken.insert(id, taken);
        drop(state);
        Some(Place {
            places: Arc::clone(self),
            id,
            leave,
        })
    }

    /// Whoever panicked with the lock left at most one place behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The oldest waiting connection of the address with the most of them.
    fn loser(&self) -> Option<u64> {
        let waiting = || {
            let all = self.taken.iter();
            all.filter_map(|(id, taken)| Some((*id, &taken.from, taken.waiting?)))
        };
        let mut counts: HashMap<&Sender, usize> = HashMap::new();
        for (_, from, _) in waiting() {
            *counts.entry(from).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let of_greedy = waiting().filter(|(_, from, _)| counts.get(from) == Some(&most));
        of_greedy
            .min_by_key(|(_, _, since)| *since)
            .map(|(id, ..)| id)
    }
}

/// A connection's place; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    id: u64,
    leave: Arc<Notify>,
}

impl Place {
    /// A head has come: the place is kept. False if it was lost a moment before.
    pub(crate) fn is_busy(&self) -> bool {
        let mut state = self.places.state();
        let taken = state.taken.get_mut(&self.id);
        taken.map(|taken| taken.waiting = None).is_some()
    }

    /// The request is answered: the connection waits for another.
    pub(crate) fn waits(&self) {
        if let Some(taken) = self.places.state().taken.get_mut(&self.id) {
            taken.waiting = Some(Instant::now());
        }
        // Whoever found every place busy can have this one.
        self.places.freed.notify_waiters();
    }

    /// Completes when the connection has to make place for another.
    pub(crate) async fn lost(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().taken.remove(&self.id);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(name: &str) -> Sender {
        Sender::Named(name.to_owned())
    }

    #[tokio::test]
    async fn the_oldest_waiting_connection_of_the_greediest_address_makes_place() {
        let places = Places::new(3);
        let greedy = [places.take(&from("a")).await, places.take(&from("a")).await];
        let modest = places.take(&from("b")).await;
        let late = places.take(&from("c")).await;
        greedy[0].lost().await;
        assert!(!greedy[0].is_busy(), "it lost its place");
        assert!(greedy[1].is_busy() && modest.is_busy() && late.is_busy());
        // All are busy now: nobody makes place until one of them waits again.
        assert!(places.try_take(&from("d")).is_none());
        late.waits();
        assert!(places.try_take(&from("d")).is_some());
        late.lost().await;
        drop(greedy);
        assert_eq!(places.state().taken.len(), 1);
    }
}
