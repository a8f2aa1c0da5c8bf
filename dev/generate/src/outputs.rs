//! What is generated.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::{Value, json};
use shared::contract::{Column, Contract, Table};
use shared::exit::Exit;
use shared::limits;
use shared::partition::Dataset;
use shared::settings::variables::{self, Variable};
use shared::warehouse::DUCKDB_SETTINGS;

use crate::{access, marts, module, prices};

/// A file, or a part of one.
pub(crate) enum Output {
    File {
        path: &'static str,
        text: String,
    },
    /// The lines between `generated: NAME` and `end`.
    Part {
        path: &'static str,
        name: &'static str,
        text: String,
    },
}

impl Output {
    /// Returns the path from the top of the repository.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::File { path, .. } | Self::Part { path, .. } => path,
        }
    }
}

/// Returns everything that is generated.
pub(crate) fn all() -> anyhow::Result<Vec<Output>> {
    let part = |path, name, text| Output::Part { path, name, text };
    let file = |path, text| Output::File { path, text };
    Ok(vec![
        part("docs/configuration.md", "variables", variables_table()),
        part("docs/configuration.md", "exit codes", exit_codes()),
        part("docs/data.md", "quarantine reasons", reasons_table()),
        part("docs/data.md", "limits", limits_table()),
        file("terraform/tests/limits.json", limits_of_memory()),
        part("dbt-runner/README.md", "marts", marts::table()?),
        part(
            "dbt-runner/project/dbt_project.yml",
            "rules of the contract",
            variables_of_dbt(),
        ),
        part(
            "dbt-runner/project/profiles.yml",
            "settings of DuckDB",
            settings_of_dbt(),
        ),
        part(
            "dev/bench/peers/compiled_sql.py",
            "settings of DuckDB",
            settings_of_peer(),
        ),
        file("dbt-runner/project/models/staging/_sources.yml", sources()),
        part(
            "dbt-runner/project/models/staging/stg_service_requests.sql",
            "columns",
            staged_columns(),
        ),
        file(
            "dbt-runner/project/models/staging/stg_service_requests.yml",
            staging(),
        ),
        file("dbt-runner/project/seeds/wards.csv", wards()),
        file(
            "dbt-runner/project/seeds/stage_prices.csv",
            prices::seed().context("cannot read terraform/jobs.tf")?,
        ),
        file("dashboard/src/generated/contract.ts", page()),
        part(
            "docs/deploy.md",
            "module variables",
            module::variables_table().context("cannot read terraform/variables.tf")?,
        ),
        part(
            "docs/deploy.md",
            "roles",
            access::roles_table().context("cannot read terraform/access.yaml")?,
        ),
    ])
}

/// Writing to a String cannot fail.
macro_rules! line {
    ($text:expr, $($argument:tt)*) => { writeln!($text, $($argument)*).expect("a String takes it") };
}

fn variables_table() -> String {
    let mut table = String::from("| variable | default | read by | meaning |\n|---|---|---|---|\n");
    for Variable {
        name,
        default,
        jobs,
        meaning,
    } in variables::ALL
    {
        let default = default.map_or(String::new(), |value| format!("`{value}`"));
        line!(table, "| `{name}` | {default} | {jobs} | {meaning} |");
    }
    table
}

fn exit_codes() -> String {
    let mut table = String::from("| exit | means | what to do |\n|---|---|---|\n");
    for exit in Exit::ALL {
        line!(
            table,
            "| {} | {} | {} |",
            exit.code(),
            exit.meaning(),
            exit.advice()
        );
    }
    table
}

fn reasons_table() -> String {
    let mut table = String::from("| reason | a row is quarantined because |\n|---|---|\n");
    for reason in &Contract::rules().quarantine_reasons {
        line!(table, "| `{}` | {} |", reason.name, reason.description);
    }
    table
}

fn limits_table() -> String {
    let rules = Contract::rules();
    let mebibytes = limits::MAX_TEXT_BYTES >> 20;
    let mut table = String::from("| a year is refused for | if there are more than |\n|---|---|\n");
    line!(
        table,
        "| bytes in a line | {} KiB |",
        rules.max_line_bytes >> 10
    );
    line!(
        table,
        "| rows in quarantine | {} % of the rows read |",
        100.0 * rules.max_quarantined_ratio
    );
    line!(table, "| bytes of refused rows | {mebibytes} MiB |");
    line!(table, "| bytes of distinct values | {mebibytes} MiB |");
    line!(
        table,
        "| requests in one month, or in a file out of chronological order | {} |",
        limits::MAX_ROWS
    );
    table
}

fn limits_of_memory() -> String {
    let limits = json!({
        "concurrent_partitions": limits::CONCURRENT_PARTITIONS,
        "row_bytes": transform_job::ROW_BYTES,
        "max_rows": limits::MAX_ROWS,
        "max_text_bytes": limits::MAX_TEXT_BYTES,
        "page_rows": limits::PAGE_ROWS,
        "row_group_bytes": limits::ROW_GROUP_BYTES,
    });
    format!("{limits:#}\n")
}

fn variables_of_dbt() -> String {
    let rules = Contract::rules();
    let wards = rules.current_wards();
    let mut yaml = format!("  current_ward_model: {}\n", wards.size);
    if let Some(date) = wards.in_force_from {
        line!(yaml, "  current_wards_from: \"{date}\"");
    }
    line!(yaml, "  quarantine_reasons:");
    for reason in &rules.quarantine_reasons {
        line!(yaml, "    - {}", reason.name);
    }
    yaml
}

fn settings_of_dbt() -> String {
    let settings = DUCKDB_SETTINGS.map(|(name, value)| format!("        {name}: {value}\n"));
    settings.concat()
}

fn settings_of_peer() -> String {
    let settings = DUCKDB_SETTINGS.map(|(name, value)| format!("{name:?}: {value:?}"));
    format!("SETTINGS = {{{}}}\n", settings.join(", "))
}

fn wards() -> String {
    let mut csv = String::from("ward_model,ward_id,ward_name\n");
    for model in &Contract::rules().ward_models {
        for ward in &model.wards {
            line!(csv, "{},{},{}", model.size, ward.id, ward.name);
        }
    }
    csv
}

fn page() -> String {
    let mut code = String::from(
        "// Generated from the contracts by `make generate`; do not edit.\n\n\
         /** Why rows are quarantined, by the names of the quarantine. */\n\
         export const REASONS: Record<string, string> = {\n",
    );
    for reason in &Contract::rules().quarantine_reasons {
        line!(code, "  {}: {:?},", reason.name, reason.title);
    }
    code.push_str("};\n");
    let rules = Contract::rules();
    let wards = rules.current_wards();
    line!(
        code,
        "\n/** The number of wards of today, which names their model. */\nexport const WARD_MODEL = {};",
        wards.size
    );
    if let Some(date) = wards.in_force_from {
        line!(
            code,
            "/** The first day of these wards. */\nexport const WARDS_SINCE = \"{date}\";"
        );
    }
    let mut models = rules.ward_models.iter();
    if let Some(former) = models.find(|model| model.in_force_until.is_some()) {
        line!(
            code,
            "/** The number of wards until then. */\nexport const FORMER_WARD_MODEL = {};",
            former.size
        );
    }
    code
}

fn sources() -> String {
    let mut yaml = String::from(
        "# Generated from the contracts by `make generate`; do not edit.\n\
         sources:\n  - name: warehouse\n    description: The tables that load-job keeps, as the data contracts define them.\n    \
         schema: \"{{ target.schema }}\"\n    tables:\n",
    );
    for table in Contract::all_tables() {
        let Table {
            name,
            description,
            columns,
            ..
        } = table;
        line!(yaml, "      - name: {name}");
        line!(yaml, "        description: {}", quoted(description));
        line!(yaml, "        columns:");
        for Column {
            name,
            kind,
            description,
            ..
        } in columns
        {
            line!(yaml, "          - name: {name}");
            line!(
                yaml,
                "            data_type: {}",
                kind.bigquery().to_lowercase()
            );
            line!(yaml, "            description: {}", quoted(description));
        }
    }
    yaml
}

/// The columns that staging computes, with their descriptions.
const STAGED: [(&str, &str); 4] = [
    (
        "created_local",
        "When the request was created, in Toronto time.",
    ),
    ("created_on", "The day the request was created, in Toronto."),
    (
        "ward_name",
        "The ward's name; Unknown if the publication has none.",
    ),
    (
        "division",
        "The City division responsible; Unknown if the publication has none.",
    ),
];

/// Returns the columns that staging passes on as they are.
fn passed_on() -> impl Iterator<Item = &'static Column> {
    let columns = &Contract::clean_table(Dataset::ServiceRequests).columns;
    (columns.iter()).filter(|column| STAGED.iter().all(|(name, _)| *name != column.name))
}

fn staged_columns() -> String {
    let mut sql = String::new();
    for column in passed_on() {
        line!(sql, "    {},", column.name);
    }
    sql
}

/// Columns that a row must have are not tested: the table does not take a row without them.
fn staging() -> String {
    let mut yaml = String::from(
        "# Generated from the contracts by `make generate`; do not edit.\n\
         models:\n  - name: stg_service_requests\n    description: Every loaded request, one row each.\n    \
         config:\n      meta:\n        by_year: true\n    columns:\n",
    );
    for column in passed_on() {
        line!(yaml, "      - name: {}", column.name);
        line!(yaml, "        description: {}", quoted(&column.description));
        if column.allowed_values.is_empty() {
            continue;
        }
        // Values that are not text must not be quoted.
        let is_text = column.allowed_values.iter().all(Value::is_string);
        let quote = if is_text { "" } else { ", quote: false" };
        let values: Vec<String> = column.allowed_values.iter().map(Value::to_string).collect();
        line!(yaml, "        data_tests:");
        line!(yaml, "          - accepted_values:");
        line!(
            yaml,
            "              arguments: {{values: [{}]{quote}}}",
            values.join(", ")
        );
    }
    for (name, description) in STAGED {
        line!(yaml, "      - name: {name}");
        line!(yaml, "        description: {}", quoted(description));
    }
    yaml
}

/// Returns a text on one line, as a YAML string.
fn quoted(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("{:?}", words.join(" "))
}
