//! dbt's sources are the contract's tables.

use serde::Deserialize;
use shared::contract::{Contract, Table};
use shared::partition::Dataset;

#[derive(Deserialize)]
struct Sources {
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    tables: Vec<SourceTable>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct SourceTable {
    name: String,
    description: String,
    columns: Vec<SourceColumn>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct SourceColumn {
    name: String,
    data_type: String,
    description: String,
}

#[test]
fn the_sources_have_the_contracts_columns_types_and_descriptions() {
    let yaml = include_str!("../../project/models/staging/_sources.yml");
    let sources: Sources = serde_saphyr::from_str(yaml).unwrap();
    let tables = &sources.sources[0].tables;
    let contract = [
        Contract::clean_table(Dataset::ServiceRequests),
        Contract::quarantine_table(),
        Contract::clean_table(Dataset::CityWards),
        Contract::clean_table(Dataset::ForwardSortationAreas),
    ];
    assert_eq!(tables.len(), contract.len());
    for (found, table) in tables.iter().zip(contract) {
        assert_eq!(found, &source_table(table));
    }
}

fn source_table(table: &Table) -> SourceTable {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let columns = table.columns.iter().map(|column| SourceColumn {
        name: column.name.clone(),
        data_type: column.kind.bigquery().to_lowercase(),
        description: one_line(&column.description),
    });
    SourceTable {
        name: table.name.clone(),
        description: one_line(&table.description),
        columns: columns.collect(),
    }
}
