//! Queries, tables and the first attempt of a job in BigQuery, on the emulator.

use emulators::Addresses;
use serde_json::json;
use shared::warehouse::bigquery::{Attempts, BigQuery, BigQueryError, model, query_job};
use shared::warehouse::{Dataset, Value};

/// Returns a client of an empty dataset of its own.
async fn client(name: &str) -> BigQuery {
    let addresses = Addresses::from_environment().expect("emulators");
    let dataset = Dataset {
        project: format!("shared-{name}-{}", std::process::id()),
        id: "main".to_owned(),
        location: "US".to_owned(),
    };
    addresses
        .create_dataset(&dataset.project, &dataset.id, &dataset.location)
        .expect("a dataset");
    let emulator = addresses.bigquery.parse().expect("loopback");
    let client = BigQuery::connect(&dataset, Some(&emulator)).await;
    client.expect("a client")
}

#[tokio::test]
async fn every_column_of_a_row_is_text() {
    let bigquery = client("rows").await;
    let values = [
        ("text", "ä".into()),
        ("none", Value::Text(None)),
        ("number", Value::Integer(7)),
        ("flag", Value::Boolean(true)),
    ];
    let rows = bigquery.query(
        "select @text, @none, @number, @flag union all select 'b', 'c', 8, false order by 3",
        &values,
    );
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        rows.await.expect("rows"),
        [
            [text("ä"), None, text("7"), text("true")],
            [text("b"), text("c"), text("8"), text("false")],
        ]
    );
    let count = bigquery.query_count("select count(*) from unnest([1, 2, 3])", &[]);
    assert_eq!(count.await.expect("a number"), 3);
    let count = bigquery.query_count("select 'three'", &[]).await;
    assert!(
        matches!(
            count,
            Err(BigQueryError::Unexpected {
                expected: "number",
                ..
            })
        ),
        "{count:?}"
    );
}

#[tokio::test]
async fn a_table_is_created_once_changed_and_dropped() {
    let bigquery = client("tables").await;
    let table = || async {
        let found = bigquery.table("main", "requests").await;
        found.expect("an answer")
    };
    assert!(table().await.is_none());
    let made: model::Table = serde_json::from_value(json!({
        "tableReference": {
            "projectId": bigquery.dataset().project, "datasetId": "main", "tableId": "requests",
        },
        "schema": {"fields": [{"name": "id", "type": "INTEGER"}]},
    }))
    .expect("a table");
    for _ in 0..2 {
        let created = bigquery.create_table("requests", made.clone()).await;
        created.expect("it exists");
    }
    assert_eq!(
        table()
            .await
            .expect("a table")
            .schema
            .map(|it| it.fields[0].name.clone()),
        Some("id".to_owned())
    );
    let change = || model::Table::new().set_description("of residents".to_owned());
    let changed = bigquery.update_table("requests", change()).await;
    changed.expect("it exists");
    let described = table().await.expect("a table").description;
    assert_eq!(described.as_deref(), Some("of residents"));

    let insert = format!(
        "insert into `{}.requests` (id) values (1), (2)",
        bigquery.path()
    );
    let configuration = model::JobConfiguration::new().set_query(query_job(insert, &[]));
    let mut attempts = Attempts::of_own("insert");
    let finished = bigquery.attempt(&mut attempts, &configuration).await;
    let finished = finished.expect("a job").expect("a job that is done");
    assert!(finished.id.starts_with("toronto_311_insert_") && !finished.adopted);
    let count = bigquery.query_count("select count(*) from main.requests", &[]);
    assert_eq!(count.await.expect("a number"), 2);

    for _ in 0..2 {
        bigquery.drop_table("requests").await.expect("it is gone");
    }
    assert!(table().await.is_none());
    let changed = bigquery.update_table("requests", change()).await;
    changed.expect("a missing table is not an error");
}
