//! The files in a directory.

use std::io;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

/// Returns the files below `directory`, sorted by relative path. Files and folders that `wanted` rejects are left out.
pub(crate) fn below(
    directory: &Path,
    mut wanted: impl FnMut(&DirEntry) -> bool,
) -> io::Result<Vec<String>> {
    let entries = WalkDir::new(directory).min_depth(1).into_iter();
    let mut files = Vec::new();
    for entry in entries.filter_entry(|entry| wanted(entry)) {
        let entry = entry?;
        if !entry.file_type().is_dir() {
            let path = entry.path();
            let path = path.strip_prefix(directory).unwrap_or(path);
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files.sort();
    Ok(files)
}
