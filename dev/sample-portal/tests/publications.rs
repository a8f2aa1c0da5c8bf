//! The portal changes like the City's.

use std::io::Read as _;
use std::time::Duration;

use jiff::civil::date;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, header};
use sample_portal::{Offer, Portal, PortalConfig};
use serde_json::{Value, json};

const PACKAGE: &str = "311-service-requests-customer-initiated";

fn portal() -> Portal {
    Portal::start(PortalConfig {
        generated_years: vec![2021, 2025, 2026],
        rows_per_year: Some(1_200),
        today: Some(date(2026, 6, 10)),
        ..PortalConfig::default()
    })
    .expect("free ports")
}

fn client() -> Client {
    Client::builder()
        .timeout(Duration::from_secs(5))
        .redirect(Policy::none())
        .build()
        .expect("a client")
}

async fn get(url: &str) -> Response {
    client().get(url).send().await.expect("an answer")
}

async fn action(portal: &Portal, action: &str) -> Value {
    let answer = get(&format!("{}/api/3/action/{action}", portal.url())).await;
    answer.json().await.expect("JSON")
}

/// Returns the resources of a year in CKAN's description.
async fn resources(portal: &Portal, year: i16) -> Vec<Value> {
    let package = action(portal, &format!("package_show?id={PACKAGE}")).await;
    let resources = package["result"]["resources"].as_array().expect("a list");
    let is_of_year = |resource: &&Value| {
        resource["name"]
            .as_str()
            .is_some_and(|name| name.contains(&year.to_string()) && !name.contains("Readme"))
    };
    resources.iter().filter(is_of_year).cloned().collect()
}

async fn resource(portal: &Portal, year: i16) -> Value {
    resources(portal, year).await.swap_remove(0)
}

/// Returns the lines of the file of a resource.
async fn lines(resource: &Value) -> Vec<String> {
    let bytes = get(url(resource)).await.bytes().await.expect("a body");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a ZIP");
    let mut csv = Vec::new();
    let mut file = zip.by_index(0).expect("a file");
    file.read_to_end(&mut csv).expect("a CSV");
    let text = String::from_utf8_lossy(&csv);
    text.lines().skip(1).map(str::to_owned).collect()
}

fn url(resource: &Value) -> &str {
    resource["url"].as_str().expect("a URL")
}

fn text<'a>(resource: &'a Value, name: &str) -> &'a str {
    resource[name].as_str().expect("a text")
}

#[tokio::test]
async fn the_current_year_is_published_up_to_the_last_complete_month() {
    let portal = portal();
    assert_eq!(portal.publications(2026), 5);
    assert_eq!(portal.publications(2025), 15);
    let may = resource(&portal, 2026).await;
    assert_eq!(text(&may, "last_modified"), "2026-06-01T13:02:11");
    let may = lines(&may).await;
    assert!(may.iter().all(|line| &line[..7] <= "2026-05"), "{may:?}");

    let mut earlier: Vec<String> = Vec::new();
    for publication in 1..=5 {
        portal.publish(2026, publication).expect("published");
        let resource = resource(&portal, 2026).await;
        let month = format!("2026-{:02}-01T13:02:11", publication + 1);
        assert_eq!(text(&resource, "last_modified"), month);
        let now = lines(&resource).await;
        assert!(now.len() > earlier.len());
        for (line, before) in now.iter().zip(&earlier) {
            assert_eq!(without_status(line), without_status(before));
        }
        earlier = now;
    }
    assert_eq!(earlier, may);
    assert!(portal.publish(2026, 6).is_err(), "June is not over");
}

fn without_status(line: &str) -> (&str, &str) {
    let (created, rest) = line.split_once(',').expect("a time");
    (created, rest.split_once(',').expect("a status").1)
}

#[tokio::test]
async fn an_upload_has_the_current_date_and_then_its_sources() {
    let portal = portal();
    portal.publish(2026, 4).expect("published");
    let april = resource(&portal, 2026).await;
    portal.upload(2026, 5).expect("uploaded");
    let uploaded = resource(&portal, 2026).await;
    portal.set_source_date(2026).expect("dated");
    let may = resource(&portal, 2026).await;
    assert!(text(&uploaded, "last_modified") > "2026-06-10T14:15:09");
    assert_eq!(text(&may, "last_modified"), "2026-06-01T13:02:11");
    assert_eq!(lines(&uploaded).await, lines(&may).await);
    assert_ne!(april["metadata_modified"], uploaded["metadata_modified"]);

    portal.roll_back(2026).expect("rolled back");
    let back = resource(&portal, 2026).await;
    assert_eq!(back["last_modified"], april["last_modified"]);
    assert_eq!(lines(&back).await, lines(&april).await);
}

#[tokio::test]
async fn a_renamed_resource_is_followed_by_a_second_one() {
    let portal = portal();
    portal
        .rename(2026, "311 Service Requests 2026 (January to April)")
        .expect("renamed");
    assert_eq!(resources(&portal, 2026).await.len(), 1);
    portal.publish(2026, 5).expect("published");
    let both = resources(&portal, 2026).await;
    assert_eq!(both.len(), 2);
    assert_ne!(both[0]["id"], both[1]["id"]);
    assert_eq!(both[1]["name"], "311 Service Requests 2026");
    assert_eq!(both[0]["last_modified"], "2026-06-01T13:02:11");
    assert_eq!(both[1]["last_modified"], "2026-06-01T13:02:11");
    assert!(text(&both[0], "created") < text(&both[1], "created"));
    assert_eq!(lines(&both[0]).await, lines(&both[1]).await);
}

#[tokio::test]
async fn a_linked_year_is_on_another_host_and_has_no_date() {
    let portal = portal();
    let link = resource(&portal, 2021).await;
    for name in ["last_modified", "url_type", "size", "mimetype"] {
        assert_eq!(link[name], Value::Null, "{name}");
    }
    let expected = "/data/311/opendata/servicerequest/SR2021.zip";
    assert_eq!(url(&link), format!("{}{expected}", portal.file_host_url()));
    assert!(url(&link).starts_with("http://127.0.0.2:"));
    let own = format!(
        "{}/dataset/2e54bc0e-4399-4076-b717-351df5918ae7/resource/{}/download/sr2021.zip",
        portal.url(),
        text(&link, "id")
    );
    let redirect = get(&own).await;
    assert_eq!(redirect.status(), StatusCode::FOUND);
    assert_eq!(redirect.headers()[header::LOCATION], url(&link));

    let head = |_: &str| client().head(url(&link)).send();
    let first = head("first").await.expect("an answer");
    assert_eq!(
        first.headers()[header::LAST_MODIFIED],
        "Fri, 01 Apr 2022 13:02:11 GMT"
    );
    portal.correct(2021);
    assert_eq!(resource(&portal, 2021).await, link, "CKAN shows no change");
    let second = head("second").await.expect("an answer");
    for name in [header::ETAG, header::LAST_MODIFIED] {
        assert_ne!(first.headers()[&name], second.headers()[&name]);
    }

    portal.stop_file_host();
    let refused = head("refused").await.expect_err("the host is down");
    assert!(refused.is_connect(), "{refused}");
    assert_eq!(get(&own).await.status(), StatusCode::FOUND);
    portal.start_file_host().expect("the port is free");
    assert_eq!(
        head("again").await.expect("an answer").status(),
        StatusCode::OK
    );
    let hosts: Vec<_> = portal
        .requests()
        .into_iter()
        .map(|request| request.host)
        .collect();
    assert!(hosts.iter().any(|host| host.starts_with("127.0.0.2:")));
}

#[tokio::test]
async fn a_year_can_be_a_csv_or_a_table_of_the_datastore() {
    let portal = portal();
    let zipped = lines(&resource(&portal, 2025).await).await;
    portal.offer(2025, Offer::Csv).expect("offered");
    let csv = resource(&portal, 2025).await;
    assert_eq!(
        [&csv["format"], &csv["url_type"]],
        [&json!("CSV"), &json!("upload")]
    );
    assert!(url(&csv).ends_with("/download/sr2025.csv"));
    let bytes = get(url(&csv)).await.bytes().await.expect("a body");
    assert_eq!(
        String::from_utf8_lossy(&bytes).lines().count(),
        zipped.len() + 1
    );

    portal.offer(2025, Offer::Datastore).expect("offered");
    let table = resource(&portal, 2025).await;
    assert_eq!(
        [&table["format"], &table["url_type"]],
        [&json!("CSV"), &json!("datastore")]
    );
    assert_eq!(table["datastore_active"], true);
    let id = text(&table, "id");
    assert_eq!(url(&table), format!("{}/datastore/dump/{id}", portal.url()));
    let dump = get(url(&table)).await.text().await.expect("a text");
    let mut reader = csv::Reader::from_reader(dump.as_bytes());
    assert_eq!(&reader.headers().expect("a header")[0], "_id");
    let records: Vec<csv::StringRecord> = reader
        .records()
        .map(|record| record.expect("ten fields"))
        .collect();
    assert_eq!(records.len(), zipped.len());
    assert!(
        records
            .iter()
            .all(|record| &record[1][10..11] == "T" && record[1].len() == 19)
    );
    let comma = records.iter().find(|record| record[8].contains(','));
    let comma = comma.expect("a division with a comma");
    assert_eq!(&comma[8], "Environment, Climate & Forestry");
    assert!(dump.contains(",\"Environment, Climate & Forestry\","));

    let found = action(
        &portal,
        &format!("datastore_search?resource_id={id}&limit=3"),
    )
    .await;
    assert_eq!(found["result"]["total"], zipped.len());
    assert_eq!(found["result"]["records"][2]["_id"], 3);
    let filter = "filters=%7B%22Division%22%3A%22Toronto%20Water%22%7D&limit=0";
    let water = action(
        &portal,
        &format!("datastore_search?resource_id={id}&{filter}"),
    )
    .await;
    let expected = records
        .iter()
        .filter(|record| &record[8] == "Toronto Water")
        .count();
    assert_eq!(water["result"]["total"], expected);

    portal.offer(2025, Offer::Zip).expect("offered");
    let none = action(&portal, &format!("datastore_search?resource_id={id}")).await;
    assert_eq!(none["error"]["__type"], "Not Found Error");
}

#[tokio::test]
async fn a_lagging_index_is_visible_only_in_searches() {
    let portal = portal();
    let search = |portal: &Portal| {
        let url = format!(
            "{}/api/3/action/package_search?fq=name:{PACKAGE}",
            portal.url()
        );
        async move { get(&url).await.json::<Value>().await.expect("JSON") }
    };
    let before = search(&portal).await;
    portal.freeze_search(true);
    portal.touch(2025);
    assert_eq!(search(&portal).await, before);
    assert_eq!(
        resource(&portal, 2025).await["last_modified"],
        "2026-04-02T13:02:11"
    );
    portal.freeze_search(false);
    assert_ne!(search(&portal).await, before);
}

#[tokio::test]
async fn every_control_is_an_action_over_http() {
    let portal = portal();
    let post = |action: &str| {
        client()
            .post(format!("{}/_sample/{action}", portal.url()))
            .send()
    };
    for action in [
        "years/2026/publish?publication=3",
        "years/2026/upload?publication=4",
        "years/2026/date",
        "years/2026/rollback",
        "years/2026/rename?name=Requests%202026",
        "years/2025/offer?as=datastore",
        "years/2025/offer?as=csv",
        "years/2021/correct",
        "years/2021/touch",
        "file-host/down",
        "file-host/up",
        "search/freeze",
        "search/thaw",
    ] {
        let answer = post(action).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{action}");
    }
    for action in [
        "years/2026/publish",
        "years/2026/publish?publication=6",
        "years/1999/rollback",
        "years/2025/offer?as=tape",
        "years/soon/touch",
        "nothing",
    ] {
        let answer = post(action).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{action}");
    }
    let count = get(&format!("{}/_sample/years/2026/publications", portal.url())).await;
    assert_eq!(count.json::<Value>().await.expect("JSON"), 5);
    assert_eq!(resource(&portal, 2026).await["name"], "Requests 2026");
}

#[tokio::test]
async fn synthetic_data_are_labelled_and_real_files_are_not() {
    let portal = portal();
    let package = &action(&portal, &format!("package_show?id={PACKAGE}")).await["result"];
    assert!(text(package, "title").starts_with("Generated sample: "));
    assert_eq!(text(package, "license_id"), "notspecified");
    assert_eq!(text(package, "license_title"), "None: generated data");
    assert_eq!(
        package["extras"],
        json!([{"key": "generated", "value": "true"}])
    );
    let resources = package["resources"].as_array().expect("a list");
    let is_marked = |resource: &Value| {
        resource["generated"] == true
            && text(resource, "description").starts_with("Generated sample")
    };
    assert!(resources.iter().all(is_marked));
    let boundaries = reqwest::get(portal.fsa_url()).await.expect("a file");
    assert_eq!(boundaries.headers()["x-generated-data"], "true");

    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/city");
    let portal = Portal::start(PortalConfig {
        files: Some(files.into()),
        ..PortalConfig::default()
    })
    .expect("free ports");
    for name in [PACKAGE, "city-wards"] {
        let package = &action(&portal, &format!("package_show?id={name}")).await["result"];
        assert!(!text(package, "title").contains("Generated"), "{package}");
        assert_eq!(
            text(package, "license_id"),
            "open-government-licence-toronto"
        );
        let resources = package["resources"].as_array().expect("a list").iter();
        // Only the readme is not the City's.
        let marked = resources.filter(|resource| is_marked(resource)).count();
        assert_eq!(marked, usize::from(name == PACKAGE));
    }
    let boundaries = reqwest::get(portal.fsa_url()).await.expect("a file");
    assert!(!boundaries.headers().contains_key("x-generated-data"));
}
