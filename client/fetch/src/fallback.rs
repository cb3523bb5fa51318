//! Several sources for one question: logs, mirrors and directories.
//!
//! They are asked in their order, and the first verified answer wins. A source that lies costs
//! nothing but the time to find out: its answer is refused and the next one is asked. Since it may
//! have been a cache on the way that lied, a false answer from a URL is asked for once more past
//! all caches. What each of them failed with is kept, so that a person learns of it.

use super::source::Source;

/// The consequence of an error for the other sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// The source has no answer, or none that suffices: the next is asked.
    Silent,
    /// The answer is false, or none at all, such as a web page: the source is asked past caches,
    /// then the next.
    False,
    /// The log itself is convicted, by any source: no other source can undo that.
    Log,
}

/// A source that did not give the answer.
#[derive(Clone, Debug)]
pub struct Refused<E> {
    /// Name of the source.
    pub source: String,
    /// Why it gave no answer.
    pub error: E,
}

/// An answer, and the sources that failed before.
#[derive(Clone, Debug)]
pub struct Answered<T, E> {
    /// The verified answer.
    pub answer: T,
    /// The source that gave it.
    pub source: String,
    /// The sources before it, each with its failure.
    pub refused: Vec<Refused<E>>,
}

/// Asks one source after the other for what `attempt` fetches and verifies, until one has it.
///
/// # Errors
/// What each source failed with, in their order; the last one convicts the log if it is a
/// [`Attribution::Log`].
pub async fn first_verified<T, E>(
    sources: &[Source],
    attempt: impl AsyncFn(&Source) -> Result<T, E>,
    blame: impl Fn(&E) -> Attribution,
) -> Result<Answered<T, E>, Vec<Refused<E>>> {
    let mut refused = Vec::new();
    for source in sources {
        let mut ended = attempt(source).await;
        let is_false = ended
            .as_ref()
            .is_err_and(|e| blame(e) == Attribution::False);
        if let Some(past_caches) = source.past_caches().filter(|_| is_false) {
            let again = attempt(&past_caches).await;
            // That it does not answer any more takes nothing from the false answer.
            if !again
                .as_ref()
                .is_err_and(|e| blame(e) == Attribution::Silent)
            {
                ended = again;
            }
        }
        let source = source.to_string();
        match ended {
            Ok(answer) => {
                return Ok(Answered {
                    answer,
                    source,
                    refused,
                });
            }
            Err(error) => {
                let last = blame(&error) == Attribution::Log;
                refused.push(Refused { source, error });
                if last {
                    break;
                }
            }
        }
    }
    Err(refused)
}
