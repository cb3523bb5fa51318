//! Request bodies that are read whole before the service sees them.
//!
//! The buffer grows as octets come, to at most twice the octets that have come, and the buffer is
//! what counts against the memory of all bodies: a stated length reserves nothing.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::arrival::Arrival;
use crate::memory::NoRoom;

/// The buffer that the first octets get, unless the body is shorter.
const BUFFER_LEN_MIN: usize = 4 << 10;

/// Why a body is not there as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incomplete {
    TooLong,
    NoRoom,
    BrokenOff,
    TooSlow,
}

/// Reads a body of at most `most` octets to its end.
pub(crate) async fn read_whole(
    body: &mut Incoming,
    most: usize,
    arrival: &Arrival,
    patience: Duration,
) -> Result<Bytes, Incomplete> {
    arrival.receives();
    let collected = tokio::select! {
        collected = collect(body, most, arrival) => collected?,
        () = arrival.given_up() => return Err(Incomplete::NoRoom),
        () = tokio::time::sleep(patience) => return Err(Incomplete::TooSlow),
    };
    let arrived = arrival.arrived();
    arrived.map_err(|NoRoom| Incomplete::NoRoom)?;
    Ok(collected)
}

async fn collect(body: &mut Incoming, most: usize, arrival: &Arrival) -> Result<Bytes, Incomplete> {
    let stated = body.size_hint().exact();
    let len_max = stated.map_or(most, |len| usize::try_from(len).unwrap_or(usize::MAX));
    if len_max > most {
        return Err(Incomplete::TooLong);
    }
    let mut collected: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Incomplete::BrokenOff)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        arrival.came(data.len());
        let (len, held) = (collected.len() + data.len(), collected.capacity());
        if len > len_max {
            return Err(Incomplete::TooLong);
        }
        if len > held {
            let longer = len.max(2 * held).max(BUFFER_LEN_MIN).min(len_max);
            let room = arrival.take(longer - held).await;
            room.map_err(|NoRoom| Incomplete::NoRoom)?;
            collected.reserve_exact(longer - collected.len());
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.into())
}
