//! Where a mirror pulls a log from, and by which policy it believes kept checkpoints: a register
//! per log.
//!
//! ```text
//! ishibumi-mirror source v1
//! url <prefix of the log's tlog-tiles interface> | url none
//! policy <octets>
//!
//! <C2SP tlog-policy, may be empty>
//! ```
//!
//! Unlike what is remembered of a log's history it may be changed at any time.

use ishibumi_store::Registers;
use ishibumi_tlog::{Hash, Policy};

use crate::follow::StateError;

const HEADING: &str = "ishibumi-mirror source v1";

/// Where a log is pulled from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The URL prefix of its tlog-tiles interface, without a slash at its end; `None` if it pushes
    /// only.
    pub url: Option<String>,
    /// The text of the policy that kept checkpoints have to satisfy; empty if the log's signature
    /// and the copy's root suffice.
    pub policy: String,
}

impl Source {
    /// The policy; `None` if there is none.
    pub fn policy(&self) -> Option<Policy> {
        // It was read before it was stored.
        Policy::parse(self.policy.as_bytes()).ok()
    }

    pub(super) fn load<R: Registers>(registers: &R, log: Hash) -> Result<Self, StateError> {
        let name = register(log);
        let Some(value) = registers.read(name.as_bytes())? else {
            return Ok(Self::default());
        };
        Self::decode(&value).ok_or_else(|| StateError::Damaged {
            register: name,
            detail: "it is not in the format v1".to_owned(),
        })
    }

    pub(super) fn store<R: Registers>(&self, registers: &R, log: Hash) -> Result<(), StateError> {
        let name = register(log);
        let present = registers.read(name.as_bytes())?;
        let next = self.encode();
        if present.as_deref() != Some(next.as_bytes()) {
            registers.swap(name.as_bytes(), present.as_deref(), next.as_bytes())?;
        }
        Ok(())
    }

    fn encode(&self) -> String {
        let (url, policy) = (self.url.as_deref().unwrap_or("none"), &self.policy);
        let len = policy.len();
        format!("{HEADING}\nurl {url}\npolicy {len}\n\n{policy}")
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, policy) = text.split_once("\n\n")?;
        let mut lines = head.lines();
        (lines.next()? == HEADING).then_some(())?;
        let url = lines.next()?.strip_prefix("url ")?;
        let source = Self {
            url: Some(url.to_owned()).filter(|url| url != "none"),
            policy: policy.to_owned(),
        };
        let sound = policy.is_empty() || source.policy().is_some();
        (sound && source.encode() == text).then_some(source)
    }
}

fn register(log: Hash) -> String {
    format!("source/{log}")
}
