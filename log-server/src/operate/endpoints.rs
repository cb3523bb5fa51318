//! From policy and configuration to whom the log asks: one endpoint for each submission prefix.

use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::Witness;

use super::{OperateError, SetupError};
use crate::config::Config;
use crate::core::Endpoint;

/// The endpoints of all witnesses and mirrors of `policy`. Those with one URL are asked once for
/// all their keys.
pub(super) fn endpoints(policy: &Policy, config: &Config) -> Result<Vec<Endpoint>, OperateError> {
    let policy_file = config.policy_file.display().to_string();
    let names: Vec<&[u8]> = config.mirrors.iter().map(String::as_bytes).collect();
    for name in &config.mirrors {
        if !policy.witnesses().iter().any(|w| w.name == name.as_bytes()) {
            let name = name.clone();
            return Err(SetupError::UnknownMirror {
                name,
                policy: policy_file,
            }
            .into());
        }
    }
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for witness in policy.witnesses() {
        let url = url(witness).ok_or_else(|| {
            let name = String::from_utf8_lossy(&witness.name).into_owned();
            let policy = policy_file.clone();
            SetupError::NoUrl { policy, name }
        })?;
        let place = endpoints.iter().position(|endpoint| endpoint.url == url);
        let place = place.unwrap_or_else(|| {
            endpoints.push(Endpoint {
                url,
                witness_keys: Vec::new(),
                mirror_keys: Vec::new(),
                deadline: config.sequencing.witness_deadline,
                upload: config.upload.clone(),
            });
            endpoints.len() - 1
        });
        let Some(endpoint) = endpoints.get_mut(place) else {
            continue;
        };
        let keys = if names.contains(&witness.name.as_slice()) {
            &mut endpoint.mirror_keys
        } else {
            &mut endpoint.witness_keys
        };
        keys.push(witness.key.clone());
    }
    Ok(endpoints)
}

/// The submission prefix, without a slash at its end.
fn url(witness: &Witness) -> Option<String> {
    let text = std::str::from_utf8(witness.url.as_deref()?).ok()?;
    let url = url::Url::parse(text).ok()?;
    let known = matches!(url.scheme(), "http" | "https");
    known.then(|| text.trim_end_matches('/').to_owned())
}
