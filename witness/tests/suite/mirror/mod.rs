//! The mirror over real sockets, on a real disk: every status of C2SP tlog-mirror, uploads that
//! break off and clients that interleave, forgeries with their negative controls, pull mode against
//! a log that lies, and `kill -9`.

mod attacks;
mod clients;
mod kill;
mod pull;
mod statuses;
mod support;
