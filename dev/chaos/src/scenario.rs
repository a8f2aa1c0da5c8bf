//! What is tried: every disturbance of every piece of work on every path, as data.

use std::fmt;
use std::str::FromStr;

use anyhow::Context as _;
use shared::run::Stage;

/// Where the lake and the warehouse are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// A directory and a DuckDB file.
    Local,
    /// Emulators of Cloud Storage and BigQuery.
    Cloud,
}

/// The work that is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The job of one stage.
    Stage(Stage),
    /// A whole run: the workflow and the four jobs that it starts.
    Run,
}

/// A service that a job asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The City's portal, and the host of its links.
    Portal,
    /// Cloud Storage.
    Storage,
    /// BigQuery.
    Warehouse,
}

/// How the work is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// The job and all that it started are killed before one of its effects.
    Kill,
    /// The job alone is killed, and what it started lives on.
    Orphan,
    /// The work waits before each of its effects, while somebody looks at what came of it.
    Pause,
    /// A service answers wrongly, or not at all.
    Wire(Service),
    /// This many copies work at the same time.
    Crowd(usize),
}

/// A disturbance of some work on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// How.
    pub disturbance: Disturbance,
    /// What.
    pub work: Work,
    /// Where.
    pub path: Path,
}

/// One trial of a scenario. Its name is the seed that repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The scenario.
    pub scenario: Scenario,
    /// The number of the effect before which the job is killed; of a fault, the seed that draws it; of a crowd, the
    /// number of the repetition. A pause has no second one.
    pub number: usize,
}

const WORKS: [Work; 5] = [
    Work::Stage(Stage::Extract),
    Work::Stage(Stage::Transform),
    Work::Stage(Stage::Load),
    Work::Stage(Stage::Dbt),
    Work::Run,
];

/// Returns all scenarios.
#[must_use]
pub fn all() -> Vec<Scenario> {
    use Disturbance::{Crowd, Kill, Orphan, Pause, Wire};
    use Service::{Portal, Storage, Warehouse};

    let mut scenarios = Vec::new();
    let mut add = |disturbance, work, path| {
        scenarios.push(Scenario {
            disturbance,
            work,
            path,
        });
    };
    for path in [Path::Local, Path::Cloud] {
        for work in WORKS {
            add(Kill, work, path);
            // Services cannot be copied while they work.
            if path == Path::Local {
                add(Pause, work, path);
            }
            for copies in [2, 4, 8] {
                add(Crowd(copies), work, path);
            }
            // The other jobs start no process.
            if work.last_stage() == Stage::Dbt {
                add(Orphan, work, path);
            }
            for service in [Portal, Storage, Warehouse] {
                if asks(work, service, path) {
                    add(Wire(service), work, path);
                }
            }
        }
    }
    scenarios
}

/// Whether `work` is the job of a stage that asks `service`. What a run asks, its jobs ask.
fn asks(work: Work, service: Service, path: Path) -> bool {
    let Work::Stage(stage) = work else {
        return false;
    };
    match service {
        Service::Portal => stage == Stage::Extract,
        Service::Storage => path == Path::Cloud,
        Service::Warehouse => path == Path::Cloud && matches!(stage, Stage::Load | Stage::Dbt),
    }
}

impl Scenario {
    /// Returns its trial of this number.
    #[must_use]
    pub fn trial(self, number: usize) -> Trial {
        Trial {
            scenario: self,
            number,
        }
    }
}

impl Work {
    /// Returns the last stage that it executes.
    #[must_use]
    pub fn last_stage(self) -> Stage {
        match self {
            Self::Stage(stage) => stage,
            Self::Run => Stage::Dbt,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Cloud => "cloud",
        })
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(stage) => stage.fmt(f),
            Self::Run => f.write_str("run"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portal => "portal",
            Self::Storage => "storage",
            Self::Warehouse => "warehouse",
        })
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => f.write_str("kill"),
            Self::Orphan => f.write_str("orphan"),
            Self::Pause => f.write_str("pause"),
            Self::Wire(service) => write!(f, "wire-{service}"),
            Self::Crowd(copies) => write!(f, "crowd-{copies}"),
        }
    }
}

/// Formats `kill/load/local`.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.disturbance, self.work, self.path)
    }
}

/// Formats `kill/load/local/17`.
impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scenario, self.number)
    }
}

impl FromStr for Trial {
    type Err = anyhow::Error;

    fn from_str(seed: &str) -> Result<Self, Self::Err> {
        let parsed = seed.rsplit_once('/').and_then(|(name, number)| {
            let mut scenarios = all().into_iter();
            let scenario = scenarios.find(|scenario| scenario.to_string() == name)?;
            Some(scenario.trial(number.parse().ok()?))
        });
        parsed.with_context(|| {
            format!(
                "SEED is {seed:?}: copy one from the start of a line, such as kill/load/local/17"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Trial, all};

    #[test]
    fn a_seed_names_one_trial() {
        for scenario in all() {
            let trial = scenario.trial(17);
            assert_eq!(trial.to_string().parse::<Trial>().unwrap(), trial);
        }
        for wrong in [
            "",
            "kill/load/local",
            "kill/load/moon/1",
            "kill/load/local/x",
        ] {
            assert!(wrong.parse::<Trial>().is_err(), "{wrong}");
        }
    }
}
