use std::io::Cursor;

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const LIMITS: Limits = Limits {
    download_bytes: 1 << 20,
    content_bytes: 1 << 16,
};
const CSV: &[u8] = b"Creation Date,Status\r\n2023-01-01 00:10:38.0000000,Completed\r\n";

fn sound() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("SR2023.csv", CSV), ("readme.txt", b"see the portal")] {
        zip.start_file(name, SimpleFileOptions::default())
            .expect("a name");
        zip.write_all(content).expect("memory");
    }
    zip.finish().expect("memory").into_inner()
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    let mut file = tempfile::tempfile().expect("temporary file");
    file.write_all(bytes).expect("written");
    let mut archive = Archive::open("it", file, LIMITS)?;
    let member = archive.only("csv")?;
    let mut content = Vec::new();
    archive.inflate(&member, &mut content)?;
    Ok(content)
}

#[test]
fn an_intact_archive_returns_its_csv() {
    assert_eq!(unpack(&sound()).expect("sound"), CSV);
}

#[test]
fn a_message_lists_some_of_many_names_on_one_line() {
    let names: Vec<String> = (0..100)
        .map(|number| format!("{number:02}\n{}", "x".repeat(10_000)))
        .collect();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in &names {
        zip.start_file(name.as_str(), SimpleFileOptions::default())
            .expect("a name");
    }
    let zip = zip.finish().expect("memory").into_inner();
    let message = unpack(&zip).expect_err("no CSV").to_string();
    assert!(
        message.starts_with("it contains no CSV file, only 00 xxx"),
        "{message}"
    );
    assert!(message.ends_with(", and 90 more"), "{message}");
    assert!(message.len() < 4000, "{} bytes", message.len());
}

proptest! {
    /// A changed archive returns an error or its content, and never panics or exceeds the limit.
    #[test]
    fn after_any_change_the_csv_is_complete_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = sound();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(content) = unpack(&bytes) {
            prop_assert_eq!(content, CSV);
        }
    }

    #[test]
    fn any_bytes_are_refused(start in "PK\x03\x04|PK\x05\x06|PK|", rest in any::<Vec<u8>>()) {
        let bytes = [start.as_bytes(), &rest].concat();
        prop_assert!(unpack(&bytes).is_err());
    }
}
