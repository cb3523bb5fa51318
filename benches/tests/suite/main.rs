//! Checks that the load generator measures what it says, with tokens that a log takes.

mod honesty;
mod tokens;
