//! What a job's exit code tells the orchestrator, and the error that carries it.

use std::fmt;

/// Why a job ended. The numbers are a contract with the workflow: it retries [`Exit::Upstream`] only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// The environment is wrong: an operator has to change it.
    Configuration = 10,
    /// The data break the contract: a retry gives the same result.
    Contract = 20,
    /// The portal, the lake or the warehouse did not do its part: a retry may help.
    Upstream = 30,
    /// A defect of this program.
    Bug = 70,
}

impl Exit {
    /// The process exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the exit that has this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        let all = [
            Exit::Done,
            Exit::Configuration,
            Exit::Contract,
            Exit::Upstream,
            Exit::Bug,
        ];
        all.into_iter().find(|exit| exit.code() == code)
    }

    /// Orders the ways to fail for a job or a run in which several happened: a retry is advised only if it may help with all.
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

    /// What the operator is told to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Exit::Done => "nothing",
            Exit::Configuration => "correct the environment",
            Exit::Contract => "look at the data: a retry gives the same result",
            Exit::Upstream => "retry",
            Exit::Bug => "report a defect",
        }
    }
}

/// An error together with the [`Exit`] it means.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// `error`, to end the job with `exit`.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
        }
    }

    /// The data break the contract.
    pub fn contract(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Contract, error)
    }

    /// Another system did not do its part.
    pub fn upstream(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Upstream, error)
    }

    /// Says what was being done, and to what.
    #[must_use]
    pub fn context(self, context: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self {
            exit: self.exit,
            error: self.error.context(context),
        }
    }

    /// How the job ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// The whole chain in one line: what was being done first, the first cause last.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// Gives the error of a result its [`Exit`].
pub trait OrFail<T> {
    /// Ends the job with `exit` on an error.
    fn or_fail(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrFail<T> for Result<T, E> {
    fn or_fail(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(exit, error))
    }
}

/// Says what was being done to the failure of a result.
pub trait FailureContext<T> {
    /// Adds `context()` in front of the chain.
    fn while_doing(self, context: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> FailureContext<T> for Result<T, E> {
    fn while_doing(self, context: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|failure| failure.into().context(context()))
    }
}
