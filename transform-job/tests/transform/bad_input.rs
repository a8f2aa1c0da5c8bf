//! Files that are refused as a whole: the exit code, the message, and that no output for a later stage is left.

use proptest::prelude::*;
use serde_json::json;
use shared::testing::{Job, TestLake};

use crate::{HEADER, clean_manifest, csv, hand_over, job, put_year, sound_row, transform};

fn refused(csv: &[u8], exit: i32, cause: &str) {
    let lake = TestLake::default();
    let key = put_year(&lake, 2024, csv);
    let outcome = transform(&lake, &key);
    let message = outcome.failed(exit);
    assert!(
        message.contains(cause),
        "{message:?} does not contain {cause:?}"
    );
    assert!(
        message.contains("raw/service-requests/2024/"),
        "{message:?} does not contain the file"
    );
    assert_eq!(lake.objects("clean/").len(), 0);
    let hand_over = hand_over(&lake);
    assert_eq!(hand_over["partitions"], json!({}));
    assert_eq!(hand_over["refused"]["2024"]["exit"], exit);
}

#[test]
fn a_wrong_header_is_refused() {
    refused(
        b"date,kind,place\n1,2,3\n",
        20,
        "the first line is not a header of this contract",
    );
    refused(
        b"<!DOCTYPE html>\n<html></html>\n",
        20,
        "the first line is not a header",
    );
    refused(b"", 20, "the file is empty");
    refused(
        &HEADER.replace("Ward,", "").into_bytes(),
        20,
        "required columns are missing: Ward;",
    );
}

#[test]
fn binary_garbage_is_refused() {
    let garbage: Vec<u8> = (0..50_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    refused(&garbage, 20, "the header has 4 NUL bytes");
    let mut after_header = csv(&[]).into_bytes();
    after_header.extend_from_slice(&garbage);
    refused(&after_header, 20, "rows violate the contract");
}

#[test]
fn a_file_without_rows_is_refused() {
    refused(csv(&[]).as_bytes(), 20, "has a header and no rows");
    refused(
        format!("{HEADER}\r\n\r\n\r\n").as_bytes(),
        20,
        "has a header and no rows",
    );
}

#[test]
fn a_file_of_bad_rows_is_refused_with_the_first_of_each_reason() {
    let bad: Vec<String> = (0..1000).map(|row| format!("row {row}")).collect();
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    refused(
        csv(&bad).as_bytes(),
        20,
        "51 of the first 51 rows violate the contract, more than a file may have: 51 field_count (first: line 2: 1 of 9 fields)",
    );
}

#[test]
fn an_endless_line_is_refused_in_bounded_memory() {
    let mut text = csv(&[&sound_row(0)]).into_bytes();
    text.resize(100 << 20, b'x');
    refused(&text, 20, "line 3 is longer than 65536 bytes");
}

#[test]
fn an_endless_line_with_damage_reports_the_damage() {
    let mut text = csv(&[&sound_row(0)]).into_bytes();
    text.resize(text.len() + 80_000, b'x');
    text.resize(text.len() + 5000, 0);
    text.resize(text.len() + 80_000, b'x');
    refused(
        &text,
        20,
        "a run of 5000 NUL bytes: the file is damaged at this line",
    );
    text.resize(text.len() + (1 << 20), b'x');
    refused(
        &text,
        20,
        "a run of 5000 NUL bytes: the file is damaged at this line",
    );
}

#[test]
fn more_refused_text_than_fits_in_memory_is_refused() {
    let lake = TestLake::default();
    let long = "x".repeat(60_000);
    // Also if the lines are empty at which memory might be checked.
    let mut lines = vec![long.as_str(); 3000];
    lines
        .iter_mut()
        .skip(254)
        .step_by(256)
        .for_each(|line| *line = "");
    let text = csv(&lines);
    let key = put_year(&lake, 2024, text.as_bytes());
    let outcome = job(&lake, &key).env("MAX_QUARANTINE_RATIO", "1").run();
    let cause = outcome.failed(20);
    assert!(
        cause.contains("the file has more than 160 MiB of different values, or of refused rows"),
        "{cause}"
    );
    assert!(
        cause.contains("field_count (first: line 2: 1 of 9 fields)"),
        "{cause}"
    );
}

#[test]
fn more_distinct_text_than_fits_in_memory_is_refused() {
    let lake = TestLake::default();
    let mut text = csv(&[]);
    for row in 0..3000 {
        let street = "x".repeat(60_000);
        text += &sound_row(row).replacen(",,", &format!(",{row} {street},"), 1);
        text.push('\n');
    }
    let key = put_year(&lake, 2024, text.as_bytes());
    let outcome = transform(&lake, &key);
    assert!(
        outcome.failed(20).contains("more than 160 MiB"),
        "{outcome}"
    );
}

/// Many short values take more memory than their text.
#[test]
fn values_that_are_too_many_are_refused() {
    let lake = TestLake::default();
    let wards = |count: usize| {
        let row =
            |ward: usize| sound_row(ward % 86_400).replace("Davenport (09)", &format!("W{ward}"));
        let rows: Vec<String> = (0..count).map(row).collect();
        csv(&rows.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let max = usize::from(u16::MAX);
    let key = put_year(&lake, 2024, wards(max + 1).as_bytes());
    let outcome = transform(&lake, &key);
    let cause = outcome.failed(20);
    assert!(
        cause.contains("more than 65535 different values of Ward"),
        "{cause}"
    );
    // Each was resolved once, and drift has a hundred of them.
    let key = put_year(&lake, 2024, wards(max).as_bytes());
    transform(&lake, &key).finished();
    let manifest = clean_manifest(&lake);
    let drift = manifest["drift"].as_array().unwrap();
    let rows = drift.iter().map(|drift| drift["rows"].as_u64().unwrap());
    assert_eq!((drift.len(), rows.sum::<u64>()), (101, max as u64));
}

#[test]
fn long_values_outside_the_contract_are_shown_in_part_and_counted() {
    let lake = TestLake::default();
    let rows = (0..400).map(|row| {
        let status = format!("{row} {}", "é".repeat(20_000));
        sound_row(row).replacen("Completed", &status, 1)
    });
    let rows: Vec<String> = rows.collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let key = put_year(&lake, 2024, csv(&rows).as_bytes());
    transform(&lake, &key).finished();
    let manifest = clean_manifest(&lake);
    let drift = manifest["drift"].as_array().unwrap();
    let rows = drift.iter().map(|drift| drift["rows"].as_u64().unwrap());
    assert_eq!((drift.len(), rows.sum::<u64>()), (101, 400));
    for one in drift {
        assert!(one["subject"].as_str().unwrap().len() <= 200, "{one}");
    }
}

#[test]
fn without_a_hand_over_there_is_nothing_to_read() {
    let lake = TestLake::default();
    let outcome = Job::new(env!("CARGO_BIN_EXE_transform-job"))
        .env("LAKE_URL", lake.url())
        .env("RUN_ID", "never")
        .run();
    assert!(
        outcome
            .failed(10)
            .contains("runs/never/extract-0-0.json is not in the lake")
    );
}

#[test]
fn every_problem_of_the_environment_is_reported_at_once() {
    let outcome = Job::new(env!("CARGO_BIN_EXE_transform-job"))
        .env("YEARS", "soon")
        .env("MAX_QUARANTINE_RATIO", "5")
        .run();
    let cause = outcome.failed(10);
    for variable in ["LAKE_URL", "YEARS", "MAX_QUARANTINE_RATIO"] {
        assert!(cause.contains(variable), "{cause}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// For any lines, the job ends with a documented exit code, and a manifest accounts for every row.
    #[test]
    fn rows_are_accounted_for(
        lines in prop::collection::vec(
            prop_oneof![
                3 => (0_usize..86_400).prop_map(|second| sound_row(second).into_bytes()),
                1 => prop::collection::vec(any::<u8>(), 0..80),
                1 => "[-\"0-9a-zA-Z,:. ()]{0,90}".prop_map(String::into_bytes),
                1 => "[, ]{0,9}".prop_map(String::into_bytes),
            ],
            1..60,
        ),
    ) {
        let mut text = csv(&[]).into_bytes();
        for line in &lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let lake = TestLake::default();
        let key = put_year(&lake, 2024, &text);
        let outcome = job(&lake, &key).env("MAX_QUARANTINE_RATIO", "1").run();
        prop_assert!([0, 20].contains(&outcome.exit), "{outcome:#?}");
        for manifest in lake.manifests("clean/").values() {
            let count = |name: &str| manifest["rows"][name].as_u64().unwrap();
            prop_assert_eq!(count("read"), count("kept") + count("quarantined"));
            let is_blank = |line: &&[u8]| line.iter().all(|byte| *byte == b',' || byte.is_ascii_whitespace());
            let blank = text.split(|&byte| byte == b'\n').filter(is_blank).count() as u64;
            let all = text.split(|&byte| byte == b'\n').count() as u64;
            prop_assert_eq!(count("read"), all - blank - 1);
            prop_assert_eq!(&manifest["manifest"], &json!("v1"));
        }
    }
}
