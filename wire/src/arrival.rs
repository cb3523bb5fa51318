//! The shared resources that a body takes on its way: memory, and the place of its connection.

use std::sync::Arc;

use crate::memory::{NoRoom, Share};
use crate::places::Place;
use crate::sender::Sender;

/// A body on its way, with its sender.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) sender: Sender,
    pub(crate) share: Share,
    /// `None` on a connection that needs no place.
    pub(crate) place: Option<Arc<Place>>,
}

impl Arrival {
    /// We wait for more of it.
    pub(crate) fn receives(&self) {
        if let Some(place) = &self.place {
            place.receives(&self.sender);
        }
    }

    /// `len` octets of it have come over the network.
    pub(crate) fn came(&self, len: usize) {
        self.share.came(len);
        self.receives();
    }

    /// Takes memory for `len` octets, until they are settled.
    pub(crate) async fn take(&self, len: usize) -> Result<(), NoRoom> {
        self.share.take(len).await
    }

    /// Takes memory for `len` octets, until the body ends.
    pub(crate) async fn keep(&self, len: usize) -> Result<(), NoRoom> {
        self.share.keep(len).await
    }

    /// Completes when the body has to make room for others.
    pub(crate) async fn given_up(&self) {
        self.share.given_up().await;
    }

    /// The server is to be at work for the body that has come.
    pub(crate) fn works(&self) -> Result<(), NoRoom> {
        match &self.place {
            Some(place) if !place.works(&self.sender) => Err(NoRoom),
            _ => Ok(()),
        }
    }

    /// All of it has come, and is to be in use until this is dropped.
    pub(crate) fn arrived(&self) -> Result<(), NoRoom> {
        self.share.arrived();
        self.works()
    }

    /// Frees the memory of the octets that the reader has dealt with.
    pub(crate) fn settle(&self) {
        self.share.settle();
    }
}
