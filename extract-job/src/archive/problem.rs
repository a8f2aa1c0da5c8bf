use std::io;

use shared::exit::{Exit, Failure};

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
#[error("{archive} {problem}")]
pub(crate) struct ArchiveError {
    /// The name of the archive, for people.
    pub(crate) archive: String,
    /// What is wrong with it.
    pub(crate) problem: Problem,
}

/// What is wrong with an archive, as the predicate of a sentence that starts with its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("is not a ZIP but {looks_like}: the server may be down or require a sign-in")]
    NotZip { looks_like: &'static str },
    #[error("is truncated, or its directory is damaged ({reason}): download it again")]
    Truncated { reason: String },
    #[error("contains a damaged {member} ({reason}): download it again")]
    Corrupt { member: String, reason: String },
    #[error("cannot be unpacked on disk: {0}")]
    Disk(io::Error),
    #[error("is an empty ZIP")]
    Empty,
    #[error("contains no {kind} file, only {members}")]
    None { kind: String, members: String },
    #[error("contains several {kind} files instead of one: {members}")]
    Several { kind: String, members: String },
    #[error("contains {member} without any content")]
    EmptyMember { member: String },
    #[error("is encrypted: {member} requires a password")]
    Encrypted { member: String },
    #[error("contains {member:?}, a path that leads outside of the archive")]
    Outside { member: String },
    #[error("contains {member}, a symbolic link")]
    Symlink { member: String },
    #[error("contains {member}, an archive inside the archive")]
    Nested { member: String },
    #[error(
        "compresses {member} with the method {method}: only stored and deflated files are supported"
    )]
    Compression { member: String, method: String },
    #[error("is an unsupported kind of ZIP: {what}")]
    Unsupported { what: &'static str },
    #[error("contains two files with the same name")]
    Duplicates,
    #[error("contains files that overlap")]
    Overlap,
    #[error("contains {entries} files, far more than expected")]
    TooManyEntries { entries: usize },
    #[error("contains a {member} that is longer than the {declared} bytes in its directory")]
    Understated { member: String, declared: u64 },
    #[error(
        "inflates to more than {ratio} times its size at {member}, which no CSV does: this may be a ZIP bomb"
    )]
    Bomb { member: String, ratio: u64 },
    #[error(
        "inflates to more than {limit} bytes at {member}: if this is expected, raise MAX_CSV_BYTES"
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
