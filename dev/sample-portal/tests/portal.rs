//! Tests of the portal from its clients' point of view.

use std::io::Read as _;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header};
use sample_portal::{Fault, FaultKind, Portal, PortalConfig};
use serde_json::Value;

fn portal() -> Portal {
    Portal::start(PortalConfig {
        generated_years: vec![2018, 2025],
        rows_per_year: Some(1_000),
        ..PortalConfig::default()
    })
    .expect("a free port")
}

async fn get(url: &str) -> Response {
    client().get(url).send().await.expect("an answer")
}

fn client() -> Client {
    Client::builder()
        .timeout(Duration::from_secs(2))
        .build()
        .expect("a client")
}

/// Returns the package that the portal finds by name.
async fn search(portal: &Portal, package: &str) -> Value {
    let filter = format!("fq=name%3A%28%22{package}%22%29");
    let url = format!("{}/api/3/action/package_search?{filter}", portal.url());
    let answer: Value = get(&url).await.json().await.expect("JSON");
    assert_eq!(answer["success"], true);
    answer["result"].clone()
}

/// Returns the resource of the package whose name has this suffix.
async fn resource(portal: &Portal, package: &str, ending: &str) -> Value {
    let answer = search(portal, package).await;
    let resources = answer["results"][0]["resources"]
        .as_array()
        .expect("resources");
    let found = resources.iter().find(|resource| {
        resource["name"]
            .as_str()
            .is_some_and(|name| name.ends_with(ending))
    });
    found.expect("the resource").clone()
}

async fn year(portal: &Portal, year: i16) -> (String, String) {
    let package = "311-service-requests-customer-initiated";
    let resource = resource(portal, package, &format!("Requests {year}")).await;
    let text = |name: &str| resource[name].as_str().expect("text").to_owned();
    (text("url"), text("last_modified"))
}

fn csv_in(zip: &[u8]) -> String {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).expect("a ZIP");
    assert_eq!(zip.len(), 1);
    let mut csv = Vec::new();
    let mut file = zip.by_index(0).expect("a file");
    file.read_to_end(&mut csv).expect("a CSV");
    String::from_utf8_lossy(&csv).into_owned()
}

#[tokio::test]
async fn years_are_published_as_zips_and_corrected() {
    let portal = portal();
    let (url, before) = year(&portal, 2025).await;
    let zip = get(&url).await.bytes().await.expect("a body");
    let first = csv_in(&zip);
    assert_eq!(first.lines().count(), 1_001);

    portal.touch(2025);
    let (_, touched) = year(&portal, 2025).await;
    assert!(touched > before);
    assert_eq!(get(&url).await.bytes().await.expect("a body"), zip);

    portal.correct(2025);
    let (_, corrected) = year(&portal, 2025).await;
    assert!(corrected > touched);
    let second = csv_in(&get(&url).await.bytes().await.expect("a body"));
    assert_eq!(
        second.lines().count(),
        1_000,
        "one row in a thousand is withdrawn"
    );

    portal.replace_csv(2025, b"what the test says");
    let third = get(&url).await.bytes().await.expect("a body");
    assert_eq!(csv_in(&third), "what the test says");
}

#[tokio::test]
async fn downloads_have_conditions_and_ranges() {
    let portal = portal();
    let (url, _) = year(&portal, 2018).await;
    let whole = get(&url).await;
    let etag = whole.headers()[header::ETAG].clone();
    let bytes = whole.bytes().await.expect("a body");

    let unchanged = client().get(&url).header(header::IF_NONE_MATCH, &etag);
    let unchanged = unchanged.send().await.expect("an answer");
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(unchanged.headers()[header::ETAG], etag);

    // A server compares dates by their order, and cannot know that the client has a later file.
    for (since, expected) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", StatusCode::OK),
        ("Fri, 01 Jan 2100 00:00:00 GMT", StatusCode::NOT_MODIFIED),
    ] {
        let request = client().get(&url).header(header::IF_MODIFIED_SINCE, since);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), expected);
        let is_dated = answer.headers().contains_key(header::LAST_MODIFIED);
        assert_eq!(is_dated, expected == StatusCode::OK);
    }

    let part = |condition: &str| {
        let request = client().get(&url).header(header::RANGE, "bytes=100-");
        request.header(header::IF_RANGE, condition).send()
    };
    let rest = part(etag.to_str().expect("text")).await.expect("an answer");
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(rest.bytes().await.expect("a body"), bytes[100..]);
    let other = part("\"another\"").await.expect("an answer");
    assert_eq!(other.status(), StatusCode::OK);
    assert_eq!(other.bytes().await.expect("a body"), bytes);

    let ranges: Vec<_> = portal
        .requests()
        .into_iter()
        .filter_map(|request| request.range)
        .collect();
    assert_eq!(ranges, ["bytes=100-", "bytes=100-"]);
}

#[tokio::test]
async fn boundaries_are_labelled_as_schematic() {
    let portal = portal();
    let wards = resource(&portal, "city-wards", "4326.geojson").await;
    let wards: Value = get(wards["url"].as_str().expect("a URL"))
        .await
        .json()
        .await
        .expect("JSON");
    let wards = wards["features"].as_array().expect("features");
    assert_eq!(wards.len(), 25);
    let label = wards[0]["properties"]["AREA_DESC"]
        .as_str()
        .expect("a label");
    assert!(label.contains("schematic"), "{label}");

    let zip = get(&portal.fsa_url()).await.bytes().await.expect("a body");
    let zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).expect("a ZIP");
    let mut extensions: Vec<_> = zip
        .file_names()
        .filter_map(|name| Some(name.ok()?.rsplit_once('.')?.1.to_owned()))
        .collect();
    extensions.sort_unstable();
    assert_eq!(extensions, ["dbf", "prj", "shp", "shx"]);
}

#[tokio::test]
async fn what_is_not_published_is_not_found() {
    let portal = portal();
    assert_eq!(search(&portal, "nothing").await["count"], 0);
    let (url, _) = year(&portal, 2018).await;
    let other_year = url.replace("2018", "1999");
    assert_eq!(get(&other_year).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn faults_happen_as_often_as_requested() {
    let portal = portal();
    let (url, _) = year(&portal, 2018).await;
    let fault = |kind| portal.fault(Fault::new("2018.zip", kind));
    let whole = get(&url).await.bytes().await.expect("a body");

    fault(FaultKind::status(429).retry_after(7));
    let refused = get(&url).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "7");

    fault(FaultKind::Reset);
    assert!(client().get(&url).send().await.is_err());

    fault(FaultKind::TruncateAt(500));
    let truncated = get(&url).await;
    assert_eq!(truncated.content_length(), Some(whole.len() as u64));
    assert!(truncated.bytes().await.is_err());

    fault(FaultKind::StallAt(500));
    let stalled = get(&url)
        .await
        .bytes()
        .await
        .expect_err("the client gives up");
    assert!(stalled.is_timeout(), "{stalled}");

    fault(FaultKind::Slow(1_000_000));
    assert_eq!(get(&url).await.bytes().await.expect("a body"), whole);
    assert_eq!(get(&url).await.bytes().await.expect("a body"), whole);
}

#[tokio::test]
async fn faults_and_corrections_can_be_requested_over_http() {
    let portal = portal();
    let post = |action: &str| {
        client()
            .post(format!("{}/_sample/{action}", portal.url()))
            .send()
    };
    let (url, before) = year(&portal, 2018).await;
    let done = post("faults?path=.zip&kind=status:503&times=1")
        .await
        .expect("an answer");
    assert_eq!(done.status(), StatusCode::OK);
    assert_eq!(get(&url).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    post("years/2018/correct").await.expect("an answer");
    assert!(year(&portal, 2018).await.1 > before);
    let wrong = post("faults?kind=flood").await.expect("an answer");
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let requested: Value = get(&format!("{}/_sample/requests", portal.url()))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(
        requested.as_array().map(Vec::len),
        Some(portal.requests().len())
    );
}
