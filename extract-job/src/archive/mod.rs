//! Reads ZIPs from the network. They are opened from a file with random access, and refused as a whole if any part is
//! hostile.

mod problem;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use zip::read::Config;
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;
use zip::{CompressionMethod, ZipArchive};

pub(crate) use problem::{ArchiveError, Problem};

use crate::portal::{looks_like, one_line};
use crate::settings::Limits;

/// More than any publisher puts into an archive with one table or one shapefile.
const MAX_ENTRIES: usize = 256;
/// The number of files that a message lists.
const MAX_LISTED: usize = 10;
const BUFFER_BYTES: usize = 1 << 20;
const ARCHIVE_EXTENSIONS: &[&str] = &[
    "zip", "7z", "rar", "gz", "tgz", "tar", "bz2", "xz", "zst", "jar", "zipx",
];
/// The first bytes of ZIP and gzip files.
const ARCHIVE_MAGIC: &[&[u8]] = &[b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"];

/// A ZIP whose central directory has been checked.
#[derive(Debug)]
pub(crate) struct Archive {
    name: String,
    zip: ZipArchive<File>,
    /// The limit for the total size of its contents, and the setting it comes from.
    allowance: Allowance,
    members: Vec<Member>,
}

/// A file in an [`Archive`].
#[derive(Debug, Clone)]
pub(crate) struct Member {
    index: usize,
    /// Its path in the archive.
    pub(crate) path: String,
    declared_bytes: u64,
}

impl Member {
    fn has_extension(&self, extension: &str) -> bool {
        extension_of(&self.path).is_some_and(|own| own.eq_ignore_ascii_case(extension))
    }
}

/// The number of bytes that may still be inflated.
#[derive(Debug)]
struct Allowance {
    bytes: u64,
    exceeded: fn(String, Limits) -> Problem,
    limits: Limits,
}

impl Archive {
    /// Opens the archive in `file`, called `name` in errors.
    pub(crate) fn open(name: &str, mut file: File, limits: Limits) -> Result<Self, ArchiveError> {
        let refuse = |problem| ArchiveError {
            archive: name.to_owned(),
            problem,
        };
        let size = expect_zip(&mut file).map_err(refuse)?;
        // The entries are counted before the directory is read into memory.
        let entries = ZipIterable::try_new(&mut file, Config::default()).map_err(damaged);
        let entries = entries.map_err(refuse)?.len();
        if entries > MAX_ENTRIES {
            return Err(refuse(Problem::TooManyEntries { entries }));
        }
        let headers = file.try_clone().map_err(Problem::Disk).map_err(refuse)?;
        let mut zip = ZipArchive::new(file).map_err(damaged).map_err(refuse)?;
        let members = check_entries(&mut zip, &headers).map_err(refuse)?;
        Ok(Self {
            name: name.to_owned(),
            zip,
            allowance: Allowance::new(size, limits),
            members,
        })
    }

    /// Returns its name in errors.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the only file whose name ends in `.extension`.
    pub(crate) fn only(&self, extension: &str) -> Result<Member, ArchiveError> {
        let fitting: Vec<&Member> = self
            .members
            .iter()
            .filter(|member| member.has_extension(extension))
            .collect();
        let kind = extension.to_ascii_uppercase();
        match fitting[..] {
            [only] => Ok(only.clone()),
            [] if self.members.is_empty() => Err(self.refuse(Problem::Empty)),
            [] => Err(self.refuse(Problem::None {
                kind,
                members: paths(self.members.iter()),
            })),
            _ => Err(self.refuse(Problem::Several {
                kind,
                members: paths(fitting.into_iter()),
            })),
        }
    }

    /// Writes the content of `member` to `out`, with all checks that are possible during the transfer.
    pub(crate) fn inflate(
        &mut self,
        member: &Member,
        out: &mut impl Write,
    ) -> Result<(), ArchiveError> {
        inflate(&mut self.zip, &mut self.allowance, member, out).map_err(|problem| ArchiveError {
            archive: self.name.clone(),
            problem,
        })
    }

    /// Returns the error that this archive has `problem`.
    pub(crate) fn refuse(&self, problem: Problem) -> ArchiveError {
        ArchiveError {
            archive: self.name.clone(),
            problem,
        }
    }
}

/// The most that a ZIP may inflate, times its own size.
const MAX_COMPRESSION_RATIO: u64 = 200;

/// As much is unpacked at any ratio: a file that was damaged by zeroes compresses well, and has to be read to report that.
const HARMLESS_BYTES: u64 = 64 << 20;

impl Allowance {
    fn new(archive_bytes: u64, limits: Limits) -> Self {
        let by_ratio = archive_bytes
            .saturating_mul(MAX_COMPRESSION_RATIO)
            .max(HARMLESS_BYTES);
        if by_ratio < limits.content_bytes {
            Self {
                bytes: by_ratio,
                exceeded: |member, _| Problem::Bomb {
                    member,
                    ratio: MAX_COMPRESSION_RATIO,
                },
                limits,
            }
        } else {
            Self {
                bytes: limits.content_bytes,
                exceeded: |member, limits| Problem::TooLarge {
                    member,
                    limit: limits.content_bytes,
                },
                limits,
            }
        }
    }

    fn spend(&mut self, bytes: usize, member: &Member) -> Result<(), Problem> {
        match self.bytes.checked_sub(bytes as u64) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => Err((self.exceeded)(one_line(&member.path), self.limits)),
        }
    }
}

/// Checks that `file` starts like a ZIP and returns its length.
fn expect_zip(file: &mut File) -> Result<u64, Problem> {
    let mut start = Vec::with_capacity(512);
    let mut reader = &*file;
    reader.seek(SeekFrom::Start(0)).map_err(Problem::Disk)?;
    reader
        .take(512)
        .read_to_end(&mut start)
        .map_err(Problem::Disk)?;
    if !start.starts_with(b"PK") {
        return Err(Problem::NotZip {
            looks_like: looks_like(&start),
        });
    }
    file.seek(SeekFrom::End(0)).map_err(Problem::Disk)
}

/// Compares the header before an entry's content with the directory: both have its checksum and its sizes. If they differ,
/// a part of the archive is damaged, and what its sizes say proves no intent. [APPNOTE, 4.3.7 and
/// 4.4.4](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT).
fn check_header(file: &File, start: u64, member: &str, stated: [u64; 3]) -> Result<(), Problem> {
    const STATED_AT: [usize; 3] = [14, 18, 22];
    const FLAGS_AT: usize = 6;
    const FOLLOWS_THE_CONTENT: u8 = 1 << 3;
    /// The number is too large for the header.
    const ELSEWHERE: u32 = u32::MAX;
    let mut header = [0; 30];
    file.read_exact_at(&mut header, start)
        .map_err(|error| damaged(error.into()))?;
    if header[FLAGS_AT] & FOLLOWS_THE_CONTENT != 0 {
        return Ok(());
    }
    for (at, stated) in STATED_AT.into_iter().zip(stated) {
        let own = [header[at], header[at + 1], header[at + 2], header[at + 3]];
        let own = u32::from_le_bytes(own);
        if own != ELSEWHERE && u64::from(own) != stated {
            return Err(Problem::Corrupt {
                member: one_line(member),
                reason: format!("its header has {own} where the directory has {stated}"),
            });
        }
    }
    Ok(())
}

/// Returns the relevant files in `zip`, if all of its entries are harmless.
fn check_entries(zip: &mut ZipArchive<File>, headers: &File) -> Result<Vec<Member>, Problem> {
    if zip.is_empty() {
        return Err(Problem::Empty);
    }
    if zip.has_duplicate_names() {
        return Err(Problem::Duplicates);
    }
    let mut members = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(damaged)?;
        let member = entry.name().map_err(damaged)?.into_owned();
        if is_outside(&member) || entry.enclosed_name().is_none() {
            return Err(Problem::Outside {
                member: one_line(&member),
            });
        }
        if entry.is_symlink() {
            return Err(Problem::Symlink {
                member: one_line(&member),
            });
        }
        if entry.encrypted() {
            return Err(Problem::Encrypted {
                member: one_line(&member),
            });
        }
        let stated = [entry.crc32().into(), entry.compressed_size(), entry.size()];
        check_header(headers, entry.header_start(), &member, stated)?;
        if entry.is_dir() || is_of_the_system(&member) {
            continue;
        }
        if extension_of(&member).is_some_and(|extension| {
            ARCHIVE_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
        }) {
            return Err(Problem::Nested {
                member: one_line(&member),
            });
        }
        let method = entry.compression();
        if method != CompressionMethod::Stored && method != CompressionMethod::Deflated {
            return Err(Problem::Compression {
                member: one_line(&member),
                method: method.to_string(),
            });
        }
        members.push(Member {
            index,
            path: member,
            declared_bytes: entry.size(),
        });
    }
    if zip.has_overlapping_entries().map_err(damaged)? {
        return Err(Problem::Overlap);
    }
    Ok(members)
}

/// Files and folders, in lower case, that operating systems and storage devices add to any folder and therefore to its
/// archive.
const SYSTEM_NAMES: &[&str] = &[
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "$recycle.bin",
    "system volume information",
    "@eadir",
    "lost+found",
    "resource.frk",
    "network trash folder",
    "temporary items",
    "appledouble",
    "thevolumesettingsfolder",
    "#recycle",
    "@recycle",
    "recycler",
];

/// Whether the member at a path was added by an operating system or a program, as settings, a preview, a lock or a
/// resource fork, in any folder: `data/__MACOSX/._SR2023.csv`, `.DS_Store`, `~$SR2023.csv`.
fn is_of_the_system(path: &str) -> bool {
    path.split(['/', '\\']).any(|part| {
        let hidden = part.starts_with('.') && part != ".";
        let name = part.to_ascii_lowercase();
        hidden || part.starts_with("~$") || SYSTEM_NAMES.contains(&name.as_str())
    })
}

/// Whether the member at a path would be unpacked outside of its folder on any system.
fn is_outside(path: &str) -> bool {
    path.starts_with(['/', '\\'])
        || path.split(['/', '\\']).any(|part| part == "..")
        || path.contains('\0')
        || path.as_bytes().get(1) == Some(&b':')
}

fn inflate(
    zip: &mut ZipArchive<File>,
    allowance: &mut Allowance,
    member: &Member,
    out: &mut impl Write,
) -> Result<(), Problem> {
    let corrupt = |reason: String| Problem::Corrupt {
        member: one_line(&member.path),
        reason,
    };
    let unreadable = |error: std::io::Error| {
        // The library reports a file that continues after its declared end only by this message; its version is pinned.
        if error.to_string().contains("larger than its declared") {
            return Problem::Understated {
                member: one_line(&member.path),
                declared: member.declared_bytes,
            };
        }
        corrupt(error.to_string())
    };
    let mut content = zip
        .by_index(member.index)
        .map_err(|error| corrupt(error.to_string()))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut inflated = 0;
    loop {
        let length = content.read(&mut buffer).map_err(unreadable)?;
        let piece = &buffer[..length];
        if inflated == 0 && ARCHIVE_MAGIC.iter().any(|magic| piece.starts_with(magic)) {
            return Err(Problem::Nested {
                member: one_line(&member.path),
            });
        }
        if length == 0 {
            break;
        }
        allowance.spend(length, member)?;
        inflated += length as u64;
        out.write_all(piece).map_err(Problem::Disk)?;
    }
    if inflated == 0 {
        return Err(Problem::EmptyMember {
            member: one_line(&member.path),
        });
    }
    if inflated != member.declared_bytes {
        let declared = member.declared_bytes;
        return Err(corrupt(format!("{inflated} bytes instead of {declared}")));
    }
    Ok(())
}

fn damaged(error: ZipError) -> Problem {
    match error {
        ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Problem::Disk(error)
        }
        ZipError::UnsupportedArchive(what) => Problem::Unsupported { what },
        error => Problem::Truncated {
            reason: error.to_string(),
        },
    }
}

fn extension_of(path: &str) -> Option<&str> {
    Path::new(path).extension()?.to_str()
}

fn paths<'a>(members: impl Iterator<Item = &'a Member>) -> String {
    let mut paths: Vec<String> = members.map(|member| one_line(&member.path)).collect();
    let more = paths.len().saturating_sub(MAX_LISTED);
    paths.truncate(MAX_LISTED);
    if more > 0 {
        paths.push(format!("and {more} more"));
    }
    paths.join(", ")
}
