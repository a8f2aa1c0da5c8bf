//! ZIP archives like the City's.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Returns a ZIP of the CSV, with its name in upper case.
pub(super) fn zip_of_csv(year: i16, csv: &[u8]) -> Vec<u8> {
    zip_of(&[(format!("SR{year}.csv"), csv)])
}

/// Returns a ZIP with these names and contents.
pub(crate) fn zip_of<B: AsRef<[u8]>>(files: &[(String, B)]) -> Vec<u8> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let written = files.iter().try_for_each(|(name, content)| {
        let content = content.as_ref();
        let is_large = u32::try_from(content.len()).is_err();
        zip.start_file(name.as_str(), options.large_file(is_large))?;
        zip.write_all(content)?;
        Ok::<(), zip::result::ZipError>(())
    });
    let finished = written.and_then(|()| zip.finish());
    finished
        .expect("writing to memory does not fail")
        .into_inner()
}
