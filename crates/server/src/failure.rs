//! Why a subcommand ends, and the exit code that scripts see.

use std::fmt;
use std::process::ExitCode;

/// Why a subcommand could not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 2: the command line or the configuration is wrong.
    Usage(String),
    /// Exit code 3: a port cannot be bound.
    Port(String),
    /// Exit code 1: anything else.
    Failed(anyhow::Error),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Port(_) => 3,
        })
    }

    /// Exit code 1 with a text.
    pub(crate) fn failed(text: impl fmt::Display) -> Self {
        Self::Failed(anyhow::anyhow!("{text}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Port(text) => f.write_str(text),
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
