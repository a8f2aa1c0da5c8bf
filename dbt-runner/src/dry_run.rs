//! What BigQuery would bill for a build. The published marts represent the candidate's tables, which do not exist yet: a
//! model that reads another one reads as much of it as is published.

use std::collections::BTreeSet;

use shared::dry_run::Estimates;
use tokio::task::block_in_place;

use crate::artifacts::Graph;
use crate::candidate::Scope;
use crate::warehouse::bigquery::BigQuery;

/// Estimates each model and test, and what publishing each table would be billed: in the warehouse, and on the site, which
/// has a file for each of these `years` of some marts, if there is a site.
pub(crate) fn estimate(
    bigquery: &BigQuery,
    graph: &Graph,
    scope: &Scope,
    site: Option<&BTreeSet<i16>>,
    estimates: &mut Estimates,
) {
    block_in_place(|| {
        for (node, query) in graph.queries() {
            estimates.add(node, bigquery.estimate(&query));
        }
        let seeds = graph.seeds().into_iter().filter(|_| *scope == Scope::Whole);
        for definition in graph.marts().into_iter().chain(seeds) {
            let published = format!("publish {}", definition.table);
            estimates.add(&published, bigquery.estimate_release(scope, &definition));
        }
        let Some(years) = site else {
            return;
        };
        for mart in graph.publishable() {
            let files = match &mart.file_per {
                None => 1,
                Some(_) => years
                    .iter()
                    .filter(|year| !mart.by_year || scope.has(i64::from(**year)))
                    .count(),
            };
            let one = bigquery.estimate_read(&mart);
            let all = one.map(|bytes| bytes * files as u64);
            estimates.add(&format!("write {} to the site", mart.table), all);
        }
    });
}
