//! ZIPs, intact and damaged.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";

/// Returns a ZIP of `files`, deflated.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    build(files, CompressionMethod::Deflated)
}

/// Returns a ZIP of `files`, stored.
pub(crate) fn stored(files: &[(&str, &[u8])]) -> Vec<u8> {
    build(files, CompressionMethod::Stored)
}

fn build(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(method);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Returns a ZIP of a symbolic link.
pub(crate) fn symlink(name: &str, target: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink(name, target, SimpleFileOptions::default())
        .unwrap();
    zip.finish().unwrap().into_inner()
}

/// Returns `zip` with every `from`, also in headers, replaced with `to` of the same length.
pub(crate) fn renamed(mut zip: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in positions(&zip, from.as_bytes()) {
        zip[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    zip
}

/// Returns `zip` with the flag for encryption at every file.
pub(crate) fn encrypted(mut zip: Vec<u8>) -> Vec<u8> {
    for (magic, offset) in [(LOCAL, 6), (CENTRAL, 8)] {
        for at in positions(&zip, magic) {
            zip[at + offset] |= 1;
        }
    }
    zip
}

/// Returns `zip` with files that its headers declare as compressed with `method`.
pub(crate) fn compressed_by(mut zip: Vec<u8>, method: u8) -> Vec<u8> {
    for (magic, offset) in [(LOCAL, 8), (CENTRAL, 10)] {
        for at in positions(&zip, magic) {
            zip[at + offset] = method;
        }
    }
    zip
}

/// Returns `zip` with a directory and headers that declare `size` bytes for every file.
pub(crate) fn declared(zip: Vec<u8>, size: u32) -> Vec<u8> {
    let mut zip = misdirected(zip, size);
    for at in positions(&zip, LOCAL) {
        zip[at + 22..at + 26].copy_from_slice(&size.to_le_bytes());
    }
    zip
}

/// Returns `zip` with a directory alone that has `size` bytes for every file, which its headers contradict.
pub(crate) fn misdirected(mut zip: Vec<u8>, size: u32) -> Vec<u8> {
    for at in positions(&zip, CENTRAL) {
        zip[at + 24..at + 28].copy_from_slice(&size.to_le_bytes());
    }
    zip
}

/// Returns `zip` with a directory in which every file starts where the first one does.
pub(crate) fn overlapping(mut zip: Vec<u8>) -> Vec<u8> {
    for at in positions(&zip, CENTRAL) {
        zip[at + 42..at + 46].fill(0);
    }
    zip
}

/// Returns `zip` with another byte in the content of its first file.
pub(crate) fn damaged(mut zip: Vec<u8>) -> Vec<u8> {
    let name = usize::from(u16::from_le_bytes([zip[26], zip[27]]));
    let extra = usize::from(u16::from_le_bytes([zip[28], zip[29]]));
    zip[30 + name + extra + 20] ^= 0x55;
    zip
}

/// Returns `zip` without its last `bytes`.
pub(crate) fn shortened(mut zip: Vec<u8>, bytes: usize) -> Vec<u8> {
    zip.truncate(zip.len() - bytes);
    zip
}

fn positions(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == needle);
    found.map(|(at, _)| at).collect()
}
