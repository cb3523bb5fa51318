//! What the log promises without a process of its own: admission, statements, succession, threads,
//! the core on broken disks; and that the pages for operators are complete.

mod admission;
mod core_faults;
mod pages;
mod running;
mod statements;
mod succession;
