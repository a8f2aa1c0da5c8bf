//! What the stages read and write of a partition: its names before the work, and what its manifest states after it.

use std::collections::{BTreeMap, BTreeSet};

use super::dataset::Tables;
use super::event::Dataset;
use super::facet::{
    Assertion, ColumnLineage, DataQualityAssertions, DataQualityMetrics, Field, InputFields,
    InputStatistics, OutputStatistics, Schema,
};
use crate::contract::{Column, Contract, Table};
use crate::exit::Failure;
use crate::lake::Lake;
use crate::manifest::{self, CleanFile, CleanManifest, LoadReceipt, ManifestRef, RawManifest};
use crate::partition::{Dataset as Package, Partition};
use crate::run::Stage;

/// The tables that load-job adds rows to with each load of a partition, and with each of a year.
const RECORDS: [&str; 1] = ["load_history"];
const RECORDS_OF_YEARS: [&str; 2] = ["publication_changes", "status_changes"];
/// The tables that it adds rows to when all partitions are loaded.
const RECORDS_OF_RUNS: [&str; 2] = ["refusals", "stage_runs"];

/// What is read and written.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) inputs: Vec<Dataset>,
    pub(super) outputs: Vec<Dataset>,
}

/// The stores that the names are of.
#[derive(Clone, Copy)]
pub(super) struct Stores<'a> {
    pub(super) lake: &'a Lake,
    /// `None` for the stages before the warehouse.
    pub(super) tables: Option<&'a Tables>,
}

impl Stores<'_> {
    /// Returns the names of what `stage` reads and writes of `partition`.
    pub(super) fn names(self, stage: Stage, partition: Partition) -> Step {
        let clean = || {
            let quarantine = has_quarantine(partition).then(|| self.quarantine(partition));
            [self.clean(partition)]
                .into_iter()
                .chain(quarantine)
                .collect()
        };
        match stage {
            Stage::Extract => Step {
                inputs: Vec::new(),
                outputs: vec![self.raw(partition)],
            },
            Stage::Transform => Step {
                inputs: vec![self.raw(partition)],
                outputs: clean(),
            },
            Stage::Load => Step {
                inputs: clean(),
                outputs: self.loaded(partition),
            },
            Stage::Dbt => Step::default(),
        }
    }

    /// Returns what `stage` writes about all `partitions` together.
    pub(super) fn of_stage(self, stage: Stage, partitions: &BTreeSet<Partition>) -> Step {
        let Some(tables) = self.tables.filter(|_| stage == Stage::Load) else {
            return Step::default();
        };
        let inputs = partitions.iter();
        let inputs = inputs.flat_map(|partition| self.names(stage, *partition).inputs);
        Step {
            inputs: inputs.collect(),
            outputs: RECORDS_OF_RUNS.map(|name| record(tables, name)).into(),
        }
    }

    /// Returns what `stage` read and wrote of `partition`, according to the manifest of its result.
    pub(super) async fn described(
        self,
        stage: Stage,
        partition: Partition,
        result: &ManifestRef,
    ) -> Result<Step, Failure> {
        match stage {
            Stage::Extract => Ok(self.extracted(&manifest::read(self.lake, &result.key).await?)),
            Stage::Transform => {
                Ok(self.transformed(&manifest::read(self.lake, &result.key).await?))
            }
            Stage::Load => {
                let receipt: LoadReceipt = manifest::read(self.lake, &result.key).await?;
                let clean = manifest::read(self.lake, &receipt.clean_manifest).await?;
                Ok(self.loaded_from(&clean))
            }
            Stage::Dbt => Ok(self.names(stage, partition)),
        }
    }

    fn extracted(self, raw: &RawManifest) -> Step {
        let published = Dataset::at(&raw.source.url)
            .version(&raw.download_sha256)
            .with_input(&InputStatistics {
                size: Some(raw.download_size_bytes),
                file_count: Some(1),
                row_count: None,
            });
        let stored = self.described_raw(raw.partition, &raw.object.sha256);
        let columns = published_columns(raw.partition).map(|field| field.name);
        let stored = stored
            .copied_from(&published, columns)
            .with_output(&OutputStatistics {
                size: Some(raw.object.size_bytes),
                file_count: Some(1),
                row_count: None,
            });
        Step {
            inputs: vec![published],
            outputs: vec![stored],
        }
    }

    fn transformed(self, clean: &CleanManifest) -> Step {
        let partition = clean.partition;
        let size = clean.raw_object.size_bytes;
        let mut raw = self
            .described_raw(partition, &clean.raw_object.sha256)
            .with_input(&InputStatistics {
                row_count: Some(clean.rows.read),
                size: Some(size),
                file_count: Some(1),
            })
            .with_input(&DataQualityMetrics {
                row_count: clean.rows.read,
                bytes: size,
                column_metrics: BTreeMap::new(),
            });
        if has_quarantine(partition) {
            raw = raw.with_input(&quarantined(clean));
        }
        let outputs = self.clean_parts(clean).map(|(part, table, files)| {
            part.with(&computed_from(&raw, table))
                .with_output(&statistics(&files))
        });
        Step {
            outputs: outputs.collect(),
            inputs: vec![raw],
        }
    }

    fn loaded_from(self, clean: &CleanManifest) -> Step {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (part, table, files) in self.clean_parts(clean) {
            let OutputStatistics {
                row_count,
                size,
                file_count,
            } = statistics(&files);
            if let Some(tables) = self.tables {
                let columns = table.column_names().map(str::to_owned);
                let loaded = loaded_table(tables, table)
                    .version(&clean.fingerprint)
                    .copied_from(&part, columns)
                    .with_output(&OutputStatistics {
                        row_count,
                        ..OutputStatistics::default()
                    });
                outputs.push(loaded);
            }
            inputs.push(part.with_input(&InputStatistics {
                row_count,
                size,
                file_count,
            }));
        }
        outputs.extend(self.records(clean.partition));
        Step { inputs, outputs }
    }

    fn raw(self, partition: Partition) -> Dataset {
        Dataset::in_lake(self.lake, "raw", partition)
    }

    fn described_raw(self, partition: Partition, version: &impl ToString) -> Dataset {
        let raw = self.raw(partition).version(version);
        let fields: Vec<Field> = published_columns(partition).collect();
        if fields.is_empty() {
            return raw;
        }
        raw.with(&Schema { fields })
    }

    pub(super) fn clean(self, partition: Partition) -> Dataset {
        Dataset::in_lake(self.lake, "clean", partition)
    }

    pub(super) fn quarantine(self, partition: Partition) -> Dataset {
        let Dataset {
            namespace, name, ..
        } = self.clean(partition);
        Dataset::new(namespace, format!("{name}/quarantine"))
    }

    /// Returns the parts of a clean partition, the table of each and its files.
    fn clean_parts(
        self,
        clean: &CleanManifest,
    ) -> impl Iterator<Item = (Dataset, &'static Table, Vec<&CleanFile>)> {
        let partition = clean.partition;
        let described = |part: Dataset, table: &'static Table| {
            let arrow = |column: &Column| column.kind.arrow().to_string();
            part.version(&clean.fingerprint).columns_of(table, arrow)
        };
        let table = Contract::clean_table(partition.dataset());
        let rows = described(self.clean(partition), table);
        let refused = clean.quarantine.as_ref().map(|file| {
            let table = Contract::quarantine_table();
            (
                described(self.quarantine(partition), table),
                table,
                vec![file],
            )
        });
        [(rows, table, clean.files.iter().collect())]
            .into_iter()
            .chain(refused)
    }

    fn loaded(self, partition: Partition) -> Vec<Dataset> {
        let Some(tables) = self.tables else {
            return Vec::new();
        };
        let mut loaded = vec![loaded_table(
            tables,
            Contract::clean_table(partition.dataset()),
        )];
        if has_quarantine(partition) {
            loaded.push(loaded_table(tables, Contract::quarantine_table()));
        }
        loaded.extend(self.records(partition));
        loaded
    }

    fn records(self, partition: Partition) -> Vec<Dataset> {
        let of_years: &[&str] = match partition {
            Partition::Year(_) => &RECORDS_OF_YEARS,
            Partition::CityWards | Partition::ForwardSortationAreas => &[],
        };
        let names = RECORDS.iter().chain(of_years);
        let tables = self.tables.into_iter();
        tables
            .flat_map(|tables| names.clone().map(|name| record(tables, name)))
            .collect()
    }
}

fn has_quarantine(partition: Partition) -> bool {
    partition.dataset() == Package::ServiceRequests
}

/// Returns the columns of the published file that the contract describes: none of boundaries.
fn published_columns(partition: Partition) -> impl Iterator<Item = Field> {
    let columns = match partition.dataset() {
        Package::ServiceRequests => Contract::rules().published.as_slice(),
        Package::CityWards | Package::ForwardSortationAreas => &[],
    };
    columns.iter().map(|column| Field {
        name: column.name.clone(),
        kind: Some("text".to_owned()),
        description: format!("Published as {}", column.header),
    })
}

/// Returns the columns of the published file that each column of `table` is computed from, as the contract states.
fn computed_from(raw: &Dataset, table: &Table) -> ColumnLineage {
    let fields = table.columns.iter().map(|column| {
        let inputs = column.sources.iter().map(|source| raw.field(source));
        let input_fields = InputFields {
            input_fields: inputs.collect(),
        };
        (column.name.clone(), input_fields)
    });
    ColumnLineage {
        fields: fields.collect(),
    }
}

/// Returns the contract's reasons as tests of the raw file: whether any row was quarantined for each, and for all of
/// them together, whether more were than the contract allows.
fn quarantined(clean: &CleanManifest) -> DataQualityAssertions {
    let rules = Contract::rules();
    let of_reason = |reason: &crate::contract::QuarantineReason| {
        let by_reason = &clean.rows.quarantined_by_reason;
        let rows = by_reason.get(&reason.name).copied().unwrap_or(0);
        Assertion {
            assertion: "row_count".to_owned(),
            success: rows == 0,
            severity: "warn",
            name: Some(reason.name.clone()),
            column: None,
            description: Some(format!(
                "A row is quarantined because {}",
                reason.description
            )),
            expected: Some("0".to_owned()),
            actual: Some(rows.to_string()),
        }
    };
    let assertions = rules.quarantine_reasons.iter().map(of_reason);
    DataQualityAssertions {
        assertions: assertions.collect(),
    }
}

fn statistics(files: &[&CleanFile]) -> OutputStatistics {
    OutputStatistics {
        row_count: Some(files.iter().map(|file| file.rows).sum()),
        size: Some(files.iter().map(|file| file.object.size_bytes).sum()),
        file_count: Some(files.len()),
    }
}

fn record(tables: &Tables, name: &str) -> Dataset {
    let known = Contract::all_tables().find(|table| table.name == name);
    match known {
        Some(table) => loaded_table(tables, table),
        None => tables.loaded(name),
    }
}

fn loaded_table(tables: &Tables, table: &Table) -> Dataset {
    tables.loaded(&table.name).columns_of(table, |column| {
        if tables.is_bigquery {
            column.bigquery.clone()
        } else {
            column.kind.duckdb().to_owned()
        }
    })
}
