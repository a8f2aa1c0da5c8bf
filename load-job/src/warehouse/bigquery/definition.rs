//! The contract's tables as BigQuery defines them.

use shared::contract::{Column, Partitioning, Table};
use shared::warehouse::bigquery::model::range_partitioning::Range;
use shared::warehouse::bigquery::model::{
    Clustering, RangePartitioning, Table as BigQueryTable, TableFieldSchema, TableReference,
    TableSchema, TimePartitioning,
};

/// Returns a table of a contract.
pub(super) fn table(reference: TableReference, table: &Table) -> BigQueryTable {
    let fields = table.columns.iter().map(field);
    let mut definition = BigQueryTable::new()
        .set_table_reference(reference)
        .set_description(table.description.clone())
        .set_labels([("pipeline", "toronto-311")])
        .set_schema(TableSchema::new().set_fields(fields));
    if !table.cluster_by.is_empty() {
        let clustering = Clustering::new().set_fields(&table.cluster_by);
        definition = definition.set_clustering(clustering);
    }
    match &table.partition_by {
        None => definition,
        Some(Partitioning::Month { column }) => definition
            .set_time_partitioning(TimePartitioning::new().set_type("MONTH").set_field(column)),
        Some(Partitioning::Range { column, start, end }) => {
            let range = Range::new()
                .set_start(start.to_string())
                .set_end(end.to_string())
                .set_interval("1");
            let partitioning = RangePartitioning::new().set_field(column).set_range(range);
            definition.set_range_partitioning(partitioning)
        }
    }
}

/// Describes how the partitioning or clustering of an existing table differs from the contract's, which BigQuery cannot
/// change or, for clustering, does not apply to rows that it has:
/// <https://cloud.google.com/bigquery/docs/creating-partitioned-tables>,
/// <https://cloud.google.com/bigquery/docs/manage-clustered-tables#modifying-cluster-spec>.
pub(super) fn layout_difference(found: &BigQueryTable, table: &Table) -> Option<String> {
    let by = |columns: &[String]| match columns {
        [] => "nothing".to_owned(),
        columns => columns.join(", "),
    };
    let expected = self::table(TableReference::new(), table);
    let (is, should_be) = (partitioning(found), partitioning(&expected));
    if is != should_be {
        return Some(format!("is partitioned by {is}, not by {should_be}"));
    }
    let fields = |table: &BigQueryTable| {
        let clustering = table.clustering.as_ref();
        clustering.map_or_else(Vec::new, |clustering| clustering.fields.clone())
    };
    let (is, should_be) = (fields(found), fields(&expected));
    (is != should_be).then(|| format!("is clustered by {}, not by {}", by(&is), by(&should_be)))
}

fn partitioning(table: &BigQueryTable) -> String {
    if let Some(by_time) = &table.time_partitioning {
        return format!(
            "{} of {}",
            by_time.r#type,
            by_time.field.clone().unwrap_or_default()
        );
    }
    let Some(by_number) = &table.range_partitioning else {
        return "nothing".to_owned();
    };
    let range = by_number.range.clone().unwrap_or_default();
    format!(
        "{} from {} to {} by {}",
        by_number.field, range.start, range.end, range.interval
    )
}

/// Returns the definition of a staging table, with the files' types. It is removed at `expires`, in milliseconds since
/// 1970.
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

/// Returns the table whose row transactions lock.
pub(super) fn lock(reference: TableReference) -> BigQueryTable {
    let run_id = TableFieldSchema::new()
        .set_name("run_id")
        .set_type("STRING");
    BigQueryTable::new()
        .set_table_reference(reference)
        .set_description(
            "One row, which every load updates, so that two loads at the same time conflict.",
        )
        .set_labels([("pipeline", "toronto-311")])
        .set_schema(TableSchema::new().set_fields([run_id]))
}

/// Returns the expressions that select the table's columns from its staging table.
pub(super) fn staged_columns(table: &Table) -> String {
    let staged = |column: &Column| match column.bigquery.as_str() {
        // One ring that touches itself would refuse the load.
        // https://cloud.google.com/bigquery/docs/reference/standard-sql/geography_functions#st_geogfromgeojson
        "GEOGRAPHY" => format!("ST_GEOGFROMGEOJSON({}, make_valid => TRUE)", column.name),
        _ => column.name.clone(),
    };
    let columns: Vec<String> = table.columns.iter().map(staged).collect();
    columns.join(", ")
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
        .set_type(&column.bigquery)
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

    use super::*;

    /// <https://cloud.google.com/bigquery/docs/creating-clustered-tables#limitations>. Emulators accept any column.
    #[test]
    fn tables_are_clustered_by_clusterable_columns() {
        const CLUSTERABLE: [&str; 6] = ["BOOL", "DATE", "DATETIME", "INT64", "STRING", "TIMESTAMP"];
        let mut clustered = Vec::new();
        for table in Contract::all_tables() {
            for name in &table.cluster_by {
                let column = table.columns.iter().find(|column| column.name == *name);
                let column = column.unwrap_or_else(|| panic!("no column {name}"));
                clustered.push((name, column.bigquery.as_str()));
            }
        }
        assert_eq!(clustered.len(), 7);
        for (name, kind) in clustered {
            assert!(CLUSTERABLE.contains(&kind), "{name} {kind}");
        }
    }

    #[test]
    fn another_partitioning_or_clustering_is_noticed() {
        let tables = || Contract::all_tables();
        for table in tables() {
            let same = super::table(TableReference::new(), table);
            assert_eq!(layout_difference(&same, table), None);
        }
        let found = |name: &str| {
            let table = tables().find(|table| table.name == name).expect(name);
            (super::table(TableReference::new(), table), table)
        };
        let (requests, contract) = found("service_requests");
        let by_day = requests.clone().set_time_partitioning(
            TimePartitioning::new()
                .set_type("DAY")
                .set_field("created_at"),
        );
        assert_eq!(
            layout_difference(&by_day, contract).as_deref(),
            Some("is partitioned by DAY of created_at, not by MONTH of created_at")
        );
        let by_ward = requests.set_clustering(Clustering::new().set_fields(["ward_id"]));
        assert_eq!(
            layout_difference(&by_ward, contract).as_deref(),
            Some("is clustered by ward_id, not by service_request_type, ward_id")
        );
        let (_, quarantine) = found("quarantined_requests");
        assert_eq!(
            layout_difference(&BigQueryTable::new(), quarantine).as_deref(),
            Some("is partitioned by nothing, not by source_year from 2000 to 2100 by 1")
        );
    }
}
