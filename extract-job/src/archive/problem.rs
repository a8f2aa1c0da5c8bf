use std::io;

use shared::exit::{Exit, Failure};

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
#[error("{archive} {problem}")]
pub(crate) struct ArchiveError {
    /// The archive, as a person knows it.
    pub(crate) archive: String,
    /// What is wrong with it.
    pub(crate) problem: Problem,
}

/// What is wrong with an archive; goes on where its name ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("is not a ZIP but {looks_like}: the server may be down or ask for a sign-in")]
    NotZip { looks_like: &'static str },
    #[error("ends early, or its directory of contents is damaged ({reason}): download it again")]
    Truncated { reason: String },
    #[error("holds a damaged {member} ({reason}): download it again")]
    Corrupt { member: String, reason: String },
    #[error("cannot be unpacked on disk: {0}")]
    Disk(io::Error),
    #[error("is an empty ZIP")]
    Empty,
    #[error("holds no {kind} file, only {members}")]
    None { kind: String, members: String },
    #[error("holds several {kind} files, and one is expected: {members}")]
    Several { kind: String, members: String },
    #[error("holds {member} without any content")]
    EmptyMember { member: String },
    #[error("is encrypted: {member} asks for a password")]
    Encrypted { member: String },
    #[error("holds {member:?}, a path that leads outside of the archive")]
    Outside { member: String },
    #[error("holds {member}, a symbolic link")]
    Symlink { member: String },
    #[error("holds {member}, an archive in the archive")]
    Nested { member: String },
    #[error("compresses {member} by the method {method}: only stored and deflated files are read")]
    Compression { member: String, method: String },
    #[error("is a ZIP of a kind that is not read: {what}")]
    Unsupported { what: &'static str },
    #[error("holds two files of the same name")]
    Duplicates,
    #[error("holds files that overlap each other")]
    Overlap,
    #[error("holds {entries} files, far more than expected")]
    TooManyEntries { entries: usize },
    #[error("holds a {member} that goes on after the {declared} bytes that its directory says")]
    Understated { member: String, declared: u64 },
    #[error(
        "inflates to more than {ratio} times its size at {member}: a ZIP bomb, or raise MAX_COMPRESSION_RATIO"
    )]
    Bomb { member: String, ratio: u64 },
    #[error(
        "inflates to more than {limit} bytes at {member}: if that is not a mistake, raise MAX_CSV_BYTES"
    )]
    TooLarge { member: String, limit: u64 },
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let exit = match error.problem {
            Problem::NotZip { .. }
            | Problem::Truncated { .. }
            | Problem::Corrupt { .. }
            | Problem::Disk(_) => Exit::Upstream,
            _ => Exit::Contract,
        };
        Failure::new(exit, error)
    }
}
