//! Lakes that were altered: nothing is made of another content than a manifest states, and what is lost is made again.

use std::fs;

use serde_json::{Value, json};
use shared::key::Key;
use shared::partition::Partition;
use shared::testing::{TestLake, city_files};

use crate::{csv, job, put_year, sound_row, transform};

/// Changes the JSON object under `key`.
fn edit(lake: &TestLake, key: &str, change: impl FnOnce(&mut Value)) {
    let path = lake.path().join(key);
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

/// Returns the key of the only object that ends in `suffix`.
fn only(lake: &TestLake, suffix: &str) -> String {
    let keys = lake.objects("").into_keys();
    let mut found = keys.filter(|key| key.ends_with(suffix));
    let key = found.next().expect("an object");
    assert_eq!(found.next(), None);
    key
}

fn assert_altered(lake: &TestLake, manifest: &Key, key: &str) {
    let outcome = transform(lake, manifest);
    let cause = outcome.failed(70);
    assert!(cause.contains(&format!("{key} has ")), "{cause}");
    assert!(cause.contains("but its manifest states"), "{cause}");
    assert!(lake.objects("clean/").is_empty(), "{cause}");
}

/// Also where it would not parse: what cannot be read is not the publisher's fault.
#[test]
fn a_csv_that_was_altered_is_not_transformed() {
    let rows: Vec<String> = (0..300).map(sound_row).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let intact = csv(&rows).into_bytes();
    let lake = TestLake::default();
    let manifest = put_year(&lake, 2024, &intact);
    let path = lake.path().join(only(&lake, "SR2024.csv"));
    let key = only(&lake, "SR2024.csv");
    let replaced = |from: &str, to: &str| {
        let text = String::from_utf8(intact.clone()).unwrap();
        text.replacen(from, to, 1).into_bytes()
    };
    let alterations = [
        // As many lines and bytes as before.
        replaced("Completed", "Cancelled"),
        // A header, and so exit code 20, if it were believed.
        replaced("Creation Date", "Creation Dame"),
        replaced("2024-01-02 00:00:03", "03/02/2024 00:00:0"),
        // More refused rows than are allowed.
        intact.iter().map(|byte| byte & 0x7e).collect(),
        intact[..intact.len() - 40].to_vec(),
    ];
    for altered in &alterations {
        fs::write(&path, altered).unwrap();
        assert_altered(&lake, &manifest, &key);
    }
    // Manifests of earlier versions state the SHA-256 alone.
    edit(&lake, manifest.as_str(), |manifest| {
        manifest["object"].as_object_mut().unwrap().remove("crc32c");
    });
    for altered in &alterations[..2] {
        fs::write(&path, altered).unwrap();
        assert_altered(&lake, &manifest, &key);
    }
    fs::write(&path, &intact).unwrap();
    transform(&lake, &manifest).finished();
}

#[test]
fn boundaries_that_were_altered_are_not_transformed() {
    let lake = TestLake::default();
    let wards = fs::read(city_files().join("boundaries/city-wards.geojson")).unwrap();
    let manifest = lake.put_raw(
        Partition::CityWards,
        "city-wards.geojson",
        crate::DAY,
        &wards,
    );
    let key = only(&lake, "city-wards.geojson");
    let altered = String::from_utf8(wards).unwrap().replacen("43.", "44.", 1);
    fs::write(lake.path().join(&key), altered).unwrap();
    assert_altered(&lake, &manifest, &key);
}

#[test]
fn a_manifest_in_the_place_of_another_is_not_believed() {
    let lake = TestLake::default();
    let manifest = put_year(&lake, 2024, csv(&[&sound_row(0)]).as_bytes());
    for (field, value) in [("partition", json!("2023")), ("partition", json!("-1"))] {
        edit(&lake, manifest.as_str(), |manifest| {
            manifest[field] = value.clone();
        });
        let outcome = transform(&lake, &manifest);
        assert!([20, 70].contains(&outcome.exit), "{outcome}");
        assert!(outcome.to_string().contains(manifest.as_str()), "{outcome}");
        assert!(lake.objects("clean/").is_empty());
    }
}

#[test]
fn a_result_whose_objects_are_lost_is_made_again() {
    let lake = TestLake::default();
    let manifest = put_year(&lake, 2024, csv(&[&sound_row(0), "bad"]).as_bytes());
    let run = || job(&lake, &manifest).env("MAX_QUARANTINE_RATIO", "1").run();
    run().finished();
    let whole = lake.objects("clean/");
    for lost in ["2024-01.parquet", "quarantine.parquet"] {
        fs::remove_file(lake.path().join(only(&lake, lost))).unwrap();
        let outcome = run();
        assert_eq!(outcome.finished()["produced"], 1);
        let warning = outcome.event("object missing or altered, transforming again");
        assert!(
            warning["key"].as_str().unwrap().ends_with(lost),
            "{warning}"
        );
        assert_eq!(lake.objects("clean/"), whole);
    }
    let altered = only(&lake, "2024-01.parquet");
    fs::write(lake.path().join(&altered), "altered").unwrap();
    let outcome = run();
    let cause = outcome.failed(70);
    assert!(
        cause.contains(&format!("cannot create {altered}")),
        "{cause}"
    );
    assert!(cause.contains("remove the object and run again"), "{cause}");
    fs::remove_file(lake.path().join(&altered)).unwrap();
    run().finished();
    assert_eq!(lake.objects("clean/"), whole);
}
