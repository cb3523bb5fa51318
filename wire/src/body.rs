//! Request bodies that are read as they come, for requests that may be longer than memory.
//!
//! The reader gets pieces of at most [`PIECE_LEN_MAX`] octets, inflated already if they came with
//! `Content-Encoding: gzip`. Inflating is done on demand, a piece at a time: octets that expand to
//! a billion times their number cost nothing until the reader asks for them. Pieces that were
//! handed out count against the memory of all bodies, with their inflated length, and against a
//! deadline, until [`BodyStream::settle`]. The memory of the inflater itself counts until the end
//! of the body.

use std::io::{self, BufRead, Read as _};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use flate2::Compression;
use flate2::bufread::{GzDecoder, GzEncoder};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::arrival::Arrival;
use crate::memory::NoRoom;

/// The longest piece that is handed out, in octets.
pub const PIECE_LEN_MAX: usize = 64 << 10;

/// Octets that the state of one inflater takes, rounded up: 32 KiB of its output, and its tables.
const INFLATER_LEN: usize = 64 << 10;

/// Why there is no more of a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The connection ended, or the compressed octets did.
    #[error("the body broke off")]
    BrokenOff,
    /// No piece was settled in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The octets are not what `Content-Encoding` says.
    #[error("the body is not in gzip format: {0}")]
    NotGzip(String),
    /// The requests of this sender, or of all, take all the memory or places that are set aside for
    /// them.
    #[error("other requests take all the memory or connections set aside for them; try again")]
    Busy,
}

/// The body of one request, on its way.
#[derive(Debug)]
pub struct BodyStream {
    body: Incoming,
    coding: Coding,
    arrival: Arrival,
    patience: Duration,
    deadline: Instant,
}

#[derive(Debug)]
enum Coding {
    Identity,
    /// The inflater is made when something has come for it.
    Gzip(Option<Inflater>),
}

impl BodyStream {
    /// The body that came with `headers`; the body again for a content coding other than gzip.
    pub(crate) fn new(
        body: Incoming,
        headers: &HeaderMap,
        arrival: Arrival,
        patience: Duration,
    ) -> Result<Self, Incoming> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let coding = codings.next().map(HeaderValue::as_bytes);
        let coding = match (coding, codings.next()) {
            (None, None) => Coding::Identity,
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"identity") => Coding::Identity,
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"gzip") => Coding::Gzip(None),
            _ => return Err(body),
        };
        Ok(Self {
            body,
            coding,
            arrival,
            patience,
            deadline: Instant::now() + patience,
        })
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`BodyError`]; pieces that were handed out before stay good.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.arrival.receives();
        let deadline = self.deadline;
        let piece = tokio::select! {
            piece = next(&mut self.body, &mut self.coding, &self.arrival) => piece?,
            () = self.arrival.given_up() => return Err(BodyError::Busy),
            () = tokio::time::sleep_until(deadline) => return Err(BodyError::TooSlow),
        };
        self.arrival.works().map_err(|NoRoom| BodyError::Busy)?;
        Ok(piece)
    }

    /// Says that the pieces that were handed out are dealt with: they no longer count, and the time
    /// for the next one begins.
    pub fn settle(&mut self) {
        self.arrival.settle();
        self.deadline = Instant::now() + self.patience;
    }

    pub(crate) fn into_inner(self) -> Incoming {
        self.body
    }
}

/// The next piece, which counts from now on.
async fn next(
    body: &mut Incoming,
    coding: &mut Coding,
    arrival: &Arrival,
) -> Result<Option<Bytes>, BodyError> {
    let busy = |NoRoom| BodyError::Busy;
    let piece = match coding {
        Coding::Identity => next_data(body, arrival).await?,
        Coding::Gzip(inflater) => loop {
            let inflater = match inflater {
                Some(inflater) => inflater,
                None => {
                    let first = next_data(body, arrival).await?;
                    arrival.keep(INFLATER_LEN).await.map_err(busy)?;
                    let inflater = inflater.insert(Inflater::new());
                    inflater.feed_or_finish(first);
                    inflater
                }
            };
            match inflater.read()? {
                Inflated::Piece(piece) => break Some(piece),
                Inflated::End => break None,
                Inflated::Starved => inflater.feed_or_finish(next_data(body, arrival).await?),
            }
        },
    };
    if let Some(piece) = &piece {
        arrival.take(piece.len()).await.map_err(busy)?;
    }
    Ok(piece)
}

/// The next octets as they came; empty frames and trailers are passed over.
async fn next_data(body: &mut Incoming, arrival: &Arrival) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::BrokenOff)?;
        if let Ok(data) = frame.into_data()
            && !data.is_empty()
        {
            arrival.came(data.len());
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Inflates one gzip member as its octets come (RFC 1952). Octets after it are not looked at.
struct Inflater(GzDecoder<Fed>);

enum Inflated {
    Piece(Bytes),
    /// More octets are needed.
    Starved,
    End,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater")
    }
}

impl Inflater {
    fn new() -> Self {
        Self(GzDecoder::new(Fed::default()))
    }

    fn feed_or_finish(&mut self, data: Option<Bytes>) {
        let fed = self.0.get_mut();
        match data {
            Some(data) => fed.data = data,
            None => fed.ended = true,
        }
    }

    fn read(&mut self) -> Result<Inflated, BodyError> {
        let mut piece = vec![0; PIECE_LEN_MAX];
        match self.0.read(&mut piece) {
            Ok(0) => Ok(Inflated::End),
            Ok(len) => {
                piece.truncate(len);
                Ok(Inflated::Piece(piece.into()))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Ok(Inflated::Starved),
                io::ErrorKind::UnexpectedEof => Err(BodyError::BrokenOff),
                _ => Err(BodyError::NotGzip(error.to_string())),
            },
        }
    }
}

/// Octets that have come and are not inflated yet. Without any, it says that reading would block;
/// the decoder can go on from there.
#[derive(Default)]
struct Fed {
    data: Bytes,
    ended: bool,
}

impl io::Read for Fed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(into)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Fed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.data.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(&self.data)
    }

    fn consume(&mut self, len: usize) {
        self.data.advance(len);
    }
}

/// `octets` in gzip format (RFC 1952), for requests with `Content-Encoding: gzip`.
///
/// # Panics
/// Never: reading and writing memory does not fail.
pub fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    GzEncoder::new(octets, Compression::fast())
        .read_to_end(&mut out)
        .expect("reading and writing memory does not fail");
    out
}
