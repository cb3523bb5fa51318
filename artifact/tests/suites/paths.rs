//! One path, asked as any suite asks it: these certificates, these anchors, this time.

use std::sync::Arc;

use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::revocation::{RevocationState, revocation_state};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Anchors, Certificate, Crl, Path, VerifiedCrl};

/// Octets of certificates and lists, DER or PEM, the first certificate being the one in question.
#[derive(Default)]
pub(crate) struct Question {
    pub(crate) end: Vec<u8>,
    pub(crate) others: Vec<Vec<u8>>,
    pub(crate) anchors: Vec<Vec<u8>>,
    pub(crate) lists: Vec<Vec<u8>>,
    pub(crate) at: i64,
    pub(crate) policies: PolicyRules,
}

impl Question {
    /// Whether there is a path; with lists, whether they say of all its certificates that they are
    /// not revoked.
    pub(crate) fn ask(&self) -> Result<Path, String> {
        let text = |error: ishibumi_artifact::certificate::CertificateError| error.to_string();
        let end = Arc::new(Certificate::parse(&self.end).map_err(text)?);
        // What cannot be read among the others is as if it were not there.
        let read = |all: &[Vec<u8>]| -> Vec<Certificate> {
            let all = all.iter().map(|octets| Certificate::parse(octets));
            all.filter_map(Result::ok).collect()
        };
        let anchors =
            Anchors::from_certificates(read(&self.anchors)).with_intermediates(read(&self.others));
        let at = Time::from_unix(self.at);
        let path = Path::find(&end, &[], &anchors, Some(at), &self.policies)
            .map_err(|error| error.to_string())?;
        if !self.lists.is_empty() {
            self.check_lists(&path, &anchors)?;
        }
        Ok(path)
    }

    fn check_lists(&self, path: &Path, anchors: &Anchors) -> Result<(), String> {
        let mut lists: Vec<VerifiedCrl> = Vec::new();
        for list in &self.lists {
            let list = Crl::parse(list).and_then(|list| list.verify(anchors));
            lists.push(list.map_err(|error| error.to_string())?);
        }
        let at = Time::from_unix(self.at);
        let certificates = path.certificates();
        let below_anchor = certificates
            .split_last()
            .map_or(&[][..], |(_, below)| below);
        for certificate in below_anchor {
            let state = revocation_state(certificate, &lists, anchors, at);
            if state != RevocationState::NotRevoked {
                return Err(format!("{}: {state:?}", certificate.subject()));
            }
        }
        Ok(())
    }
}
