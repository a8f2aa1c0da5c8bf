//! Runs a program unchanged, counts its effects by ptrace(2), and kills it before one of them:
//! `tracer REPORT DIRECTORY PLAN PROGRAM [ARGUMENT...]`. What the program prints goes to standard error.
//!
//! An effect is a system call that changes something that outlives the process: what is in DIRECTORY, or what another host
//! knows. So every write and every request has a number, in any language and in any library, and nobody can forget to
//! give it one. PLAN is `nothing`; `all:17`, the program and all that it started, as with a container or a machine, before
//! the effect of that number, counted from 0, or before its end if it has fewer; `program:17`, the program alone, so that what
//! it started lives on; or `pause`: each effect is printed, and happens when a line of standard input answers.
//!
//! REPORT becomes a JSON object: `exit`, the program's exit code, null if a signal ended it; `effects`, in words, of which the
//! last one did not happen if `killed`. The program and all that it started end with this process.

mod effect;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::json;

use effect::Observer;

/// The first argument of the process that becomes the program.
const TRACED: &str = "--traced";

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    All,
    Program,
}

/// What happens before effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Nothing,
    /// The victim is killed before the effect of this number.
    Kill(usize, Victim),
    /// Somebody looks at what came of those before.
    Pause,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let first = arguments.next().context(USAGE)?;
    if first == TRACED {
        let program = arguments.next().context(USAGE)?;
        return Err(become_traced(Command::new(program).args(arguments)));
    }
    // When the harness is killed, everything ends.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let report = PathBuf::from(first);
    let directory = PathBuf::from(arguments.next().context(USAGE)?);
    let plan = arguments.next().context(USAGE)?;
    let plan = parse_plan(&plan.to_string_lossy())?;
    let tracer = Tracer::start(&directory, plan, arguments.collect())?;
    fs::write(&report, tracer.run()?.to_string())
        .with_context(|| format!("cannot write {}", report.display()))
}

const USAGE: &str =
    "usage: tracer REPORT DIRECTORY nothing|all:NUMBER|program:NUMBER|pause PROGRAM [ARGUMENT...]";

fn parse_plan(text: &str) -> anyhow::Result<Plan> {
    let (victim, number) = match text.split_once(':') {
        None if text == "nothing" => return Ok(Plan::Nothing),
        None if text == "pause" => return Ok(Plan::Pause),
        Some(("all", number)) => (Victim::All, number),
        Some(("program", number)) => (Victim::Program, number),
        _ => bail!(USAGE),
    };
    Ok(Plan::Kill(number.parse().context(USAGE)?, victim))
}

/// Replaces this process with a program that its parent traces. Returns only if it cannot.
fn become_traced(program: &mut Command) -> anyhow::Error {
    let mut start = || {
        let filter = effect::filter()?;
        ptrace::traceme().context("cannot be traced: does the container allow ptrace(2)?")?;
        // The tracer sets its options now.
        signal::raise(Signal::SIGSTOP)?;
        seccompiler::apply_filter(&filter)?;
        Ok::<_, anyhow::Error>(program.exec().into())
    };
    start().unwrap_or_else(|error| error)
}

struct Tracer<'a> {
    root: Pid,
    observer: Observer<'a>,
    threads: BTreeSet<Pid>,
    plan: Plan,
    exit: Option<i32>,
    effects: Vec<String>,
    killed: bool,
}

impl<'a> Tracer<'a> {
    fn start(directory: &'a Path, plan: Plan, program: Vec<OsString>) -> anyhow::Result<Self> {
        let child = Command::new(env::current_exe()?)
            .arg(TRACED)
            .args(program)
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .spawn()?;
        let root = Pid::from_raw(child.id().cast_signed());
        let first = waitpid(root, None)?;
        ensure!(
            first == WaitStatus::Stopped(root, Signal::SIGSTOP),
            "the program cannot be traced: {first:?}"
        );
        ptrace::setoptions(
            root,
            Options::PTRACE_O_TRACESECCOMP
                | Options::PTRACE_O_TRACECLONE
                | Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACEEXEC
                | Options::PTRACE_O_EXITKILL,
        )?;
        proceed(root, None)?;
        Ok(Self {
            root,
            observer: Observer::new(directory),
            threads: BTreeSet::from([root]),
            plan,
            exit: None,
            effects: Vec::new(),
            killed: false,
        })
    }

    /// Follows the program until it and all that it started have ended.
    fn run(mut self) -> anyhow::Result<serde_json::Value> {
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::PtraceEvent(thread, _, libc::PTRACE_EVENT_SECCOMP)) => {
                    self.call(thread)?;
                    proceed(thread, None)?;
                }
                Ok(WaitStatus::PtraceEvent(thread, ..)) => proceed(thread, None)?,
                // A new thread or process starts with a stop.
                Ok(WaitStatus::Stopped(thread, Signal::SIGSTOP)) => {
                    self.threads.insert(thread);
                    if self.killed && self.victim() == Some(Victim::All) {
                        process_of(thread).into_iter().for_each(kill_process);
                    }
                    proceed(thread, None)?;
                }
                Ok(WaitStatus::Stopped(thread, signal)) => proceed(thread, Some(signal))?,
                Ok(WaitStatus::Exited(thread, code)) => {
                    self.threads.remove(&thread);
                    if thread == self.root {
                        self.exit = Some(code);
                    }
                }
                Ok(WaitStatus::Signaled(thread, ..)) => {
                    self.threads.remove(&thread);
                }
                Ok(status) => bail!("unexpected {status:?} of a traced program"),
                Err(Errno::ECHILD) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(json!({"exit": self.exit, "effects": self.effects, "killed": self.killed}))
    }

    /// Counts the effect of the call before which a thread has stopped, and kills the victim if it is the planned one.
    fn call(&mut self, thread: Pid) -> anyhow::Result<()> {
        let registers = match ptrace::getregs(thread) {
            // It was killed meanwhile.
            Err(Errno::ESRCH) => return Ok(()),
            registers => registers?,
        };
        let Some(effect) = self.observer.effect(thread, &registers)? else {
            return Ok(());
        };
        let is_end = effect == effect::EXIT;
        let is_end_of_other = is_end && process_of(thread) != Some(self.root);
        if self.killed || is_end_of_other {
            return Ok(());
        }
        let number = self.effects.len();
        match self.plan {
            Plan::Kill(planned, victim) if planned == number || is_end => {
                self.killed = true;
                self.kill_victim(victim);
            }
            Plan::Pause => pause(&effect)?,
            _ => {}
        }
        self.effects.push(effect);
        Ok(())
    }

    fn victim(&self) -> Option<Victim> {
        match self.plan {
            Plan::Kill(_, victim) => Some(victim),
            _ => None,
        }
    }

    fn kill_victim(&self, victim: Victim) {
        match victim {
            Victim::Program => kill_process(self.root),
            Victim::All => {
                let processes = self.threads.iter().filter_map(|&thread| process_of(thread));
                let processes: BTreeSet<Pid> = processes.collect();
                processes.into_iter().for_each(kill_process);
            }
        }
    }
}

/// Prints an effect, and waits for the line that allows it.
fn pause(effect: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{effect}")?;
    let read = io::stdin().read_line(&mut String::new())?;
    ensure!(read > 0, "nobody allows the effect");
    Ok(())
}

fn proceed(thread: Pid, signal: Option<Signal>) -> anyhow::Result<()> {
    match ptrace::cont(thread, signal) {
        // It was killed meanwhile.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Kills a process, which fails only if it has ended.
fn kill_process(process: Pid) {
    signal::kill(process, Signal::SIGKILL).ok();
}

/// Returns the process of a thread; `None` if it has ended.
fn process_of(thread: Pid) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok().map(Pid::from_raw)
}
