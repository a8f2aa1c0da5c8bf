//! What a stage reads of the previous stage's hand-overs, whatever happened to its tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use shared::exit::{Exit, Failure};
use shared::fingerprint::Digest;
use shared::hand_over::{self, Handed, Input, Outcomes, Refused};
use shared::job::Summary;
use shared::key::Key;
use shared::lake::{Lake, LocalLake};
use shared::lineage::{self, Lineage};
use shared::manifest::ManifestRef;
use shared::partition::Partition;
use shared::run::{RunId, Stage, Task};
use shared::settings::{CommonSettings, Years};
use tempfile::TempDir;

/// A lake with one run in it.
struct Run {
    directory: TempDir,
    lake: Lake,
    id: RunId,
}

/// The outcome of one year in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The content with this number.
    Good(u32),
    /// Refused with this exit code.
    Bad(Exit),
}

impl Run {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let lake = LocalLake::new(directory.path()).expect("a lake");
        Self {
            lake: Lake::Local(lake),
            id: "run".parse().expect("valid"),
            directory,
        }
    }

    fn settings(&self, execution: &str, years: &str, task: usize, tasks: usize) -> CommonSettings {
        CommonSettings {
            lake: self.lake.clone(),
            run_id: self.id.clone(),
            execution: Some(execution.to_owned()),
            task: Task::new(task, tasks).expect("valid"),
            years: years.parse().expect("valid"),
            manifests: None,
            force: false,
            dry_run: false,
            lineage: Lineage::new(
                self.lake.clone(),
                self.id.clone(),
                Task::new(task, tasks).expect("valid"),
                lineage::Settings::default(),
            ),
            started: Instant::now(),
        }
    }

    /// Writes the hand-over of one extract task and returns its result.
    async fn task(
        &self,
        settings: &CommonSettings,
        outcomes: impl IntoIterator<Item = (i16, Outcome)>,
    ) -> Result<Summary, Failure> {
        let mut all = Outcomes::new(Stage::Extract, BTreeMap::new());
        for (year, outcome) in outcomes {
            let partition = Partition::Year(year);
            let outcome = match outcome {
                Outcome::Good(content) => Ok((handed(year, content), Summary::default())),
                Outcome::Bad(exit) => Err(Failure::new(exit, anyhow::anyhow!("no {year}"))),
            };
            all.add(partition, None, outcome);
        }
        all.hand_over(settings).await
    }

    /// Executes extract: all tasks but those in `killed` hand over their share of `outcomes`.
    async fn execute(
        &self,
        execution: &str,
        years: &str,
        tasks: usize,
        killed: &[usize],
        outcomes: &BTreeMap<i16, Outcome>,
    ) {
        for index in (0..tasks).filter(|index| !killed.contains(index)) {
            let settings = self.settings(execution, years, index, tasks);
            let share = settings.task.share(outcomes.clone());
            self.task(&settings, share).await.ok();
        }
    }

    async fn read(&self) -> Result<Input, Failure> {
        hand_over::handed_over(&self.lake, &self.id, Stage::Extract).await
    }

    /// Returns the content of every year that transform would work on.
    async fn contents(&self) -> BTreeMap<i16, Outcome> {
        outcomes(&self.read().await.expect("all tasks handed over"))
    }

    async fn error(&self) -> (Exit, String) {
        let failure = self.read().await.expect_err("an error");
        (failure.exit(), failure.to_string())
    }
}

fn handed(year: i16, content: u32) -> Handed {
    let key = format!("raw/service-requests/{year}/{content}/manifest.json");
    let key = Key::new(key).expect("valid");
    Handed::of(ManifestRef::of(key, b""))
}

fn outcomes(input: &Input) -> BTreeMap<i16, Outcome> {
    let year = |partition: &Partition| partition.year().expect("a year");
    let good = input.partitions.iter().map(|(partition, handed)| {
        let content = handed.manifest.key.as_str().split('/').nth(3);
        let content = content.expect("a content").parse().expect("a number");
        (year(partition), Outcome::Good(content))
    });
    let bad = input.refused.iter().map(|(partition, refused)| {
        let exits = [Exit::Configuration, Exit::Contract, Exit::Upstream];
        let exit = exits.into_iter().find(|exit| exit.code() == refused.exit);
        (year(partition), Outcome::Bad(exit.expect("an exit code")))
    });
    good.chain(bad).collect()
}

fn good(years: impl IntoIterator<Item = i16>, content: u32) -> BTreeMap<i16, Outcome> {
    let outcome = |year| (year, Outcome::Good(content));
    years.into_iter().map(outcome).collect()
}

#[tokio::test]
async fn the_latest_hand_over_of_a_task_is_read() {
    let run = Run::new();
    let mut all = good(2020..2024, 1);
    run.execute("first", "changed", 4, &[], &all).await;
    all.insert(2021, Outcome::Good(2));
    run.execute("second", "changed", 4, &[], &all).await;
    assert_eq!(run.contents().await, all);
}

#[tokio::test]
async fn a_task_that_never_handed_over_is_an_error_at_any_index() {
    for killed in 0..4 {
        let run = Run::new();
        run.execute("first", "changed", 4, &[killed], &good(2020..2024, 1))
            .await;
        let (exit, message) = run.error().await;
        assert_eq!(exit, Exit::Upstream);
        let expected = format!(
            "task {killed} of 0 to 3 of the extract stage of run run has not handed over in execution first, which was \
             killed or is still running: execute the extract stage of run run again with YEARS=changed and 4 tasks"
        );
        assert_eq!(message, expected);
    }
    let run = Run::new();
    run.execute("first", "changed", 4, &[0, 2], &good(2020..2024, 1))
        .await;
    let (_, message) = run.error().await;
    assert!(message.starts_with("tasks 0, 2 of 0 to 3 of"), "{message}");
}

#[tokio::test]
async fn a_task_is_missed_even_if_an_earlier_execution_had_fewer_tasks() {
    let run = Run::new();
    run.execute("first", "all", 1, &[], &good(2020..2024, 1))
        .await;
    run.execute("second", "all", 4, &[0, 1, 2], &good(2020..2024, 2))
        .await;
    let (_, message) = run.error().await;
    assert!(message.starts_with("tasks 0, 1, 2 of 0 to 3"), "{message}");
}

#[tokio::test]
async fn more_tasks_than_usual_are_read() {
    let run = Run::new();
    let all = good(2000..2050, 1);
    run.execute("first", "all", 40, &[], &all).await;
    assert_eq!(run.contents().await, all);
}

/// So many tasks would otherwise be looked for that the process never ends.
#[tokio::test]
async fn a_hand_over_of_another_task_or_of_impossibly_many_is_an_error() {
    for (field, value) in [
        ("stage", json!("load")),
        ("task", json!(1)),
        ("tasks", json!(0)),
        ("tasks", json!(10_001)),
        ("tasks", json!(u64::MAX)),
    ] {
        let run = Run::new();
        run.execute("first", "all", 1, &[], &good([2020], 1)).await;
        let path = run.directory.path().join("runs/run/extract-0-0.json");
        let written = std::fs::read(&path).expect("handed over");
        let mut hand_over: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
        hand_over[field] = value;
        std::fs::write(&path, hand_over.to_string()).expect("writable");
        let (exit, message) = run.error().await;
        assert_eq!(exit, Exit::Bug, "{message}");
        assert!(
            message.starts_with("runs/run/extract-0-0.json contains"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_run_without_hand_overs_is_a_configuration_error() {
    let run = Run::new();
    let (exit, message) = run.error().await;
    assert_eq!(exit, Exit::Configuration);
    assert_eq!(
        message,
        "runs/run/extract-0-0.json is not in the lake: run run has no hand-over of the extract stage. Set RUN_ID to a run \
         that has, or MANIFESTS to the manifests to work on"
    );
}

#[tokio::test]
async fn a_task_that_is_missing_from_a_later_execution_is_an_error_until_it_is_made_up_for() {
    let run = Run::new();
    run.execute("first", "changed", 4, &[], &good(2020..2024, 1))
        .await;
    run.execute("second", "all", 4, &[1], &good(2020..2024, 2))
        .await;
    let (exit, message) = run.error().await;
    assert_eq!(exit, Exit::Upstream);
    assert!(message.contains("in execution second"), "{message}");

    // One year does not make up for it, because the killed task's years are unknown.
    run.execute("third", "2020", 1, &[], &good([2020], 3)).await;
    assert!(run.error().await.1.contains("in execution second"));
    // Nor do all years if a task is killed again.
    run.execute("fourth", "all", 2, &[1], &good(2020..2024, 4))
        .await;
    assert!(run.error().await.1.contains("not handed over"));

    let all = good(2020..2024, 5);
    run.execute("fifth", "changed", 3, &[], &all).await;
    assert_eq!(run.contents().await, all);
}

#[tokio::test]
async fn fewer_tasks_than_before_are_all_tasks() {
    let run = Run::new();
    run.execute("first", "all", 4, &[3], &good(2020..2024, 1))
        .await;
    let all = good(2020..2024, 2);
    run.execute("second", "all", 2, &[], &all).await;
    assert_eq!(run.contents().await, all);
}

#[tokio::test]
async fn the_latest_hand_over_of_a_partition_counts() {
    let run = Run::new();
    for content in [1, 2, 1] {
        let all = good(2020..2022, content);
        run.execute(&format!("of-{content}"), "all", 2, &[], &all)
            .await;
        assert_eq!(run.contents().await, all);
    }
}

#[tokio::test]
async fn years_are_replayed_one_by_one_in_any_order() {
    let run = Run::new();
    let mut all = good(2019..2024, 0);
    run.execute("all", "all", 3, &[], &all).await;
    for (content, year) in [2023, 2019, 2021, 2019, 2022, 2023].into_iter().enumerate() {
        let content = u32::try_from(content).expect("small") + 1;
        let years = year.to_string();
        run.execute(
            &format!("{content}"),
            &years,
            1,
            &[],
            &good([year], content),
        )
        .await;
        all.insert(year, Outcome::Good(content));
        assert_eq!(run.contents().await, all);
    }
}

#[tokio::test]
async fn a_refused_year_becomes_good_and_a_good_one_refused() {
    let run = Run::new();
    let mut all = good(2019..2024, 0);
    all.insert(2020, Outcome::Bad(Exit::Upstream));
    run.execute("first", "all", 2, &[], &all).await;
    assert_eq!(run.contents().await, all);
    all.insert(2020, Outcome::Good(1));
    all.insert(2022, Outcome::Bad(Exit::Contract));
    run.execute("second", "all", 2, &[], &all).await;
    assert_eq!(run.contents().await, all);
}

#[tokio::test]
async fn a_bad_year_is_handed_over_beside_the_others_and_ends_the_task() {
    let run = Run::new();
    let settings = run.settings("first", "all", 0, 1);
    let of_years = [
        (2020, Outcome::Good(1)),
        (2021, Outcome::Bad(Exit::Upstream)),
        (2022, Outcome::Bad(Exit::Contract)),
    ];
    let failure = run.task(&settings, of_years).await.expect_err("refused");
    assert_eq!(
        failure.exit(),
        Exit::Contract,
        "no retry helps with all of them"
    );
    assert_eq!(
        failure.to_string(),
        "2 of 3 partitions were refused, the others are handed over: 2021: no 2021; 2022: no 2022"
    );
    let input = run.read().await.expect("handed over");
    assert_eq!(input.partitions.len(), 1);
    let refused = Refused {
        stage: Stage::Extract,
        exit: 30,
        cause: "no 2021".to_owned(),
        observed_at: None,
    };
    assert_eq!(input.refused[&Partition::Year(2021)], refused);

    // The next stage carries both forward, and does not fail because of them.
    let transform = CommonSettings {
        execution: Some("second".to_owned()),
        ..settings
    };
    let input = hand_over::input_of(&transform, Stage::Transform)
        .await
        .expect("handed over");
    let mut next = Outcomes::new(Stage::Transform, input.refused);
    next.add(
        Partition::Year(2020),
        None,
        Ok((handed(2020, 2), Summary::default())),
    );
    next.hand_over(&transform)
        .await
        .expect("nothing new failed");
    let loads = hand_over::handed_over(&run.lake, &run.id, Stage::Transform)
        .await
        .expect("handed over");
    assert_eq!(loads.refused.len(), 2);
    assert_eq!(loads.refused[&Partition::Year(2021)], refused);
}

#[tokio::test]
async fn a_long_cause_is_cut_off_between_characters() {
    let run = Run::new();
    let settings = run.settings("first", "all", 0, 1);
    let mut outcomes = Outcomes::new(Stage::Extract, BTreeMap::new());
    let long = format!("x{}", "é".repeat(100_000));
    let failure = Failure::contract(anyhow::anyhow!(long.clone()));
    outcomes.add(Partition::CityWards, None, Err(failure));
    let failure = outcomes.hand_over(&settings).await.expect_err("refused");
    assert!(failure.to_string().contains(&long), "the log has all of it");
    let input = run.read().await.expect("handed over");
    let cause = &input.refused[&Partition::CityWards].cause;
    assert_eq!(*cause, format!("x{}…", "é".repeat(499)));
}

#[tokio::test]
async fn an_execution_has_handed_over_if_all_of_its_tasks_have() {
    let run = Run::new();
    let by = async |execution: &str| {
        let input = hand_over::handed_over_by(&run.lake, &run.id, Stage::Extract, execution).await;
        input.expect("readable").map(|input| outcomes(&input))
    };
    assert_eq!(by("first").await, None);
    let mut all = good(2020..2026, 1);
    all.insert(2023, Outcome::Bad(Exit::Contract));
    run.execute("first", "all", 3, &[], &all).await;
    assert_eq!(by("first").await, Some(all.clone()));
    run.execute("second", "all", 3, &[0], &good(2020..2026, 2))
        .await;
    assert_eq!(by("second").await, None);
    run.execute("third", "2024", 1, &[], &good([2024], 3)).await;
    assert_eq!(by("third").await, Some(good([2024], 3)), "that alone");
    assert_eq!(by("first").await, Some(all), "as it was");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_bring_an_earlier_attempt_back() {
    let run = Run::new();
    run.execute("first", "all", 1, &[], &good([2020], 1)).await;
    run.execute("second", "all", 1, &[], &good([2020], 2)).await;
    let path = run.directory.path().join("runs/run/extract-0-1.json");
    let mut second: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
    second["handed_over_at"] = "2001-01-01T00:00:00Z".into();
    std::fs::write(&path, second.to_string()).expect("writable");
    assert_eq!(run.contents().await, good([2020], 2));
}

#[tokio::test]
async fn named_manifests_are_worked_on_in_place_of_the_hand_over() {
    let run = Run::new();
    let key = |version: &str| {
        let key = format!("raw/service-requests/2020/{version}/manifest.json");
        Key::new(key).expect("valid")
    };
    for version in ["a", "b"] {
        let path = run.directory.path().join(key(version).as_str());
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(path, version).expect("writable");
    }
    let settings = |manifests| CommonSettings {
        manifests: Some(manifests),
        ..run.settings("first", "all", 0, 1)
    };
    let named = hand_over::input_of(&settings(vec![key("b")]), Stage::Transform)
        .await
        .expect("readable");
    let handed = &named.partitions[&Partition::Year(2020)];
    assert_eq!(handed.manifest.sha256, Digest::of(b"b"));

    let both = settings(vec![key("a"), key("b")]);
    let failure = hand_over::input_of(&both, Stage::Transform)
        .await
        .expect_err("an ambiguous list");
    assert_eq!(failure.exit(), Exit::Configuration);
    assert_eq!(
        failure.to_string(),
        "MANIFESTS lists two manifests of 2020, raw/service-requests/2020/a/manifest.json and \
         raw/service-requests/2020/b/manifest.json: list the one to work on"
    );
}

#[tokio::test]
async fn tasks_share_the_whole_hand_over() {
    let run = Run::new();
    let mut all = good(2010..2027, 1);
    all.insert(2013, Outcome::Bad(Exit::Upstream));
    run.execute("first", "all", 4, &[], &all).await;
    for (years, expected) in [
        ("changed", (2010..2027).collect::<Vec<i16>>()),
        ("2012-2014,2020", vec![2012, 2013, 2014, 2020]),
        ("latest", vec![2026]),
    ] {
        let mut shared = BTreeMap::new();
        for task in 0..3 {
            let settings = run.settings("second", years, task, 3);
            let input = hand_over::input_of(&settings, Stage::Transform)
                .await
                .expect("handed over");
            shared.extend(outcomes(&input));
        }
        let expected: BTreeMap<i16, Outcome> = expected
            .into_iter()
            .map(|year| (year, all[&year]))
            .collect();
        assert_eq!(shared, expected, "{years}");
    }
}

/// An execution of extract: the killed tasks, and the years it works on, where none means all.
#[derive(Debug, Clone)]
struct Execution {
    tasks: usize,
    killed: BTreeSet<usize>,
    years: Option<BTreeSet<i16>>,
    bad: BTreeSet<i16>,
}

impl Execution {
    fn works_on(&self, all: &BTreeSet<i16>) -> BTreeSet<i16> {
        self.years.clone().unwrap_or_else(|| all.clone())
    }

    fn is_complete(&self) -> bool {
        self.killed.is_empty()
    }
}

/// Returns ten of ten thousand years, and executions on them.
fn histories() -> impl Strategy<Value = (BTreeSet<i16>, Vec<Execution>)> {
    let years = prop::collection::btree_set(2000..=2199_i16, 4..12);
    years.prop_flat_map(|years| {
        let listed: Vec<i16> = years.iter().copied().collect();
        let some = prop::sample::subsequence(listed.clone(), 0..=listed.len());
        let execution = (
            1..=5_usize,
            prop::option::weighted(0.3, 0..5_usize),
            prop::option::weighted(
                0.6,
                prop::sample::subsequence(listed.clone(), 1..=listed.len()),
            ),
            some,
        )
            .prop_map(|(tasks, killed, years, bad)| Execution {
                tasks,
                killed: killed.into_iter().filter(|task| *task < tasks).collect(),
                years: years.map(|years| years.into_iter().collect()),
                bad: bad.into_iter().collect(),
            });
        (Just(years), prop::collection::vec(execution, 1..8))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Either every year is as the last execution on it left it, or there is an error, and that only if a task was
    /// killed and no later execution made up for it.
    #[test]
    fn the_last_execution_of_a_year_counts((years, history) in histories()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let run = Run::new();
        let mut last: BTreeMap<i16, Option<Outcome>> = BTreeMap::new();
        let mut nothing = true;
        for (number, execution) in history.iter().enumerate() {
            let content = u32::try_from(number).expect("small");
            let works_on = execution.works_on(&years);
            let outcomes: BTreeMap<i16, Outcome> = works_on
                .iter()
                .map(|year| {
                    let is_bad = execution.bad.contains(year);
                    (*year, if is_bad { Outcome::Bad(Exit::Upstream) } else { Outcome::Good(content) })
                })
                .collect();
            let listed: Vec<String> = works_on.iter().map(i16::to_string).collect();
            let requested = match &execution.years {
                Some(_) => listed.join(","),
                None => "changed".to_owned(),
            };
            let killed: Vec<usize> = execution.killed.iter().copied().collect();
            let name = format!("execution-{number}");
            runtime.block_on(run.execute(&name, &requested, execution.tasks, &killed, &outcomes));
            if killed.len() < execution.tasks {
                nothing = false;
                for (index, (year, outcome)) in outcomes.into_iter().enumerate() {
                    let was_killed = killed.contains(&(index % execution.tasks));
                    last.insert(year, (!was_killed).then_some(outcome));
                }
            }
        }
        match runtime.block_on(run.read()) {
            Ok(input) => {
                let expected: BTreeMap<i16, Option<Outcome>> = outcomes(&input)
                    .into_iter()
                    .map(|(year, outcome)| (year, Some(outcome)))
                    .collect();
                prop_assert_eq!(last, expected);
            }
            Err(failure) if nothing => prop_assert_eq!(failure.exit(), Exit::Configuration),
            Err(failure) => {
                prop_assert_eq!(failure.exit(), Exit::Upstream);
                let made_up_for = history.iter().enumerate().all(|(number, execution)| {
                    execution.is_complete()
                        || execution.killed.len() == execution.tasks
                        || history[number + 1..].iter().any(|later| {
                            later.is_complete()
                                && later.works_on(&years).is_superset(&execution.works_on(&years))
                                && (later.years.is_none() || execution.years.is_some())
                        })
                });
                prop_assert!(!made_up_for, "{failure}");
            }
        }
    }
}

/// Ten thousand years take ten thousand entries in a hand-over, and no more.
#[tokio::test]
async fn ten_thousand_years_are_handed_over_once_each() {
    let run = Run::new();
    let mut all = good(0..10_000, 0);
    let mut digits = 1_u32;
    for (content, tasks) in [(1, 7), (2, 1), (3, 20), (4, 3)] {
        for (year, outcome) in &mut all {
            // A pseudo-random sequence, the same each time.
            digits = digits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if digits >> 30 == 0 {
                *outcome = Outcome::Bad(Exit::Contract);
            } else if digits >> 31 == 0 || *year % 1_000 == 0 {
                *outcome = Outcome::Good(content);
            }
        }
        run.execute(&format!("with-{tasks}"), "all", tasks, &[], &all)
            .await;
        assert_eq!(run.contents().await, all);
    }
    let mut written = 0;
    for entry in std::fs::read_dir(run.directory.path().join("runs/run")).expect("readable") {
        written += u64::from(entry.expect("readable").path().is_file());
    }
    assert_eq!(written, 7 + 1 + 20 + 3);
}

#[test]
fn a_hand_over_records_what_was_requested() {
    let years: Years = "2019-2021".parse().expect("valid");
    let request = hand_over::Request {
        years,
        manifests: None,
    };
    let hand_over = hand_over::HandOver {
        manifest: shared::manifest::Version::V1,
        stage: Stage::Extract,
        task: 0,
        tasks: 2,
        execution: Some("extract-job-x7k2p".to_owned()),
        request,
        handed_over_at: Timestamp::UNIX_EPOCH,
        partitions: BTreeMap::new(),
        refused: BTreeMap::new(),
        not_listed: None,
        spent: None,
    };
    let json = serde_json::to_value(&hand_over).expect("JSON");
    assert_eq!(
        json,
        json!({
            "manifest": "v1",
            "stage": "extract",
            "task": 0,
            "tasks": 2,
            "execution": "extract-job-x7k2p",
            "years": "2019,2020,2021",
            "handed_over_at": "1970-01-01T00:00:00Z",
            "partitions": {},
            "refused": {},
        })
    );
}
