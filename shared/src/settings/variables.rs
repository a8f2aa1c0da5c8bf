//! Every environment variable the jobs read. `make generate` writes the table of `docs/configuration.md` from it.

use crate::run::Stage;

/// One environment variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Default when unset; `None` for required and optional variables.
    pub default: Option<&'static str>,
    /// The jobs that read it.
    pub jobs: &'static str,
    /// Its description.
    pub meaning: &'static str,
}

impl Variable {
    /// Whether the job of `stage` reads it.
    #[must_use]
    pub fn is_read_by(&self, stage: Stage) -> bool {
        let mut jobs = self.jobs.split(", ");
        jobs.any(|job| job == "all" || job == stage.as_str())
    }
}

macro_rules! variables {
    ($($name:ident, $default:expr, $jobs:literal, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: Variable = Variable {
                name: stringify!($name),
                default: $default,
                jobs: $jobs,
                meaning: $meaning,
            };
        )*

        /// All of them, in the order of the table in `docs/configuration.md`.
        pub const ALL: &[Variable] = &[$($name),*];
    };
}

variables! {
    LAKE_URL, None, "all", "The lake: `gs://BUCKET[/PREFIX]` or `file:///absolute/directory`. Required.";
    STORAGE_EMULATOR_HOST, None, "all", "An emulator in place of Cloud Storage, reached without credentials: `http://127.0.0.1:PORT`, loopback only.";
    RUN_ID, None, "all", "The run that the stages share. Default: `CLOUD_RUN_EXECUTION`, else the time.";
    YEARS, Some("changed"), "all", "`2023`, `2019-2024`, `2013,2020-2022`, `latest`, `all`, or `changed`: every year, of which only the republished ones are fetched.";
    MANIFESTS, None, "transform, load", "Keys of the manifests to work on, separated by commas, in place of the previous stage's hand-over.";
    FORCE, Some("0"), "all", "`1` redoes work whose result is in the lake, and loads even what is older than the warehouse holds.";
    DRY_RUN, Some("0"), "all", "`1` changes nothing: load and dbt log the most that BigQuery would bill for loading the years in `YEARS` again and for the build that follows, a whole one with `FORCE=1`. The others end at once.";
    OPENLINEAGE_URL, None, "all", "A collector of OpenLineage events, `https://HOST[:PORT][/PATH]`: each event is posted to `api/v1/lineage` below it, as well as written to the lake. Default: the lake only.";
    OPENLINEAGE_API_KEY, None, "all", "The collector's API key, sent as a bearer token, over TLS or to a loopback address only.";
    OPENLINEAGE_NAMESPACE, Some("toronto-311"), "all", "The namespace of the pipeline's jobs in OpenLineage events.";
    SOURCE_CODE_URL, None, "all", "Where the jobs' code is, for OpenLineage events, and for a link of the dashboard to the repository: `https://HOST/OWNER/REPOSITORY/tree/COMMIT`.";
    LOG_FORMAT, Some("auto"), "all", "`json` for Cloud Logging, `text` for people, `auto`: text on a terminal.";
    CLOUD_RUN_TASK_INDEX, Some("0"), "all", "Set by Cloud Run: this process's number among the tasks that share the years.";
    CLOUD_RUN_TASK_COUNT, Some("1"), "all", "Set by Cloud Run: the number of tasks.";
    PORTAL_URL, Some("https://ckan0.cf.opendata.inter.prod-toronto.ca"), "extract", "The CKAN portal.";
    PORTAL_HOSTS, None, "extract", "Hosts that the portal's files may be downloaded from, separated by commas. Default: those of `PORTAL_URL` and `FSA_URL`, and `www.toronto.ca`; if `PORTAL_URL` is a loopback address, every other loopback address too.";
    FSA_URL, Some("https://www12.statcan.gc.ca/census-recensement/2021/geo/sip-pis/boundary-limites/files-fichiers/lfsa000b21a_e.zip"), "extract", "Statistics Canada's boundary file of the forward sortation areas.";
    MAX_DOWNLOAD_BYTES, Some("268435456"), "extract", "The largest download.";
    MAX_CSV_BYTES, Some("4294967296"), "extract", "The largest CSV, and the largest file taken out of a ZIP.";
    DOWNLOAD_TIMEOUT_SECONDS, Some("900"), "extract", "The longest a download may take, retries and resumptions included.";
    MAX_QUARANTINE_RATIO, None, "transform", "Rows in quarantine over rows read, above which a year is refused. Default: the contract's.";
    WAREHOUSE_URL, None, "load, dbt", "The warehouse: `bigquery://PROJECT/DATASET?location=LOCATION` or `duckdb:///absolute/file`. Required.";
    BIGQUERY_EMULATOR_HOST, None, "load, dbt", "An emulator in place of BigQuery, reached without credentials: `http://127.0.0.1:PORT`, loopback only.";
    DUCKDB_LIBRARY, None, "load, dbt", "Path of `libduckdb.so`. Required for a DuckDB warehouse.";
    DBT_PROJECT_DIR, None, "dbt", "The dbt project. Required.";
    DBT_EXECUTABLE, Some("dbt"), "dbt", "The dbt command. The Python interpreter beside it runs dbt.";
    DBT_TARGET_DIR, None, "dbt", "Where dbt writes its artifacts. Default: a temporary directory.";
    DASHBOARD_DIR, None, "dbt", "The built dashboard, published beside the marts. Default: it is not.";
    RELEASE, None, "dbt", "Freezes what is published as a release, which never changes: a quarter such as `2026Q4`, or `latest`, the last one of which the data have every day. It needs `SITE_URL` and `COMMIT`. Default: nothing is frozen.";
    COMMIT, None, "dbt", "The git commit that the program was built from, for releases. The image of dbt-runner sets it.";
    SITE_URL, None, "dbt", "Where the marts and dbt's docs are published: `file:///absolute/directory` or `gs://BUCKET[/PREFIX]`. Default: nowhere.";
    SITE_ADDRESS, None, "dbt", "The public address of that directory or bucket, `https://HOST/PATH/`, for links from feeds and descriptions of the data. Default: they are relative.";
}
