//! The rules of sharing, without threads and at a time that the test sets.

use super::*;

struct Scene {
    state: State,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let (state, now) = (State::new(120), Instant::now());
        Self { state, now }
    }

    fn body(&mut self, sender: &str) -> u64 {
        self.state.begin(Sender::Named(sender.into()), self.now).0
    }

    /// `len` octets come and are to be held.
    fn take(&mut self, id: u64, len: usize) -> Verdict {
        self.state.came(id, len, self.now);
        self.state.try_take(id, len, None, self.now)
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }
}

#[test]
fn nobody_holds_more_than_what_is_left() {
    let mut scene = Scene::new();
    let [a, other_a, b, c] = ["a", "a", "b", "c"].map(|name| scene.body(name));
    assert_eq!(scene.take(a, 50), Verdict::Taken);
    assert_eq!(scene.take(other_a, 10), Verdict::Taken);
    // Both are in use, and cannot make room.
    scene.state.arrived(a);
    scene.state.arrived(other_a);
    let more = scene.body("a");
    assert_eq!(scene.take(more, 1), Verdict::Refused, "half is theirs");
    assert_eq!(scene.take(b, 30), Verdict::Taken, "half of what is left");
    assert_eq!(scene.take(b, 1), Verdict::Refused);
    assert_eq!(scene.take(c, 15), Verdict::Taken);
    for id in [a, other_a, more, b, c] {
        scene.state.end(id);
    }
    assert_eq!(scene.state.held, 0);
    assert!(scene.state.senders.is_empty() && scene.state.bodies.is_empty());
}

#[test]
fn the_only_body_may_take_everything() {
    let mut scene = Scene::new();
    let only = scene.body("only");
    for _ in 0..12 {
        assert_eq!(scene.take(only, 10), Verdict::Taken);
    }
    assert_eq!(scene.take(only, 1), Verdict::Refused);
    // It is the greediest as soon as there is another one.
    let other = scene.body("other");
    assert_eq!(scene.take(other, 1), Verdict::Wait(only));
    assert_eq!(scene.take(only, 1), Verdict::Refused, "it was given up");
    scene.state.end(only);
    assert_eq!(scene.take(other, 1), Verdict::Taken);
}

#[test]
fn of_who_holds_more_the_slowest_makes_room() {
    let mut scene = Scene::new();
    let [slow, fast, modest] = ["greedy", "greedy", "modest"].map(|name| scene.body(name));
    assert_eq!(scene.take(slow, 30), Verdict::Taken);
    scene.pass(500);
    assert_eq!(scene.take(fast, 30), Verdict::Taken);
    assert_eq!(scene.take(modest, 30), Verdict::Taken);
    assert_eq!(scene.take(modest, 10), Verdict::Wait(slow));
    // While it goes, no other body is asked to.
    let again = scene.state.try_take(modest, 10, Some(slow), scene.now);
    assert_eq!(again, Verdict::Wait(slow));
    scene.state.end(slow);
    assert_eq!(scene.take(modest, 10), Verdict::Taken);
    // Control: a sender that holds less makes no room for one that holds more.
    assert_eq!(scene.take(modest, 20), Verdict::Refused);
}

#[test]
fn of_one_sender_the_slow_body_makes_room_for_the_fast_one() {
    let mut scene = Scene::new();
    let (stalled, coming) = (scene.body("proxy"), scene.body("proxy"));
    assert_eq!(scene.take(stalled, 50), Verdict::Taken);
    assert_eq!(scene.take(coming, 10), Verdict::Taken);
    // As fast as it, or nearly.
    assert_eq!(scene.take(coming, 20), Verdict::Refused);
    scene.pass(1000);
    assert_eq!(scene.take(coming, 20), Verdict::Wait(stalled));
}

#[test]
fn what_inflates_is_slow() {
    let mut scene = Scene::new();
    let (bomb, plain) = (scene.body("proxy"), scene.body("proxy"));
    scene.state.came(bomb, 1, scene.now);
    assert_eq!(
        scene.state.try_take(bomb, 55, None, scene.now),
        Verdict::Taken
    );
    assert_eq!(scene.take(plain, 5), Verdict::Taken);
    assert_eq!(scene.take(plain, 5), Verdict::Wait(bomb));
}

#[test]
fn what_has_nearly_stopped_makes_room_for_anybody() {
    let mut scene = Scene::new();
    let (modest, greedy) = (scene.body("modest"), scene.body("greedy"));
    assert_eq!(scene.take(modest, 20), Verdict::Taken);
    assert_eq!(scene.take(greedy, 50), Verdict::Taken);
    assert_eq!(
        scene.take(greedy, 10),
        Verdict::Refused,
        "it has just begun"
    );
    scene.pass(2000);
    assert_eq!(scene.take(greedy, 10), Verdict::Wait(modest));
    // Control: one that goes on is left alone.
    scene.state.settle(modest);
    assert_eq!(scene.take(modest, 20), Verdict::Taken);
    scene.state.came(modest, STALLED, scene.now);
    assert_eq!(scene.take(greedy, 10), Verdict::Refused);
}

#[test]
fn what_is_dealt_with_is_free_and_what_is_kept_is_not() {
    let mut scene = Scene::new();
    let (body, other) = (scene.body("a"), scene.body("b"));
    assert_eq!(scene.take(body, 20), Verdict::Taken);
    scene.state.keep(body, 20);
    assert_eq!(scene.take(body, 30), Verdict::Taken);
    assert_eq!(scene.take(other, 30), Verdict::Taken);
    assert_eq!(
        scene.take(other, 20),
        Verdict::Refused,
        "it would hold as much"
    );
    scene.pass(2000);
    assert_eq!(scene.take(other, 20), Verdict::Wait(body));
    // It hears of it too late, and has made room already.
    scene.state.settle(body);
    assert_eq!(scene.state.held, 50);
    assert_eq!(scene.take(other, 20), Verdict::Taken);
    assert_eq!(scene.take(body, 10), Verdict::Taken);
}

#[tokio::test]
async fn who_is_given_up_hears_of_it_and_who_waits_gets_the_room() {
    let memory = Memory::new(120);
    let greedy = memory.body(Sender::Named("greedy".into()));
    greedy.take(120).await.unwrap();
    let modest = memory.body(Sender::Named("modest".into()));
    let leaving = async {
        greedy.given_up().await;
        drop(greedy);
    };
    let (taken, ()) = tokio::join!(modest.take(10), leaving);
    taken.unwrap();
    // Control: no body could go, so none is waited for.
    modest.arrived();
    let late = memory.body(Sender::Named("late".into()));
    assert_eq!(late.take(60).await, Err(NoRoom));
}
