//! The contract's tables as BigQuery defines them.

use shared::contract::{Column, Table};
use shared::warehouse::bigquery::model::range_partitioning::Range;
use shared::warehouse::bigquery::model::{
    Clustering, RangePartitioning, Table as BigQueryTable, TableFieldSchema, TableReference,
    TableSchema, TimePartitioning,
};

/// The one column that is of another type than the lake's: GeoJSON text there, `GEOGRAPHY` here.
const GEOMETRY: &str = "geometry";

/// A table that people query.
pub(super) fn table(reference: TableReference, table: &Table) -> BigQueryTable {
    let fields = table.columns.iter().map(field);
    let definition = BigQueryTable::new()
        .set_table_reference(reference)
        .set_description(table.description.clone())
        .set_labels([("pipeline", "toronto-311")])
        .set_schema(TableSchema::new().set_fields(fields));
    match table.name.as_str() {
        "service_requests" => definition
            .set_time_partitioning(
                TimePartitioning::new()
                    .set_type("MONTH")
                    .set_field("created_at"),
            )
            .set_clustering(Clustering::new().set_fields(["service_request_type", "ward_id"])),
        "quarantined_requests" => {
            let years = Range::new()
                .set_start("2000")
                .set_end("2100")
                .set_interval("1");
            let by_year = RangePartitioning::new()
                .set_field("source_year")
                .set_range(years);
            definition.set_range_partitioning(by_year)
        }
        _ => definition,
    }
}

/// A table that files are loaded into, of the files' types, removed at `expires`, in milliseconds since 1970.
pub(super) fn staging_table(
    reference: TableReference,
    table: &Table,
    expires: i64,
) -> BigQueryTable {
    let fields = table.columns.iter().map(staged_field);
    BigQueryTable::new()
        .set_table_reference(reference)
        .set_schema(TableSchema::new().set_fields(fields))
        .set_expiration_time(expires)
}

/// The table's columns as selected from its staging table.
pub(super) fn staged_columns(table: &Table) -> String {
    let staged = |column: &Column| match column.name.as_str() {
        // One ring that touches itself would refuse the load.
        // https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions#st_geogfromgeojson
        GEOMETRY => format!("ST_GEOGFROMGEOJSON({GEOMETRY}, make_valid => TRUE)"),
        name => name.to_owned(),
    };
    let columns: Vec<String> = table.columns.iter().map(staged).collect();
    columns.join(", ")
}

/// The column's type.
pub(super) fn kind(column: &Column) -> &'static str {
    if column.name == GEOMETRY {
        "GEOGRAPHY"
    } else {
        column.kind.bigquery()
    }
}

/// The name in standard SQL of a type as the REST interface gives it.
pub(super) fn standard(kind: &str) -> &str {
    match kind {
        "INTEGER" => "INT64",
        "BOOLEAN" => "BOOL",
        other => other,
    }
}

pub(super) fn field(column: &Column) -> TableFieldSchema {
    staged_field(column)
        .set_type(kind(column))
        .set_description(column.description.clone())
}

fn staged_field(column: &Column) -> TableFieldSchema {
    TableFieldSchema::new()
        .set_name(&column.name)
        .set_type(column.kind.bigquery())
        .set_mode(if column.required {
            "REQUIRED"
        } else {
            "NULLABLE"
        })
}

#[cfg(test)]
mod tests {
    use shared::contract::Contract;
    use shared::partition::Dataset;

    use super::{TableReference, table};

    /// <https://cloud.google.com/bigquery/docs/creating-clustered-tables#limitations>; emulators cluster by anything.
    #[test]
    fn tables_are_clustered_by_columns_that_bigquery_can_cluster_by() {
        const CLUSTERABLE: [&str; 6] = ["BOOL", "DATE", "DATETIME", "INT64", "STRING", "TIMESTAMP"];
        let mut clustered = Vec::new();
        for ddl in [
            include_str!("load_history.sql"),
            include_str!("status_changes.sql"),
        ] {
            let columns = ddl.lines().filter_map(|line| line.trim().split_once(' '));
            let (_, by) = ddl.split_once("CLUSTER BY ").expect("clustered");
            for name in by.lines().next().unwrap_or_default().split(", ") {
                let column = columns.clone().find(|(column, _)| *column == name);
                let (_, kind) = column.unwrap_or_else(|| panic!("no column {name}"));
                let kind = kind.split([' ', ',']).next().unwrap_or_default();
                clustered.push((name.to_owned(), kind.to_owned()));
            }
        }
        let contract = Contract::clean_table(Dataset::ServiceRequests);
        let definition = table(TableReference::new(), contract);
        for name in definition.clustering.unwrap_or_default().fields {
            let column = contract.columns.iter().find(|column| column.name == name);
            let kind = super::kind(column.unwrap_or_else(|| panic!("no column {name}")));
            clustered.push((name, kind.to_owned()));
        }
        assert_eq!(clustered.len(), 4);
        for (name, kind) in clustered {
            assert!(CLUSTERABLE.contains(&kind.as_str()), "{name} {kind}");
        }
    }
}
