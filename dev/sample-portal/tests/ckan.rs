//! Tests of the action API, as called by CKAN's clients.

use reqwest::{Client, StatusCode};
use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};

const PACKAGE: &str = "311-service-requests-customer-initiated";
const PACKAGE_ID: &str = "2e54bc0e-4399-4076-b717-351df5918ae7";

fn portal() -> Portal {
    Portal::start(PortalConfig {
        generated_years: (2010..=2026).collect(),
        rows_per_year: Some(200),
        ..PortalConfig::default()
    })
    .expect("free ports")
}

async fn post(portal: &Portal, action: &str, parameters: &Value) -> (StatusCode, Value) {
    let url = format!("{}/api/action/{action}", portal.url());
    let answer = Client::new().post(url).json(parameters).send().await;
    let answer = answer.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn packages_are_listed_shown_and_found() {
    let portal = portal();
    let (_, list) = post(&portal, "package_list", &json!({})).await;
    assert_eq!(list["result"], json!([PACKAGE, "city-wards"]));
    let (_, by_name) = post(&portal, "package_show", &json!({"id": PACKAGE})).await;
    let (_, by_id) = post(&portal, "package_show", &json!({"id": PACKAGE_ID})).await;
    assert_eq!(by_name, by_id);
    let help = format!("{}/api/3/action/help_show?name=package_show", portal.url());
    assert_eq!(by_name["help"], help);
    let answer = Client::new().get(help).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);

    let package = &by_name["result"];
    assert_eq!(package["num_resources"], 18);
    let resources = package["resources"].as_array().expect("a list");
    for (position, resource) in resources.iter().enumerate() {
        assert_eq!(resource["position"], position);
        assert_eq!(resource["package_id"], PACKAGE_ID);
        let (_, shown) = post(&portal, "resource_show", &json!({"id": resource["id"]})).await;
        assert_eq!(shown["result"]["url"], resource["url"]);
    }
    let known = include_str!("../../../tests/fixtures/resources.csv");
    for resource in &resources[1..] {
        let [id, name] = ["id", "name"].map(|field| resource[field].as_str().expect("a text"));
        assert!(known.contains(id), "{name}");
    }

    for (parameters, count) in [
        (json!({}), 2),
        (json!({"q": "*:*", "rows": 1}), 2),
        (json!({"q": "service requests"}), 1),
        (json!({"q": "wards"}), 1),
        (json!({"q": "budget"}), 0),
        (
            json!({"fq": format!("name:(\"{PACKAGE}\" OR \"city-wards\")")}),
            2,
        ),
        (json!({"fq": "name:city-wards"}), 1),
        (json!({"fq": "name:(\"nothing\")"}), 0),
        (json!({"start": 1}), 2),
    ] {
        let (_, found) = post(&portal, "package_search", &parameters).await;
        assert_eq!(found["result"]["count"], count, "{parameters}");
        let shown = found["result"]["results"].as_array().expect("a list").len();
        let expected = match &parameters {
            parameters if parameters["rows"] == 1 || parameters["start"] == 1 => 1,
            _ => count,
        };
        assert_eq!(shown, expected, "{parameters}");
    }
}

#[tokio::test]
async fn missing_objects_are_refused_like_ckan_does() {
    let portal = portal();
    let not_found = json!({"__type": "Not Found Error", "message": "Not found"});
    for (action, parameters) in [
        ("package_show", json!({"id": "nothing"})),
        ("resource_show", json!({"id": "nothing"})),
        (
            "datastore_search",
            json!({"resource_id": "079766f3-815d-4257-8731-5ff6b0c84c13"}),
        ),
        ("datastore_info", json!({"id": "nothing"})),
    ] {
        let (status, answer) = post(&portal, action, &parameters).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{action}");
        assert_eq!(answer["success"], false);
        assert_eq!(answer["error"], not_found, "{action}");
    }
    let (status, answer) = post(&portal, "package_show", &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        answer["error"],
        json!({"id": ["Missing value"], "__type": "Validation Error"})
    );
    let (status, answer) = post(&portal, "package_destroy", &json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer,
        "Bad request - Action name not known: package_destroy"
    );
}

#[tokio::test]
async fn wards_are_offered_in_every_format() {
    let portal = portal();
    let (_, package) = post(&portal, "package_show", &json!({"id": "city-wards"})).await;
    let resources = package["result"]["resources"].as_array().expect("a list");
    assert_eq!(resources.len(), 5);
    for resource in resources {
        let url = resource["url"].as_str().expect("a URL");
        let answer = Client::new().get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        let bytes = answer.bytes().await.expect("a body");
        match resource["format"].as_str().expect("a text") {
            "GeoJSON" => {
                let wards: Value = serde_json::from_slice(&bytes).expect("JSON");
                let corner = &wards["features"][0]["geometry"]["coordinates"][0][0];
                let is_mtm = url.contains("2952");
                let x = corner[0].as_f64().expect("a number");
                assert_eq!((290_000.0..340_000.0).contains(&x), is_mtm, "{x}");
            }
            "CSV" => {
                let mut reader = csv::Reader::from_reader(&bytes[..]);
                let records = reader.records().collect::<Result<Vec<_>, _>>();
                assert_eq!(records.expect("a CSV").len(), 25);
            }
            _ => assert_eq!(&bytes[..2], b"PK"),
        }
    }
    let table = resources
        .iter()
        .find(|resource| resource["datastore_active"] == true);
    let id = &table.expect("a table")["id"];
    let search = json!({"resource_id": id, "q": "Don Valley", "sort": "AREA_NAME desc", "fields": ["AREA_NAME"]});
    let (_, found) = post(&portal, "datastore_search", &search).await;
    assert_eq!(
        found["result"]["records"][0],
        json!({"AREA_NAME": "Don Valley West"})
    );
    assert_eq!(found["result"]["total"], 3);
}
