//! The memory that bodies take together, shared so that no sender can hold up the others.
//!
//! Octets count when they have come, not when they may come: a request that announces a long body and
//! sends nothing holds nothing. While there is room everybody gets it. When there is none, whoever holds
//! the most makes room: of that sender's bodies the one that comes the slowest is given up. A sender's
//! bodies together may not take more than half, unless it is a single one, so that what others
//! send never has to wait for what one sender's bodies are used for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sender::Sender;

/// How long a body waits for the room that another one makes.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body of the same sender is given up only if it is older than this: its rate says nothing before.
const GRACE: Duration = Duration::from_secs(2);

/// There is no room, and this sender is the one who would have to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The memory set aside for bodies.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    len_max: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: usize,
    last: u64,
    bodies: HashMap<u64, Body>,
}

#[derive(Debug)]
struct Body {
    sender: Sender,
    since: Instant,
    held: usize,
    /// Octets that have come, also those that are dealt with.
    came: usize,
    /// One that has arrived is in use, and cannot be given up.
    is_arriving: bool,
    given_up: Arc<Notify>,
}

impl Body {
    /// Octets a second since it began.
    fn rate(&self, now: Instant) -> u64 {
        let age = now.duration_since(self.since).as_millis().max(1);
        u64::try_from(self.came as u128 * 1000 / age).unwrap_or(u64::MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
    Wait,
}

impl Memory {
    pub(crate) fn new(len_max: usize) -> Self {
        Self(Arc::new(Shared {
            len_max,
            state: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// Begins a body of `sender`, which holds nothing yet.
    pub(crate) fn body(&self, sender: Sender) -> Share {
        let (id, given_up) = self.state().begin(sender, Instant::now());
        Share {
            memory: self.clone(),
            id,
            given_up,
        }
    }

    /// Whoever panicked with the lock left at most one body's numbers behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, sender: Sender, now: Instant) -> (u64, Arc<Notify>) {
        self.last += 1;
        let given_up = Arc::new(Notify::new());
        let body = Body {
            sender,
            since: now,
            held: 0,
            came: 0,
            is_arriving: true,
            given_up: Arc::clone(&given_up),
        };
        self.bodies.insert(self.last, body);
        (self.last, given_up)
    }

    fn try_take(&mut self, id: u64, len: usize, len_max: usize, now: Instant) -> Verdict {
        let Some(own) = self.bodies.get(&id) else {
            return Verdict::Refused;
        };
        let (sender, own_rate) = (own.sender.clone(), own.rate(now));
        let (held, bodies) = self.held_by(&sender);
        if bodies > 1 && held + len > len_max / 2 {
            return self.give_up_slowest(&sender, id, own_rate, now);
        }
        if self.held + len <= len_max {
            self.held += len;
            if let Some(own) = self.bodies.get_mut(&id) {
                own.held += len;
                own.came += len;
            }
            return Verdict::Taken;
        }
        let Some(greediest) = self.greediest() else {
            return Verdict::Refused;
        };
        if greediest == sender {
            return self.give_up_slowest(&sender, id, own_rate, now);
        }
        let slowest = self
            .arriving_of(&greediest)
            .min_by_key(|(_, body)| body.rate(now));
        let slowest = slowest.map(|(id, _)| id);
        self.give_up(slowest)
    }

    fn settle(&mut self, id: u64) {
        if let Some(body) = self.bodies.get_mut(&id) {
            self.held -= std::mem::take(&mut body.held);
        }
    }

    fn held_by(&self, sender: &Sender) -> (usize, usize) {
        let own = self
            .bodies
            .values()
            .filter(|body| body.sender == *sender && body.held > 0);
        own.fold((0, 1), |(held, count), body| (held + body.held, count + 1))
    }

    /// Who holds the most in bodies that are still arriving.
    fn greediest(&self) -> Option<Sender> {
        let mut by_sender: HashMap<&Sender, usize> = HashMap::new();
        for body in self.bodies.values().filter(|body| body.is_arriving) {
            *by_sender.entry(&body.sender).or_default() += body.held;
        }
        let most = by_sender.into_iter().max_by_key(|(_, held)| *held);
        most.filter(|(_, held)| *held > 0)
            .map(|(sender, _)| sender.clone())
    }

    fn arriving_of(&self, sender: &Sender) -> impl Iterator<Item = (u64, &Body)> {
        let bodies = self.bodies.iter().map(|(id, body)| (*id, body));
        bodies.filter(move |(_, body)| body.sender == *sender && body.is_arriving && body.held > 0)
    }

    /// Gives up a body of `sender` that comes slower than the one with number `id`, if there is any.
    fn give_up_slowest(&mut self, sender: &Sender, id: u64, rate: u64, now: Instant) -> Verdict {
        let others = self.arriving_of(sender).filter(|(other, body)| {
            *other != id && now.duration_since(body.since) > GRACE && body.rate(now) < rate
        });
        let slowest = others.min_by_key(|(_, body)| body.rate(now));
        let slowest = slowest.map(|(id, _)| id);
        self.give_up(slowest)
    }

    /// What it holds is free when its reader hears of it; until then it cannot be given up again.
    fn give_up(&mut self, id: Option<u64>) -> Verdict {
        match id.and_then(|id| self.bodies.get_mut(&id)) {
            Some(body) => {
                body.is_arriving = false;
                body.given_up.notify_one();
                Verdict::Wait
            }
            None => Verdict::Refused,
        }
    }
}

/// What one body holds of the memory; all of it is free when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Memory,
    id: u64,
    given_up: Arc<Notify>,
}

impl Share {
    /// Takes room for `len` octets that have come, and waits a little for others to make it.
    pub(crate) async fn take(&self, len: usize) -> Result<(), NoRoom> {
        let until = Instant::now() + PATIENCE;
        loop {
            let freed = self.memory.0.freed.notified();
            tokio::pin!(freed);
            // From here on a release is not missed.
            freed.as_mut().enable();
            let len_max = self.memory.0.len_max;
            let verdict = self
                .memory
                .state()
                .try_take(self.id, len, len_max, Instant::now());
            match verdict {
                Verdict::Taken => return Ok(()),
                Verdict::Refused => return Err(NoRoom),
                Verdict::Wait => {
                    if tokio::time::timeout_at(until, freed).await.is_err() {
                        return Err(NoRoom);
                    }
                }
            }
        }
    }

    /// Completes when this body has to make room for others.
    pub(crate) async fn given_up(&self) {
        self.given_up.notified().await;
    }

    /// The body is there as a whole: it is in use and cannot be given up any more.
    pub(crate) fn arrived(&self) {
        if let Some(body) = self.memory.state().bodies.get_mut(&self.id) {
            body.is_arriving = false;
        }
    }

    /// What has come is dealt with and counts no more.
    pub(crate) fn settle(&self) {
        self.memory.state().settle(self.id);
        self.memory.0.freed.notify_waiters();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.settle();
        self.memory.state().bodies.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN_MAX: usize = 100;

    /// A memory without threads, at a time that the test sets.
    struct Scene {
        state: State,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let (state, now) = (State::default(), Instant::now());
            Self { state, now }
        }

        fn body(&mut self, sender: &str) -> u64 {
            let sender = Sender::Named(sender.to_owned());
            self.state.begin(sender, self.now).0
        }

        fn take(&mut self, id: u64, len: usize) -> Verdict {
            self.state.try_take(id, len, LEN_MAX, self.now)
        }

        fn is_given_up(&self, id: u64) -> bool {
            !self.state.bodies[&id].is_arriving
        }

        /// Its reader has heard that it is given up.
        fn end(&mut self, id: u64) {
            self.state.settle(id);
            self.state.bodies.remove(&id);
        }
    }

    #[test]
    fn who_holds_the_most_makes_room() {
        let mut scene = Scene::new();
        let (greedy, second) = (scene.body("greedy"), scene.body("greedy"));
        assert_eq!(scene.take(greedy, 90), Verdict::Taken);
        // More than half is for a single body only.
        assert_eq!(scene.take(second, 1), Verdict::Refused);
        let modest = scene.body("modest");
        assert_eq!(scene.take(modest, 10), Verdict::Taken);
        assert!(!scene.is_given_up(greedy));
        assert_eq!(scene.take(modest, 30), Verdict::Wait);
        assert!(scene.is_given_up(greedy));
        scene.end(greedy);
        assert_eq!(scene.take(modest, 30), Verdict::Taken);
        scene.end(modest);
        scene.end(second);
        assert_eq!(scene.state.held, 0);
    }

    #[test]
    fn of_one_sender_the_stalled_body_makes_room_for_the_one_that_comes() {
        let mut scene = Scene::new();
        let stalled = scene.body("proxy");
        assert_eq!(scene.take(stalled, 40), Verdict::Taken);
        scene.now += Duration::from_secs(1);
        let coming = scene.body("proxy");
        scene.now += Duration::from_millis(10);
        assert_eq!(scene.take(coming, 5), Verdict::Taken);
        // Too early to call the first one slow.
        assert_eq!(scene.take(coming, 20), Verdict::Refused);
        scene.now += Duration::from_secs(2);
        let coming = scene.body("proxy");
        scene.now += Duration::from_millis(10);
        assert_eq!(scene.take(coming, 5), Verdict::Taken);
        assert_eq!(scene.take(coming, 20), Verdict::Wait);
        assert!(scene.is_given_up(stalled) && !scene.is_given_up(coming));
    }

    #[test]
    fn a_body_in_use_is_not_given_up() {
        let mut scene = Scene::new();
        let used = scene.body("one");
        assert_eq!(scene.take(used, 100), Verdict::Taken);
        scene.state.bodies.get_mut(&used).unwrap().is_arriving = false;
        let other = scene.body("other");
        assert_eq!(scene.take(other, 1), Verdict::Refused);
        scene.state.settle(used);
        assert_eq!(scene.take(other, 1), Verdict::Taken);
    }
}
