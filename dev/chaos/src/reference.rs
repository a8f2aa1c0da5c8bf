//! What undisturbed work starts from and ends with.

use std::collections::BTreeMap;

use shared::run::Stage;

use crate::home::{Home, Saved, State};
use crate::points::Points;
use crate::scenario::{Service, Work};

/// Undisturbed work.
pub struct Reference {
    /// The work.
    pub work: Work,
    /// The points at which it can be killed.
    pub points: Points,
    /// The number of requests that it sends to each service.
    pub requests: BTreeMap<Service, usize>,
    /// The state before it.
    pub before: State,
    /// The state after it.
    pub after: State,
    pub(crate) saved: Saved,
}

impl Reference {
    /// Executes some work undisturbed, with the stages that come before it.
    ///
    /// # Errors
    /// Fails if any of it does not end with exit code 0.
    pub fn all(home: &Home, works: &[Work]) -> anyhow::Result<Vec<Self>> {
        let stages = [Stage::Extract, Stage::Transform, Stage::Load, Stage::Dbt];
        let is_disturbed = |stage: &Stage| works.contains(&Work::Stage(*stage));
        let needed = stages.iter().rposition(is_disturbed);
        let needed = needed.map_or(0, |last| last + 1);
        home.begin()?;
        let mut references = Vec::new();
        if works.contains(&Work::Run) {
            let reference = Self::of(home, Work::Run)?;
            home.restore(&reference.saved)?;
            references.push(reference);
        }
        for stage in &stages[..needed] {
            let work = Work::Stage(*stage);
            if is_disturbed(stage) {
                references.push(Self::of(home, work)?);
            } else {
                home.finish_work(work)?;
            }
        }
        Ok(references)
    }

    fn of(home: &Home, work: Work) -> anyhow::Result<Self> {
        let saved = home.save(work)?;
        // In the cloud, some of it has to be made again.
        home.restore(&saved)?;
        let before = home.state(work)?;
        let services = [Service::Portal, Service::Storage, Service::Warehouse];
        let count = || services.map(|service| home.requests(service).0);
        let earlier = count();
        let traced = home.finish_work(work)?;
        let requests = services
            .into_iter()
            .zip(count())
            .zip(earlier)
            .map(|((service, later), earlier)| (service, later - earlier))
            .collect();
        Ok(Self {
            work,
            points: Points::of(&traced.effects),
            requests,
            before,
            after: home.state(work)?,
            saved,
        })
    }
}
