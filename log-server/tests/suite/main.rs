//! The log's promises that need no process of their own: admission, statements, succession,
//! threads, the core on broken disks; and that the pages for operators are complete.

mod admission;
mod core_faults;
mod pages;
mod running;
mod statements;
mod succession;
