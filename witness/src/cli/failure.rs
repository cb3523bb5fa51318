//! How a failed command ends: a line on standard error, and an exit code by who has to act.

use ishibumi_witness::mirror::{MirrorLogError, PullError};
use ishibumi_witness::{AddLogError, HomeError, LogError, ResumeError, ServeError, StateError};

/// Why a command failed, and with which exit code.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) code: u8,
}

impl Failure {
    pub(super) fn refused(error: &impl ToString) -> Self {
        Self {
            message: error.to_string(),
            code: 1,
        }
    }

    pub(super) fn usage(error: &impl ToString) -> Self {
        Self {
            message: error.to_string(),
            code: 2,
        }
    }

    pub(super) fn unavailable(error: &impl ToString) -> Self {
        Self {
            message: error.to_string(),
            code: 3,
        }
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        if matches!(error, HomeError::Exists(_)) {
            Self::usage(&error)
        } else if error.is_unavailable() {
            Self::unavailable(&error)
        } else {
            Self::refused(&error)
        }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        HomeError::from(error).into()
    }
}

impl From<AddLogError> for Failure {
    fn from(error: AddLogError) -> Self {
        match error {
            AddLogError::State(error) => error.into(),
            other => Self::refused(&other),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            LogError::State(error) => error.into(),
            other => Self::refused(&other),
        }
    }
}

impl From<ResumeError> for Failure {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::State(error) => error.into(),
            ResumeError::Log(error) => error.into(),
            other => Self::refused(&other),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<MirrorLogError> for Failure {
    fn from(error: MirrorLogError) -> Self {
        match error {
            MirrorLogError::Log(error) => error.into(),
            MirrorLogError::Home(error) => error.into(),
            other => Self::refused(&other),
        }
    }
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Stopped | PullError::Remote { .. } => Self::unavailable(&error),
            other => Self::refused(&other),
        }
    }
}
