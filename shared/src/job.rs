//! The frame of every job: environment, logs, the stage's heartbeat or its failure, and the exit code.

use std::future::Future;
use std::process::ExitCode;
use std::time::Instant;

use tracing::{Instrument as _, error, info, info_span};

use crate::dry_run::Estimates;
use crate::exit::{Exit, Failure, OrFail as _};
use crate::process::{ending, proxies};
use crate::run::Stage;
use crate::settings::{self, CommonSettings, JobSettings};
use crate::telemetry::{self, milliseconds};

/// The counts of a stage, for its heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Partitions whose result this execution created.
    pub produced: u64,
    /// Partitions whose result already existed.
    pub found: u64,
    /// Rows (lines, for extract) of the produced partitions.
    pub rows: u64,
    /// Bytes written for the produced partitions.
    pub bytes: u64,
    /// Quarantined rows of the produced partitions.
    pub quarantined: u64,
    /// Repaired rows of the produced partitions.
    pub repaired: u64,
    /// Differences from the contract in the produced partitions.
    pub drift: u64,
    /// Bytes that the warehouse billed.
    pub bytes_billed: u64,
}

impl Summary {
    /// Returns the summary of one partition whose result already existed.
    #[must_use]
    pub fn found() -> Self {
        Self {
            found: 1,
            ..Self::default()
        }
    }

    /// Returns the quarantined rows per million rows of the produced partitions. It is an integer because log filters
    /// compare fractions as text.
    #[must_use]
    pub fn quarantined_per_million(&self) -> u64 {
        self.quarantined * 1_000_000 / self.rows.max(1)
    }
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.produced += other.produced;
        self.found += other.found;
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.quarantined += other.quarantined;
        self.repaired += other.repaired;
        self.drift += other.drift;
        self.bytes_billed += other.bytes_billed;
    }
}

/// Runs `stage` as a process: reads the settings, runs `work`, and logs one `stage finished` or one `stage failed` line.
pub fn main<S, W, F>(stage: Stage, work: W) -> ExitCode
where
    S: JobSettings,
    W: FnOnce(CommonSettings, S) -> F,
    F: Future<Output = Result<Summary, Failure>>,
{
    let started = Instant::now();
    telemetry::init(settings::log_format());
    ending::on_panics(stage, started);
    let prepared = proxies::exempt_loopback().and_then(|()| ending::on_signals(stage, started));
    let read = prepared.or_fail(Exit::Upstream);
    let read = read.and_then(|()| settings::read::<S>(settings::environment()));
    let outcome = read.and_then(|(common, own)| {
        let span = info_span!("stage", stage = stage.as_str(), run = %common.run_id, task = common.task.index());
        span.in_scope(|| {
            info!(stage = stage.as_str(), run = %common.run_id, task = common.task.index(), lake = %common.lake, "stage started");
        });
        if common.dry_run && matches!(stage, Stage::Extract | Stage::Transform) {
            Estimates::default().finish();
            return Ok(Summary::default());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .or_fail(Exit::Upstream)?;
        let lineage = common.lineage.clone();
        let is_recorded = !common.dry_run;
        let stage_of_run = async {
            let outcome = work(common, own).await;
            if is_recorded {
                lineage.finish(stage, outcome.as_ref().err()).await;
            }
            outcome
        };
        runtime.block_on(stage_of_run.instrument(span))
    });
    ending::claim();
    let milliseconds = milliseconds(started.elapsed());
    match outcome {
        Ok(summary) => {
            info!(
                stage = stage.as_str(),
                produced = summary.produced,
                found = summary.found,
                rows = summary.rows,
                bytes = summary.bytes,
                quarantined = summary.quarantined,
                repaired = summary.repaired,
                drift = summary.drift,
                bytes_billed = summary.bytes_billed,
                milliseconds,
                "stage finished"
            );
            ExitCode::from(Exit::Done.code())
        }
        Err(failure) => {
            let exit = failure.exit();
            error!(
                stage = stage.as_str(),
                exit = exit.code(),
                advice = exit.advice(),
                cause = %failure,
                milliseconds,
                "stage failed"
            );
            ExitCode::from(exit.code())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::future::poll_fn;
    use std::process::Command;
    use std::task::Poll;

    use serde::de::IgnoredAny;
    use serde_json::Value;

    use super::*;
    use crate::settings::Problems;

    struct NoSettings;

    impl JobSettings for NoSettings {
        type Raw = IgnoredAny;

        fn validate(_: Self::Raw, _: &mut Problems) -> Option<Self> {
            Some(Self)
        }
    }

    /// The job is this test in another process.
    #[test]
    fn a_panic_is_one_line_like_every_failure() {
        const IS_JOB: &str = "IS_JOB";
        if env::var_os(IS_JOB).is_some() {
            main(Stage::Load, |_, NoSettings| {
                poll_fn(|_| -> Poll<Result<Summary, Failure>> { panic!("more rows than rows") })
            });
        }
        let lake = tempfile::tempdir().expect("temporary directory");
        let name = "job::tests::a_panic_is_one_line_like_every_failure";
        let ended = Command::new(env::current_exe().expect("this program"))
            .args([name, "--exact", "--nocapture"])
            .env(IS_JOB, "1")
            .env("LAKE_URL", format!("file://{}", lake.path().display()))
            .env("LOG_FORMAT", "json")
            .output()
            .expect("it starts");
        assert_eq!(ended.status.code(), Some(70));
        let printed = String::from_utf8(ended.stdout).expect("text");
        let lines = printed
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let failed: Vec<Value> = lines
            .filter(|line| line["message"] == "stage failed")
            .collect();
        let [failed] = &failed[..] else {
            panic!("one line: {printed}");
        };
        assert_eq!(
            (&failed["stage"], &failed["exit"]),
            (&"load".into(), &70.into())
        );
        let cause = failed["cause"].as_str().expect("a text");
        assert!(cause.contains("more rows than rows"), "{cause}");
    }
}
