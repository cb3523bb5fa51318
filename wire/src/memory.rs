//! The memory that bodies take together, shared so that no sender can hold up the others.
//!
//! Octets count when they have come, not when they may come: a request that announces a long body
//! and sends nothing holds nothing. No sender may hold more than would still be free then (the
//! dynamic threshold of shared buffers): one sender gets half of the memory, each of two a third,
//! and there is always some left for the next one. Only a body that is the only one of all may take
//! everything.
//!
//! When a body finds no room, one of the bodies that are still arriving is given up for it: one
//! that has nearly stopped; or else the slowest of a sender that holds more; or else, of the same
//! sender, one that comes much slower. If there is none of these, the asking body is refused. Speed
//! is measured on the network: the number of octets that a few others inflate to is no merit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sender::Sender;

/// How long a body waits for the room that another one makes.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that is younger has not stopped: it has hardly begun.
const GRACE: Duration = Duration::from_secs(2);

/// A body has nearly stopped if fewer octets than this have come in the last second or so.
const STALLED: usize = 1024;

/// There is no room, and no body has to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The memory set aside for bodies.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    len_max: usize,
    held: usize,
    last: u64,
    bodies: HashMap<u64, Body>,
    /// Octets that each sender holds; a sender that holds nothing has no entry.
    senders: HashMap<Sender, usize>,
}

#[derive(Debug)]
struct Body {
    sender: Sender,
    since: Instant,
    flow: Flow,
    held: usize,
    /// Octets of it that stay until the end of the body.
    kept: usize,
    standing: Standing,
    heard: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Arriving,
    /// There as a whole, and in use: it cannot be given up.
    Arrived,
    GivenUp,
}

/// Octets that have come of late: they count half after half a second, and so on.
#[derive(Clone, Copy, Debug)]
struct Flow {
    octets: usize,
    at: Instant,
}

impl Flow {
    const HALVED_AFTER: Duration = Duration::from_millis(500);

    fn at(&self, now: Instant) -> usize {
        let halvings = self.halvings(now);
        self.octets.checked_shr(halvings).unwrap_or(0)
    }

    fn add(&mut self, len: usize, now: Instant) {
        // The beginning of a half second stays where it is, or frequent senders would not age.
        let halvings = self.halvings(now);
        self.octets = self.at(now).saturating_add(len);
        self.at += Self::HALVED_AFTER.saturating_mul(halvings);
    }

    fn halvings(&self, now: Instant) -> u32 {
        let age = now.saturating_duration_since(self.at).as_millis();
        u32::try_from(age / Self::HALVED_AFTER.as_millis()).unwrap_or(u32::MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
    /// Until this body is gone.
    Wait(u64),
}

impl Memory {
    pub(crate) fn new(len_max: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State::new(len_max)),
            freed: Notify::new(),
        }))
    }

    /// Begins a body of `sender`, which holds nothing yet.
    pub(crate) fn body(&self, sender: Sender) -> Share {
        let (id, heard) = self.state().begin(sender, Instant::now());
        Share {
            memory: self.clone(),
            id,
            heard,
        }
    }

    /// A thread that panicked with the lock left at most one body's numbers behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(len_max: usize) -> Self {
        Self {
            len_max,
            held: 0,
            last: 0,
            bodies: HashMap::new(),
            senders: HashMap::new(),
        }
    }

    fn begin(&mut self, sender: Sender, now: Instant) -> (u64, Arc<Notify>) {
        self.last += 1;
        let heard = Arc::new(Notify::new());
        let body = Body {
            sender,
            since: now,
            flow: Flow { octets: 0, at: now },
            held: 0,
            kept: 0,
            standing: Standing::Arriving,
            heard: Arc::clone(&heard),
        };
        self.bodies.insert(self.last, body);
        (self.last, heard)
    }

    fn came(&mut self, id: u64, len: usize, now: Instant) {
        if let Some(body) = self.bodies.get_mut(&id) {
            body.flow.add(len, now);
        }
    }

    /// Takes room for the body `id`. `awaited` is the body that it is waiting for to go.
    fn try_take(&mut self, id: u64, len: usize, awaited: Option<u64>, now: Instant) -> Verdict {
        let Some(own) = self.bodies.get_mut(&id) else {
            return Verdict::Refused;
        };
        if own.standing == Standing::GivenUp {
            return Verdict::Refused;
        }
        let free = self.len_max.saturating_sub(self.held);
        let of_sender = self.senders.get(&own.sender).copied().unwrap_or(0);
        if let Some(left) = free.checked_sub(len)
            && (of_sender + len <= left || self.held == own.held)
        {
            own.held += len;
            self.held += len;
            *self.senders.entry(own.sender.clone()).or_default() += len;
            return Verdict::Taken;
        }
        let is_going = |id: &u64| {
            let body = self.bodies.get(id);
            body.is_some_and(|body| body.standing == Standing::GivenUp)
        };
        let victim = awaited
            .filter(is_going)
            .or_else(|| self.victim(id, of_sender + len, now));
        let Some(victim) = victim else {
            return Verdict::Refused;
        };
        if let Some(body) = self.bodies.get_mut(&victim) {
            body.standing = Standing::GivenUp;
            body.heard.notify_one();
        }
        Verdict::Wait(victim)
    }

    /// The body that makes room for the body `id`, whose sender would hold `wanted` octets then.
    fn victim(&self, id: u64, wanted: usize, now: Instant) -> Option<u64> {
        let own = self.bodies.get(&id)?;
        let others = || {
            let others = self.bodies.iter().filter(|(other, _)| **other != id);
            others.filter(|(_, body)| body.standing == Standing::Arriving && body.held > 0)
        };
        let stalled = others()
            .filter(|(_, body)| now.saturating_duration_since(body.since) >= GRACE)
            .filter(|(_, body)| body.flow.at(now) < STALLED);
        if let Some((stalled, _)) = stalled.max_by_key(|(_, body)| body.held) {
            return Some(*stalled);
        }
        // The sender that holds the most in bodies that could go.
        let mut arriving: HashMap<&Sender, usize> = HashMap::new();
        for (_, body) in others() {
            *arriving.entry(&body.sender).or_default() += body.held;
        }
        let greediest = arriving.into_iter().max_by_key(|(_, held)| *held);
        let (loser, slower_than) = match greediest {
            Some((sender, held)) if *sender != own.sender && held > wanted => (sender, usize::MAX),
            _ => (&own.sender, own.flow.at(now) / 2),
        };
        let of_loser = others().filter(|(_, body)| body.sender == *loser);
        let slowest = of_loser.min_by_key(|(_, body)| body.flow.at(now))?;
        (slowest.1.flow.at(now) < slower_than).then_some(*slowest.0)
    }

    fn keep(&mut self, id: u64, len: usize) {
        if let Some(body) = self.bodies.get_mut(&id) {
            body.kept += len;
        }
    }

    fn arrived(&mut self, id: u64) {
        if let Some(body) = self.bodies.get_mut(&id) {
            body.standing = Standing::Arrived;
        }
    }

    /// Frees the octets that the reader has dealt with. A body that was to be given up has made
    /// room by that.
    fn settle(&mut self, id: u64) {
        if let Some(body) = self.bodies.get_mut(&id) {
            body.standing = Standing::Arriving;
            let freed = body.held.saturating_sub(body.kept);
            self.free(id, freed);
        }
    }

    fn end(&mut self, id: u64) {
        let held = self.bodies.get(&id).map_or(0, |body| body.held);
        self.free(id, held);
        self.bodies.remove(&id);
    }

    fn free(&mut self, id: u64, len: usize) {
        let Some(body) = self.bodies.get_mut(&id) else {
            return;
        };
        body.held -= len;
        self.held -= len;
        if let Some(of_sender) = self.senders.get_mut(&body.sender) {
            *of_sender -= len;
            if *of_sender == 0 {
                self.senders.remove(&body.sender);
            }
        }
    }
}

/// The memory that one body holds; dropping it frees all of it.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Memory,
    id: u64,
    heard: Arc<Notify>,
}

impl Share {
    /// Says that `len` octets have come over the network.
    pub(crate) fn came(&self, len: usize) {
        self.memory.state().came(self.id, len, Instant::now());
    }

    /// Takes room for `len` octets, and waits a little for others to make it.
    pub(crate) async fn take(&self, len: usize) -> Result<(), NoRoom> {
        let until = Instant::now() + PATIENCE;
        let mut awaited = None;
        loop {
            let freed = self.memory.0.freed.notified();
            tokio::pin!(freed);
            // From here on a release is not missed.
            freed.as_mut().enable();
            let now = Instant::now();
            let verdict = self.memory.state().try_take(self.id, len, awaited, now);
            match verdict {
                Verdict::Taken => return Ok(()),
                Verdict::Refused => return Err(NoRoom),
                Verdict::Wait(victim) => awaited = Some(victim),
            }
            if tokio::time::timeout_at(until, freed).await.is_err() {
                return Err(NoRoom);
            }
        }
    }

    /// Takes memory for `len` octets that [`Self::settle`] does not free, and waits a little for
    /// others to make room.
    pub(crate) async fn keep(&self, len: usize) -> Result<(), NoRoom> {
        self.take(len).await?;
        self.memory.state().keep(self.id, len);
        Ok(())
    }

    /// Completes when this body has to make room for others.
    pub(crate) async fn given_up(&self) {
        while !self.is_given_up() {
            self.heard.notified().await;
        }
    }

    fn is_given_up(&self) -> bool {
        let state = self.memory.state();
        let body = state.bodies.get(&self.id);
        body.is_some_and(|body| body.standing == Standing::GivenUp)
    }

    /// The body is there as a whole: it is in use and cannot be given up any more.
    pub(crate) fn arrived(&self) {
        self.memory.state().arrived(self.id);
        self.memory.0.freed.notify_waiters();
    }

    /// Says that the octets are dealt with: they count no more.
    pub(crate) fn settle(&self) {
        self.memory.state().settle(self.id);
        self.memory.0.freed.notify_waiters();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.state().end(self.id);
        self.memory.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
