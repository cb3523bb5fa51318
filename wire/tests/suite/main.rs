//! The limits of the server over real sockets: on one request, on what all senders share, on
//! streamed bodies.

mod limits;
mod shares;
mod stream;
