//! PyPI's `ckanapi` and `toronto-open-data` list, show and download from the portal.

use std::env;
use std::process::Command;

use jiff::civil::date;
use sample_portal::{Portal, PortalConfig};
use serde_json::{Value, json};

#[test]
fn independent_clients_work_with_the_portal() {
    let python = env::var("CLIENTS_PYTHON")
        .unwrap_or_else(|_| panic!("CLIENTS_PYTHON is not set: run the tests with `make test`"));
    let portal = Portal::start(PortalConfig {
        generated_years: vec![2012, 2021, 2026],
        rows_per_year: Some(300),
        today: Some(date(2027, 1, 5)),
        ..PortalConfig::default()
    })
    .expect("free ports");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/clients.py");
    let output = Command::new(python)
        .args([script, portal.url()])
        .output()
        .expect("Python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8(output.stdout).expect("text");
    let answer: Value =
        serde_json::from_str(printed.lines().last().expect("a line")).expect("JSON");

    let packages = json!(["311-service-requests-customer-initiated", "city-wards"]);
    let year = json!({"lines": 301, "same": true});
    for method in ["post", "get"] {
        let expected = json!({
            "packages": packages,
            "title": "Generated sample: 311 Service Requests - Customer Initiated",
            "found": 1,
            "missing": "NotFound",
            "wards": 25,
            "years": {"SR2012.csv": year, "SR2021.csv": year, "SR2026.csv": year},
        });
        assert_eq!(answer[method], expected, "{method}");
    }
    let expected = json!({
        "packages": packages,
        "found": ["city-wards"],
        "downloaded": [
            "311 Service Requests Readme",
            "311 Service Requests 2012",
            "311 Service Requests 2026",
        ],
        "link": true,
        "readme": "[Content_Types].xml",
        "wards": [25, 25],
        "missing": null,
    });
    assert_eq!(answer["toronto_open_data"], expected, "{printed}");
}
