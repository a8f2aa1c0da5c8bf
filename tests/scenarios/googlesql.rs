//! What a run leaves for Google's own analyser and evaluator of SQL.

use std::fs;
use std::path::{Path, PathBuf};

use emulators::{Proxy, Service};
use serde_json::json;

use crate::pipeline::Pipeline;
use crate::readers::check_with_googlesql;

/// The requests to BigQuery of a run, and the directory to which they are written.
pub(crate) struct Record {
    directory: PathBuf,
    proxy: Proxy,
}

impl Record {
    /// Records the requests of `pipeline` from now on. The directory stays after the test, for another look.
    pub(crate) fn of(pipeline: &mut Pipeline) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("googlesql");
        if directory.exists() {
            fs::remove_dir_all(&directory).unwrap();
        }
        let proxy = Proxy::start(Service::Proxy, pipeline.bigquery()).unwrap();
        pipeline.reach_bigquery_at(proxy.url());
        Self { directory, proxy }
    }

    /// Returns the path of a file or directory of the record.
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// Holds the statements, and the results in the DuckDB file `warehouse`, against Google's analyser and evaluator.
    pub(crate) fn check(&self, warehouse: &Path) {
        let requests = self.proxy.requests().into_iter().map(|request| {
            json!({
                "method": request.method, "target": request.target, "status": request.status, "body": request.json,
            })
        });
        let requests: Vec<String> = requests.map(|request| request.to_string()).collect();
        fs::write(self.path("requests.jsonl"), requests.join("\n")).unwrap();
        fs::copy(warehouse, self.path("warehouse.duckdb")).unwrap();
        check_with_googlesql(&self.directory);
    }
}
