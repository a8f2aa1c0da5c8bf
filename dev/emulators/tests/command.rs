//! Tests of the command, as used by `make test`.

#![allow(clippy::unwrap_used, reason = "tests panic on errors")]

use std::process::Command;

#[test]
fn a_command_gets_both_addresses_and_its_exit_code_is_returned() {
    let script = r#"printf '%s %s' "$STORAGE_EMULATOR_HOST" "$BIGQUERY_EMULATOR_HOST"; exit 7"#;
    let output = Command::new(env!("CARGO_BIN_EXE_emulators"))
        .args(["sh", "-c", script])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{printed}\n{errors}");
    let addresses: Vec<&str> = printed.split(' ').collect();
    assert!(
        addresses.len() == 2
            && addresses
                .iter()
                .all(|url| url.starts_with("http://127.0.0.1:")),
        "{printed}"
    );
}
