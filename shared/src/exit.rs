//! Exit codes, which the orchestrator acts on, and the error type that carries them.

use std::fmt;

/// Why a job ended. The numbers are a contract with the workflow, which retries only [`Exit::Upstream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// The environment is wrong, and an operator has to change it.
    Configuration = 10,
    /// The data violate the contract; a retry gives the same result.
    Contract = 20,
    /// The portal, the lake or the warehouse failed; a retry may succeed.
    Upstream = 30,
    /// A bug in this program.
    Bug = 70,
}

impl Exit {
    /// All of them, by code.
    pub const ALL: [Exit; 5] = [
        Exit::Done,
        Exit::Configuration,
        Exit::Contract,
        Exit::Upstream,
        Exit::Bug,
    ];

    /// Returns the process exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the exit with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code)
    }

    /// Orders failures by severity, for a job or run with several: a retry is advised only if it may help with all of
    /// them.
    #[must_use]
    pub fn severity(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Upstream => 1,
            Exit::Contract => 2,
            Exit::Configuration => 3,
            Exit::Bug => 4,
        }
    }

    /// Returns what the code means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "the work is done, or there was nothing to do",
            Exit::Configuration => "the environment is wrong; the message names every variable",
            Exit::Contract => "the data break the contract; nothing of that year was committed",
            Exit::Upstream => "the portal, the lake or the warehouse did not respond as it should",
            Exit::Bug => "the program has a defect",
        }
    }

    /// Returns the advice to the operator.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Exit::Done => "nothing",
            Exit::Configuration => "correct the environment",
            Exit::Contract => "look at the data; a retry gives the same result",
            Exit::Upstream => "retry",
            Exit::Bug => "report a bug",
        }
    }
}

/// An error together with its [`Exit`].
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// Returns a failure that ends the job with `exit`.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
        }
    }

    /// Returns a failure of data that violate the contract.
    pub fn contract(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Contract, error)
    }

    /// Returns a failure of another system.
    pub fn upstream(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Upstream, error)
    }

    /// Adds what was being done, and to what, in front of the chain.
    #[must_use]
    pub fn context(self, context: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self {
            exit: self.exit,
            error: self.error.context(context),
        }
    }

    /// Returns the exit the job ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// Formats the whole chain in one line: what was being done first, the root cause last.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// Attaches an [`Exit`] to the error of a result.
pub trait OrFail<T> {
    /// Ends the job with `exit` on an error.
    fn or_fail(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrFail<T> for Result<T, E> {
    fn or_fail(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(exit, error))
    }
}

/// Adds context to the failure of a result.
pub trait FailureContext<T> {
    /// Adds `context()` in front of the chain.
    fn while_doing(self, context: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> FailureContext<T> for Result<T, E> {
    fn while_doing(self, context: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|failure| failure.into().context(context()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_workflow() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 10, 20, 30, 70]);
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(exit.code()), Some(exit));
        }
        assert_eq!(Exit::from_code(1), None);
    }

    #[test]
    fn a_retry_is_advised_only_if_it_may_help_with_everything() {
        let mut by_severity = Exit::ALL;
        by_severity.sort_by_key(|exit| exit.severity());
        let expected = [
            Exit::Done,
            Exit::Upstream,
            Exit::Contract,
            Exit::Configuration,
            Exit::Bug,
        ];
        assert_eq!(by_severity, expected);
    }

    #[test]
    fn a_failure_shows_the_whole_chain() {
        let cause = std::io::Error::other("disk full");
        let failed: Result<(), Failure> = Err(cause).or_fail(Exit::Upstream);
        let failure = failed
            .while_doing(|| "cannot write a".to_owned())
            .expect_err("it failed");
        assert_eq!(failure.exit(), Exit::Upstream);
        assert_eq!(failure.to_string(), "cannot write a: disk full");
    }
}
