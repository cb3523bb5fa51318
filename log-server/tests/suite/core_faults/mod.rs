//! The core of the log on a disk that fails, under a signer that lies, with memory that flips bits;
//! and a crash at every write, with another one during the recovery.
//!
//! Properties that have to hold throughout: the key signs one root per size, every signed tree
//! continues the one before it, whatever was answered is there, and nothing is signed that was not
//! read back.

mod closing;
mod crashes;
mod flips;
mod keys;
mod rig;
mod rounds;
mod storage;
