//! What lists and OCSP responses of different times together say about one certificate.
//!
//! [`crate::revocation`] asks for the state at one time, with lists that were valid then (RFC 5280
//! 6.3). A verifier that works for decades has other material: lists that were kept by chance, with
//! gaps between them. So every list and response is heard as a signed statement about one
//! certificate as of one time, and then:
//!
//! - A definitive revocation is never undone (EN 319 411-1 REV-6.3.9-04), whatever a later list
//!   omits.
//! - A hold is undone by any later statement about the same certificate: a release (removeFromCRL),
//!   the absence from a list that would have to name it, an OCSP "good", or a definitive
//!   revocation. All statements in one list or response are of one time, and of two lists of one
//!   series the later one has the larger number: where these contradict each other, the hold stays.
//! - Absence from a delta is a statement only over a complete list that it builds on (5.2.4).
//! - Absence, and "good", say something about an expired certificate only where the issuer keeps
//!   such certificates listed (expiredCertsOnCRL, archiveCutoff) or names the certificate itself
//!   (certHash).
//!
//! Every statement of a source is heard, and nothing depends on the order of the sources. The
//! caller that walks the path decides which of these statements can be believed, since the CAs
//! above may be revoked in turn; see [`StatusEvent::source`]. Whether a source other than the
//! issuer may speak, and was not itself revoked, is decided here.

mod events;
mod hearing;

use std::cell::RefCell;
use std::sync::Arc;

use crate::certificate::Certificate;
use crate::information::StatusInformation;
use crate::time::Time;
pub use events::{CLOCK_TOLERANCE_SECONDS, History, NoStatement, SilenceKind, Status, StatusEvent};
use hearing::Hearing;

impl History {
    /// Hears every source about `certificate`. `above` are the certificates above it in its path,
    /// its issuer first and the anchor last; empty for an anchor, whose statements about itself are
    /// taken by name. `latest` is the latest time that is known to have passed, if any: a statement
    /// of a later time is not believed in favour of a certificate.
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
