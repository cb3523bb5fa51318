//! What lists and OCSP responses of different times together say about one certificate.
//!
//! [`crate::revocation`] asks for the state at one time, with lists that were valid then (RFC 5280
//! 6.3). A verifier that works for decades has other material: the lists that somebody kept, with gaps
//! between them. So every list and response is heard as what it is, a signed word about one
//! certificate as of one time, and then:
//!
//! - A definitive revocation is never undone (EN 319 411-1 REV-6.3.9-04), whatever a later list omits.
//! - A hold is undone by any later word about the same certificate: a release (removeFromCRL), the
//!   silence of a list that would have to name it, an OCSP "good", or a definitive revocation. What stands
//!   in one list or response is of one time, and of two lists of one series the later one has the larger
//!   number: where these contradict each other, the hold stays.
//! - A delta's silence is a word only over a complete list that it builds on (5.2.4).
//! - Silence, and "good", say something about an expired certificate only where the issuer keeps such
//!   certificates listed (expiredCertsOnCRL, archiveCutoff) or names the very certificate (certHash).
//!
//! Everything that one source says is heard, and nothing depends on the order of the sources. Which of these
//! words can be believed, since the CAs above may be revoked in turn, is decided by whoever walks the path;
//! see [`Word::source`]. That a source other than the issuer may speak, and was not itself revoked, is decided
//! here.

mod hearing;
mod words;

use std::cell::RefCell;
use std::sync::Arc;

use crate::certificate::Certificate;
use crate::information::StatusInformation;
use crate::time::Time;
use hearing::Hearing;
pub use words::{CLOCK_TOLERANCE_SECONDS, History, Says, Silence, SilenceKind, Word};

impl History {
    /// Hears every source about `certificate`. `above` are the certificates above it in its path, its issuer
    /// first and the anchor last; none for an anchor, whose own word about itself is taken by name. `latest` is
    /// the latest time that is known to have been, if there is any: what is of a later one is not believed in
    /// favour of anybody.
    pub fn of(
        certificate: &Certificate,
        above: &[Arc<Certificate>],
        sources: &[StatusInformation],
        latest: Option<Time>,
    ) -> Self {
        let hearing = Hearing {
            certificate,
            above,
            sources,
            latest,
            signers: RefCell::default(),
        };
        hearing.history()
    }
}
