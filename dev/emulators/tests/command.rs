//! The command, as `make test` uses it.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::process::Command;

#[test]
fn a_command_is_told_of_both_emulators_and_ends_as_it_ends() {
    let script = r#"printf '%s %s' "$STORAGE_EMULATOR_HOST" "$BIGQUERY_EMULATOR_HOST"; exit 7"#;
    let output = Command::new(env!("CARGO_BIN_EXE_emulators"))
        .args(["sh", "-c", script])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}\n{errors}");
    let addresses: Vec<&str> = said.split(' ').collect();
    assert!(
        addresses.len() == 2
            && addresses
                .iter()
                .all(|url| url.starts_with("http://127.0.0.1:")),
        "{said}"
    );
}
