//! HTTP in both directions, with a limit on everything.
//!
//! [`serve`] is the accept loop of every listening process: deadlines for the first byte, the head,
//! the body and a reader that stalls, a bound on connections and on the memory that bodies may take
//! together, both shared among senders, and a shutdown that lets requests finish. A body comes
//! whole, or, if it may be longer than memory, in pieces ([`BodyStream`]). By [`Net`] a process
//! calls another one; [`HttpNet`] is the real one, tests bring others. [`ask_tsa`] asks a TSA.
//!
//! The server speaks HTTP/1.1 without TLS and stands behind a reverse proxy that terminates TLS, or
//! connects to a [`Bastion`] and speaks HTTP/2 there; the client speaks HTTP/1.1 with and without
//! TLS.

#![deny(missing_docs)]

mod arrival;
mod bastion;
mod body;
mod memory;
mod net;
mod places;
mod reply;
mod sender;
mod server;
mod tsa;
mod whole;

pub use bastion::{Bastion, BastionError, BastionEvent, BastionKey};
pub use body::{BodyError, BodyStream, PIECE_LEN_MAX, gzip};
pub use net::{HttpNet, Method, Net, NetError, NetFuture, Request, Response};
pub use reply::{Reply, reply};
pub use server::{Admitted, Limits, Service, serve};
pub use tsa::{REPLY_LEN_MAX, TsaError, ask_tsa};
