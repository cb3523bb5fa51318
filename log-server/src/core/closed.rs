//! A stand-in for the running log, for a log that is only read.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::handle::Handle;
use super::publisher::Published;
use super::room::Lack;
use super::standing::Standing;

/// Keeps the [`Handle`] alive of a log that takes no records.
pub struct ClosedHandle {
    _published: watch::Sender<Option<Published>>,
    _standing: watch::Sender<Standing>,
    _without_quorum: watch::Sender<Option<Duration>>,
    _lack: watch::Sender<Lack>,
}

impl ClosedHandle {
    /// The way into a log that takes nothing, and what keeps it open: what the log published last
    /// is there.
    pub fn open(published: Option<Published>, standing: Standing) -> (Handle, Self) {
        let (submissions, _) = channel();
        let (events, _) = channel();
        let (set_published, published) = watch::channel(published);
        let (set_standing, standing) = watch::channel(standing);
        let (set_without, without_quorum) = watch::channel(None);
        let (set_lack, lack) = watch::channel(None);
        let handle = Handle {
            submissions,
            events,
            pool: Arc::new(Semaphore::new(0)),
            pool_records_max: 0,
            published,
            standing,
            without_quorum,
            lack,
        };
        let this = Self {
            _published: set_published,
            _standing: set_standing,
            _without_quorum: set_without,
            _lack: set_lack,
        };
        (handle, this)
    }
}
