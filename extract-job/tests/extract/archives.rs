//! Everything that can be wrong with the published file leads to a clear error and leaves nothing half done.

use crate::scripted::{Answer, FILE, Scripted};
use crate::zips::{
    compressed_by, damaged, declared, encrypted, misdirected, overlapping, renamed, shortened,
    stored, symlink, zip,
};

const CSV: &[u8] = b"Creation Date,Status\r\n2023-01-01 00:10:38.0000000,Completed\r\n";

/// The fault, the published file and the expected error.
type Case = (&'static str, Vec<u8>, &'static str);

fn good() -> Vec<u8> {
    zip(&[("SR2023.csv", CSV)])
}

/// Returns the results of a broken transfer or server; a retry may help.
fn damages() -> Vec<Case> {
    vec![
        (
            "an HTML page",
            b"\n<!DOCTYPE html><title>Down for maintenance</title>".to_vec(),
            "is neither a ZIP nor a CSV but an HTML page",
        ),
        (
            "an empty file",
            Vec::new(),
            "is neither a ZIP nor a CSV but nothing",
        ),
        (
            "another binary file",
            b"\x1f\x8b\x08\0\0\0\0\0".to_vec(),
            "is neither a ZIP nor a CSV but binary data",
        ),
        ("no end", shortened(good(), 30), "is truncated"),
        (
            "only the start",
            shortened(good(), good().len() - 20),
            "is truncated",
        ),
        (
            "another checksum",
            damaged(stored(&[("SR2023.csv", CSV)])),
            "contains a damaged SR2023.csv (Invalid checksum)",
        ),
        (
            "damaged content",
            damaged(zip(&[("SR2023.csv", &CSV.repeat(20))])),
            "contains a damaged SR2023.csv",
        ),
        (
            "a size that is too large",
            declared(good(), 1000),
            "bytes instead of 1000",
        ),
        (
            "a size in the directory that is too small",
            misdirected(good(), 10),
            "contains a damaged SR2023.csv (its header has",
        ),
    ]
}

/// Returns intact archives that contain something other than one CSV.
fn surprises() -> Vec<Case> {
    vec![
        ("nothing", zip(&[]), "is an empty ZIP"),
        (
            "only files of operating systems",
            zip(&[
                ("__MACOSX/._SR2023.csv", CSV),
                ("a/._SR2023.csv", CSV),
                ("Thumbs.db", CSV),
            ]),
            "is an empty ZIP",
        ),
        (
            "no CSV",
            zip(&[("readme.txt", CSV), ("SR2023.xlsx", CSV)]),
            "contains no CSV file, only readme.txt, SR2023.xlsx",
        ),
        (
            "two CSVs",
            zip(&[("SR2023.csv", CSV), ("old/SR2022.CSV", CSV)]),
            "contains several CSV files instead of one: SR2023.csv, old/SR2022.CSV",
        ),
        (
            "an empty CSV",
            zip(&[("SR2023.csv", b"")]),
            "contains SR2023.csv without any content",
        ),
        (
            "an encrypted file",
            encrypted(good()),
            "is encrypted: SR2023.csv requires a password",
        ),
        (
            "an archive inside the archive",
            zip(&[("SR2023.csv", CSV), ("SR2022.zip", CSV)]),
            "contains SR2022.zip, an archive inside the archive",
        ),
        (
            "a disguised archive inside the archive",
            zip(&[("SR2023.csv", &good())]),
            "contains SR2023.csv, an archive inside the archive",
        ),
        (
            "another compression",
            compressed_by(good(), 12),
            "compresses SR2023.csv with the method",
        ),
    ]
}

/// Returns hostile archives.
fn attacks() -> Vec<Case> {
    let zeros = vec![b'0'; 65 << 20];
    let many: Vec<String> = (0..300).map(|number| format!("{number}.txt")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), CSV)).collect();
    let path = |path: &str| renamed(zip(&[("etc/SR2023.csv", CSV)]), "etc/SR", path);
    vec![
        (
            "a bomb",
            zip(&[("SR2023.csv", &zeros)]),
            "inflates to more than 200 times its size at SR2023.csv",
        ),
        (
            "a bomb that claims to be small",
            declared(zip(&[("SR2023.csv", &zeros)]), 100),
            "contains a SR2023.csv that is longer than the 100 bytes",
        ),
        (
            "a path that climbs",
            path("../../"),
            "contains \"../../2023.csv\", a path that leads outside",
        ),
        (
            "a path that climbs on Windows",
            path("..\\SR0"),
            "a path that leads outside",
        ),
        (
            "an absolute path",
            path("/etc/S"),
            "a path that leads outside",
        ),
        ("a drive", path("C:\\SR0"), "a path that leads outside"),
        (
            "a symbolic link",
            symlink("SR2023.csv", "/etc/passwd"),
            "contains SR2023.csv, a symbolic link",
        ),
        (
            "two files with one name",
            renamed(
                zip(&[("SR2023a.csv", CSV), ("SR2023b.csv", CSV)]),
                "SR2023b",
                "SR2023a",
            ),
            "contains two files with the same name",
        ),
        (
            "nested files",
            overlapping(stored(&[("SR2023.csv", CSV), ("readme.txt", CSV)])),
            "contains files that overlap",
        ),
        ("too many files", zip(&many), "contains 300 files"),
    ]
}

fn portal(published: Vec<u8>) -> Scripted {
    Scripted::start(move |request| (request.path == FILE).then(|| Answer::ok(&[], &published)))
}

#[test]
fn a_bad_archive_is_refused_with_a_clear_error_and_nothing_is_stored() {
    for (exit, cases) in [(30, damages()), (20, surprises()), (20, attacks())] {
        for (what, published, expected) in cases {
            let portal = portal(published);
            let outcome = portal.job().run();
            let cause = outcome.failed(exit);
            assert!(cause.contains(expected), "{what}: {cause}");
            assert!(cause.contains("/sr2023.zip "), "{what}: {cause}");
            assert!(portal.lake.objects("raw/").is_empty(), "{what}");
            let spool = portal.lake.path().join(".spool");
            assert_eq!(spool.read_dir().unwrap().count(), 0, "{what}");
        }
    }
}

#[test]
fn files_beside_the_only_csv_do_not_matter() {
    let portal = portal(zip(&[
        ("data/readme.txt", b"see the portal"),
        (
            "data/Service Requests (final).CSV",
            b"a,b\r\n\x93caf\xe9\x94,2",
        ),
        ("__MACOSX/._Service Requests.csv", b"x"),
        ("data/__MACOSX/._Service Requests.csv", b"x"),
        ("AppleDouble/a.csv", b"x"),
        ("TheVolumeSettingsFolder/a.csv", b"x"),
        ("#recycle/a.csv", b"x"),
        ("@Recycle/a.csv", b"x"),
        ("RECYCLER/S-1-5-21/a.csv", b"x"),
        ("data/._Service Requests (final).CSV", b"x"),
        ("data/.DS_Store", b"x"),
        ("data/Thumbs.db", b"x"),
        ("desktop.ini", b"x"),
        ("data/old/Desktop.ini", b"x"),
        ("data/.~lock.Service Requests.csv", b"x"),
        ("data/~$Service Requests.csv", b"x"),
        ("@eaDir/preview.csv", b"x"),
        ("$RECYCLE.BIN/SR2022.csv", b"x"),
        (".Trashes/SR2022.zip", b"x"),
    ]));
    let outcome = portal.job().run();
    assert_eq!(outcome.finished()["rows"], 2);
    let manifests = portal.lake.manifests("raw/service-requests/2023/");
    let manifest = manifests.values().next().unwrap();
    // The object is named by the year, not by the publisher.
    assert!(
        manifest["object"]["key"]
            .as_str()
            .unwrap()
            .ends_with("/SR2023.csv")
    );
    assert_eq!(manifest["encoding"], "windows-1252");
    assert_eq!(manifest["lines"], 2);
}

#[test]
fn the_maximum_size_of_the_content_is_a_setting() {
    let portal = portal(stored(&[("SR2023.csv", &CSV.repeat(100))]));
    let outcome = portal.job().env("MAX_CSV_BYTES", "5000").run();
    let cause = outcome.failed(20);
    assert!(
        cause.contains("inflates to more than 5000 bytes at SR2023.csv"),
        "{cause}"
    );
    assert!(portal.lake.objects("raw/").is_empty());
}
