//! The lists and OCSP responses that can be used, and those that cannot.

use std::ops::Deref;
use std::sync::Arc;

use ishibumi_artifact::information::Unusable;
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, StatusInformation};

use super::parts::{ConsultedInformation, SubIndication};

/// What was given to learn about revocation from, as it is for one artifact.
pub(super) struct Sources {
    pub(super) consulted: Arc<Consulted>,
    /// The latest time that is known to have been; none if nobody said what time it is.
    pub(super) latest: Option<Time>,
}

/// What was given, read and verified: a function of its octets, the policy, the anchors and the
/// artifact's path.
#[derive(Debug, Default)]
pub(super) struct Consulted {
    /// What was verified.
    pub(super) information: Vec<StatusInformation>,
    /// Before when a log proves that each of these existed, if there is such a proof.
    pub(super) proven: Vec<Option<Time>>,
    /// What cannot be used.
    pub(super) unusable: Vec<NotUsed>,
    /// Whether anything was given, usable or not.
    pub(super) given: bool,
    /// What each of them says, for the report.
    pub(super) says: Vec<ConsultedInformation>,
}

/// Something that was given and is not used.
#[derive(Debug)]
pub(super) struct NotUsed {
    name: String,
    unusable: Unusable,
    sub: SubIndication,
}

impl Deref for Sources {
    type Target = Consulted;

    fn deref(&self) -> &Consulted {
        &self.consulted
    }
}

impl Consulted {
    /// Why the state of a certificate cannot be told, whatever others say: something that was given
    /// may be about it and cannot be used. Of several the first by reason and name, in whatever
    /// order they were given.
    pub(super) fn objection(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> Option<(SubIndication, String)> {
        let about = self.unusable.iter();
        let about = about.filter(|given| given.unusable.may_concern(certificate, issuer));
        let key = |given: &&NotUsed| (given.sub.word(), given.name.clone());
        let first = about.min_by_key(key)?;
        let why = format!(
            "{}, which is or may be about the certificate, cannot be used: {}",
            first.name,
            first.unusable.why()
        );
        Some((first.sub, why))
    }

    pub(super) fn refuse(&mut self, name: &str, unusable: Unusable, sub: SubIndication) {
        self.unusable.push(NotUsed {
            name: name.to_owned(),
            unusable,
            sub,
        });
    }
}
