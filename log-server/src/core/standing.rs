//! Whether a log accepts, and why not: one value that everybody who answers looks at.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether a log accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Running,
    /// Not before a quorum contradicts the witnesses that speak against it; it may run again.
    Held(String),
    /// Its key signs somewhere else. Records that have their quorum can still be read.
    Forked(String),
    /// It met an error, and the process has to end.
    Failed(String),
}

impl Standing {
    /// Why it does not accept.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Running => None,
            Self::Held(why) | Self::Forked(why) | Self::Failed(why) => Some(why),
        }
    }

    /// Its name in `/status`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held(_) => "contradicted",
            Self::Forked(_) => "forked",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether it never accepts again before the next start.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Forked(_) | Self::Failed(_))
    }
}

/// Says how a log stands; held by the threads that it cannot do without. A thread that panics (an
/// invariant did not hold) says so too: nobody may take a log for alive that has lost one.
#[derive(Clone)]
pub(super) struct Teller {
    standing: Arc<watch::Sender<Standing>>,
    /// Which thread.
    who: &'static str,
}

impl Teller {
    pub(super) fn new(standing: &Arc<watch::Sender<Standing>>, who: &'static str) -> Self {
        let standing = Arc::clone(standing);
        Self { standing, who }
    }

    /// How it stands now.
    pub(super) fn standing(&self) -> watch::Ref<'_, Standing> {
        self.standing.borrow()
    }

    /// Says how it stands from now on. The first final word stays.
    pub(super) fn tell(&self, next: Standing) {
        self.standing.send_if_modified(|standing| {
            let changes = !standing.is_final() && *standing != next;
            if changes {
                *standing = next;
            }
            changes
        });
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let who = self.who;
            self.tell(Standing::Failed(format!(
                "{who} met a fault of its own; see standard error"
            )));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_stops_the_log_and_one_that_ends_does_not() {
        let (set, standing) = watch::channel(Standing::Running);
        let set = Arc::new(set);
        let end = Teller::new(&set, "a thread");
        std::thread::spawn(move || drop(end)).join().unwrap();
        assert_eq!(*standing.borrow(), Standing::Running);

        let fault = Teller::new(&set, "a thread");
        let thread = std::thread::spawn(move || {
            let _held = fault;
            panic!("an invariant did not hold");
        });
        assert!(thread.join().is_err());
        let why = standing.borrow().why().unwrap().to_owned();
        assert!(why.starts_with("a thread met a fault"), "{why}");

        let another = Teller::new(&set, "another");
        another.tell(Standing::Forked("later".to_owned()));
        another.tell(Standing::Running);
        assert_eq!(
            standing.borrow().why(),
            Some(why.as_str()),
            "the first stays"
        );
    }

    #[test]
    fn what_is_held_may_go_on() {
        let (set, standing) = watch::channel(Standing::Running);
        let teller = Teller::new(&Arc::new(set), "a thread");
        teller.tell(Standing::Held("words".to_owned()));
        assert_eq!(standing.borrow().word(), "contradicted");
        teller.tell(Standing::Running);
        assert_eq!(standing.borrow().why(), None);
    }
}
