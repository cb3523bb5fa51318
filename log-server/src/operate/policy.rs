//! The log's policy, from the file that the configuration names.

use ishibumi_archive::regular;
use ishibumi_tlog::Policy;
use ishibumi_tlog::policy::FILE_LEN_MAX;

use super::error::OperateError;
use crate::config::Config;

pub(super) fn read_policy(config: &Config) -> Result<Policy, OperateError> {
    let path = &config.policy_file;
    let octets =
        regular::read(path, FILE_LEN_MAX).map_err(|error| OperateError::file(path, error))?;
    let policy = if config.lab.allow_no_quorum {
        Policy::parse_allowing_no_quorum(&octets)
    } else {
        Policy::parse(&octets)
    };
    policy.map_err(|error| OperateError::file(path, error))
}
