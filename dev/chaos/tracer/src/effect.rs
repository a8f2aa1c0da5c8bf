//! The system calls by which a process changes something that outlives it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::bail;
use nix::libc::{self, user_regs_struct};
use nix::unistd::Pid;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// Where a system call names what it changes.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// A path in the argument of this number.
    Path(u8),
    /// The same, relative to the folder whose descriptor the argument before has.
    PathAt(u8),
    /// A file descriptor.
    Descriptor(u8),
    /// The address of another host. Connecting changes nothing yet.
    Address,
    /// The end of the process.
    Process,
    /// A ring of operations, whose effects this module would not see.
    Ring,
}

/// A system call, its name in reports and its target.
struct Call(i64, &'static str, Target);

/// The calls that are effects: <https://man7.org/linux/man-pages/man2/syscalls.2.html>. Opening a file is one if it may create
/// or empty it. Reads are not, and neither are syncs: what a process wrote outlives it without them.
const CALLS: &[Call] = {
    use Target::{Address, Descriptor, Path, PathAt, Process, Ring};
    &[
        Call(libc::SYS_open, "open", Path(0)),
        Call(libc::SYS_openat, "open", PathAt(1)),
        Call(libc::SYS_creat, "open", Path(0)),
        Call(libc::SYS_write, "write", Descriptor(0)),
        Call(libc::SYS_pwrite64, "write", Descriptor(0)),
        Call(libc::SYS_writev, "write", Descriptor(0)),
        Call(libc::SYS_pwritev, "write", Descriptor(0)),
        Call(libc::SYS_pwritev2, "write", Descriptor(0)),
        Call(libc::SYS_copy_file_range, "write", Descriptor(2)),
        Call(libc::SYS_sendfile, "write", Descriptor(0)),
        Call(libc::SYS_fallocate, "allocate", Descriptor(0)),
        Call(libc::SYS_ftruncate, "truncate", Descriptor(0)),
        Call(libc::SYS_truncate, "truncate", Path(0)),
        Call(libc::SYS_link, "link", Path(1)),
        Call(libc::SYS_linkat, "link", PathAt(3)),
        Call(libc::SYS_symlink, "link", Path(1)),
        Call(libc::SYS_symlinkat, "link", PathAt(2)),
        Call(libc::SYS_rename, "rename", Path(1)),
        Call(libc::SYS_renameat, "rename", PathAt(3)),
        Call(libc::SYS_renameat2, "rename", PathAt(3)),
        Call(libc::SYS_unlink, "remove", Path(0)),
        Call(libc::SYS_unlinkat, "remove", PathAt(1)),
        Call(libc::SYS_rmdir, "remove", Path(0)),
        Call(libc::SYS_mkdir, "create folder", Path(0)),
        Call(libc::SYS_mkdirat, "create folder", PathAt(1)),
        Call(libc::SYS_fchmod, "set mode", Descriptor(0)),
        Call(libc::SYS_fchmodat, "set mode", PathAt(1)),
        Call(libc::SYS_chmod, "set mode", Path(0)),
        Call(libc::SYS_connect, "connect", Address),
        Call(libc::SYS_sendto, "send", Descriptor(0)),
        Call(libc::SYS_sendmsg, "send", Descriptor(0)),
        Call(libc::SYS_sendmmsg, "send", Descriptor(0)),
        Call(libc::SYS_exit_group, EXIT, Process),
        Call(libc::SYS_io_uring_setup, "io_uring", Ring),
    ]
};

/// The effect of a process that ends.
pub(super) const EXIT: &str = "exit";

/// Standard output and standard error are logs.
const LAST_STANDARD_DESCRIPTOR: u64 = 2;

/// Returns the filter that stops a process for its tracer before each of the calls.
///
/// # Errors
/// Fails on a machine whose system calls this module does not know.
pub(super) fn filter() -> anyhow::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for Call(number, name, target) in CALLS {
        let conditions = match (*name, target) {
            ("open", Target::Path(path) | Target::PathAt(path)) if *number != libc::SYS_creat => {
                // The flags follow the path.
                [libc::O_CREAT, libc::O_TRUNC]
                    .iter()
                    .map(|&flag| {
                        let flag = u64::from(flag.unsigned_abs());
                        condition(
                            path + 1,
                            SeccompCmpArgLen::Dword,
                            SeccompCmpOp::MaskedEq(flag),
                            flag,
                        )
                    })
                    .collect::<Result<Vec<_>, _>>()?
            }
            (_, Target::Descriptor(index)) => {
                let last = LAST_STANDARD_DESCRIPTOR;
                vec![condition(
                    *index,
                    SeccompCmpArgLen::Dword,
                    SeccompCmpOp::Gt,
                    last,
                )?]
            }
            _ => Vec::new(),
        };
        rules.insert(*number, conditions);
    }
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Trace(0),
        std::env::consts::ARCH.try_into()?,
    )?;
    Ok(filter.try_into()?)
}

fn condition(
    index: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(index, length, operator, value)?])
}

/// Names the effects of processes on a directory and on other hosts, and separates them from changes that nobody reads
/// afterwards, such as those of temporary files.
pub(super) struct Observer<'a> {
    directory: &'a Path,
    /// The sockets that are connected to another process, by the names that `/proc` has for them.
    connections: BTreeSet<PathBuf>,
}

impl<'a> Observer<'a> {
    pub(super) fn new(directory: &'a Path) -> Self {
        Self {
            directory,
            connections: BTreeSet::new(),
        }
    }

    /// Returns the effect that the stopped thread is about to have; `None` if it has none that lasts.
    ///
    /// # Errors
    /// Fails if the thread works in a way that this module cannot observe.
    pub(super) fn effect(
        &mut self,
        thread: Pid,
        registers: &user_regs_struct,
    ) -> anyhow::Result<Option<String>> {
        let number = registers.orig_rax.cast_signed();
        let Some(Call(_, verb, target)) = CALLS.iter().find(|call| call.0 == number) else {
            return Ok(None);
        };
        let process = Process(thread);
        let path = match *target {
            Target::Path(index) => process.path(None, argument(registers, index)),
            Target::PathAt(index) => {
                let folder = argument(registers, index - 1);
                process.path(Some(folder), argument(registers, index))
            }
            Target::Descriptor(index) => process.opened(argument(registers, index)),
            Target::Address => {
                if process.is_remote(argument(registers, 1)) {
                    let socket = process.opened(argument(registers, 0))?;
                    self.connections.insert(socket);
                }
                return Ok(None);
            }
            Target::Process => return Ok(Some((*verb).to_owned())),
            Target::Ring => bail!("io_uring hides effects from their observer"),
        };
        // A call without a valid target fails.
        let Ok(path) = path else { return Ok(None) };
        if self.connections.contains(&path) {
            let sent = process.sent(registers).unwrap_or_default();
            return Ok(match request(&sent) {
                Some(("GET" | "HEAD", _)) => None,
                Some((method, target)) => Some(format!("{method} {target}")),
                None => Some(format!("{verb} to a service")),
            });
        }
        let inside = path.strip_prefix(self.directory).ok();
        // Logs are for people.
        let inside = inside.filter(|inside| !inside.starts_with("logs"));
        Ok(inside.map(|inside| format!("{verb} {}", shortened(inside))))
    }
}

/// Returns the method and the path of the HTTP request that begins with `sent`; `None` if none begins there.
fn request(sent: &[u8]) -> Option<(&str, &str)> {
    const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    let line = sent.split(|&byte| byte == b'\r').next()?;
    let (method, target) = str::from_utf8(line).ok()?.split_once(' ')?;
    let path = target.split([' ', '?']).next()?;
    (METHODS.contains(&method) && path.starts_with('/')).then_some((method, path))
}

/// Returns a path with its digests cut.
fn shortened(path: &Path) -> String {
    const DIGEST: usize = 32;
    const SHOWN: usize = 8;
    let text = path.to_string_lossy();
    let parts = text.split('/').map(|part| {
        let is_digest = part.len() >= DIGEST
            && part
                .bytes()
                .take(DIGEST)
                .all(|byte| byte.is_ascii_hexdigit());
        if is_digest { &part[..SHOWN] } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Returns an argument of a system call on x86-64: syscall(2).
fn argument(registers: &user_regs_struct, index: u8) -> u64 {
    let arguments = [
        registers.rdi,
        registers.rsi,
        registers.rdx,
        registers.r10,
        registers.r8,
        registers.r9,
    ];
    arguments[usize::from(index)]
}

/// A stopped thread, through `/proc`: proc(5).
struct Process(Pid);

impl Process {
    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }

    /// Returns what a descriptor has open: a path, or `socket:[NUMBER]`.
    fn opened(&self, descriptor: u64) -> io::Result<PathBuf> {
        let descriptor = as_descriptor(descriptor);
        fs::read_link(self.proc(&format!("fd/{descriptor}")))
    }

    /// Returns the absolute path whose text is at `address`.
    fn path(&self, folder: Option<u64>, address: u64) -> io::Result<PathBuf> {
        let path = PathBuf::from(OsString::from_vec(self.text(address)?));
        if path.is_absolute() {
            return Ok(path);
        }
        let folder = match folder {
            Some(folder) if as_descriptor(folder) != libc::AT_FDCWD => self.opened(folder)?,
            _ => fs::read_link(self.proc("cwd"))?,
        };
        Ok(folder.join(path))
    }

    /// Returns the beginning of what a call is about to send.
    fn sent(&self, registers: &user_regs_struct) -> io::Result<Vec<u8>> {
        const SHOWN: u64 = 200;
        let second = argument(registers, 1);
        let (address, length) = match registers.orig_rax.cast_signed() {
            libc::SYS_writev => self.buffer(second)?,
            // The vector of a message follows its address.
            libc::SYS_sendmsg | libc::SYS_sendmmsg => self.buffer(self.word(second + 16)?)?,
            _ => (second, argument(registers, 2)),
        };
        let mut sent = vec![0; usize::try_from(length.min(SHOWN)).map_err(io::Error::other)?];
        File::open(self.proc("mem"))?.read_exact_at(&mut sent, address)?;
        Ok(sent)
    }

    /// Returns the address and the length of the first buffer of a vector: readv(2).
    fn buffer(&self, vector: u64) -> io::Result<(u64, u64)> {
        Ok((self.word(vector)?, self.word(vector + 8)?))
    }

    fn word(&self, address: u64) -> io::Result<u64> {
        let mut word = [0; 8];
        File::open(self.proc("mem"))?.read_exact_at(&mut word, address)?;
        Ok(u64::from_ne_bytes(word))
    }

    /// Whether the socket address at `address` is one of the Internet.
    fn is_remote(&self, address: u64) -> bool {
        let mut family = [0; 2];
        let read = File::open(self.proc("mem"))
            .and_then(|memory| memory.read_exact_at(&mut family, address));
        let family = i32::from(u16::from_ne_bytes(family));
        read.is_ok() && [libc::AF_INET, libc::AF_INET6].contains(&family)
    }

    /// Returns the text at `address` up to its zero byte.
    fn text(&self, address: u64) -> io::Result<Vec<u8>> {
        // A page at a time, because the next one may not be mapped.
        const PAGE: u64 = 4096;
        let memory = File::open(self.proc("mem"))?;
        let mut text = Vec::new();
        let mut at = address;
        loop {
            let length = usize::try_from(PAGE - at % PAGE).map_err(io::Error::other)?;
            let mut piece = vec![0; length];
            memory.read_exact_at(&mut piece, at)?;
            if let Some(end) = piece.iter().position(|&byte| byte == 0) {
                text.extend_from_slice(&piece[..end]);
                return Ok(text);
            }
            text.append(&mut piece);
            at += length as u64;
        }
    }
}

/// Returns a descriptor, which is the lower half of its register.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernel ignores the upper half"
)]
fn as_descriptor(register: u64) -> i32 {
    register as i32
}
