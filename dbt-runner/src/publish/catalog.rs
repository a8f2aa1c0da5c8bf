//! `catalog.json`, which describes the site's data. The crate's README shows one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::contract::Licence;
use shared::fingerprint::{Digest, Fingerprint};
use shared::manifest::Version;
use shared::run::RunId;

/// How many earlier publications keep their files, for readers who hold an earlier catalog. With a publication per
/// month, an address from a catalog is good for a quarter.
pub(crate) const KEPT_PUBLICATIONS: usize = 3;

/// The catalog of a publication.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Catalog {
    /// The format.
    #[serde(rename = "catalog")]
    pub(crate) version: Version,
    /// The version of the program that wrote the files: another one may write other bytes from the same data.
    #[serde(default)]
    pub(crate) writer: u32,
    /// The fingerprint of the marts' inputs.
    pub(crate) fingerprint: Fingerprint,
    /// The run that published them.
    pub(crate) run: RunId,
    /// The public address of the site, with a slash at its end; `None` if it is not known.
    #[serde(default)]
    pub(crate) site: Option<String>,
    /// The address of the repository of the code; `None` if it is not known.
    #[serde(default)]
    pub(crate) source_code: Option<String>,
    /// When the newest source file was published, or when a run last observed the files if the publisher does not date
    /// them, ISO 8601 UTC.
    pub(crate) as_of: Option<String>,
    /// The day of the latest request.
    pub(crate) data_through: Option<String>,
    /// Whether any of the data are synthetic.
    #[serde(default)]
    pub(crate) generated: bool,
    /// The licence of the City's data; `None` if any of the data are synthetic.
    pub(crate) licence: Option<Licence>,
    /// What the licence requires wherever the data are shown; `None` if any of the data are synthetic.
    pub(crate) attribution: Option<String>,
    /// How to cite the data, without their address.
    #[serde(default)]
    pub(crate) citation: Option<String>,
    /// The marts and seeds, by name.
    pub(crate) marts: Vec<PublishedTable>,
    /// The requests themselves, the quarantine and the boundaries.
    #[serde(default)]
    pub(crate) datasets: Vec<PublishedTable>,
    /// The files that only earlier publications have, the latest publication first. At most [`KEPT_PUBLICATIONS`]: the
    /// next publication removes those of the oldest.
    pub(crate) superseded: Vec<Superseded>,
    /// The files that no publication above has, relative to the catalog. The publication removes them, and if it is
    /// interrupted before it has, the next one does.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) expired: BTreeSet<String>,
}

/// A mart, or a table of the lake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PublishedTable {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The stable address of a mart, relative to the catalog, which has all of its rows. A dataset's files have their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// Whether it describes runs and loads: the same raw files may lead to other rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) operational: bool,
    /// Whether it measures ages to when a file was published. Those of a file without a date are measured to when a run
    /// observed it, and the same raw file may be observed at another time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) aged: bool,
    /// Its rows, each counted once, although there may be a file of every format.
    pub(crate) rows: u64,
    /// The length of all of `files`.
    pub(crate) bytes: u64,
    pub(crate) columns: Vec<PublishedColumn>,
    pub(crate) files: Vec<PublishedFile>,
    /// All rows of a mart that has a file per year: the content of its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<PublishedFile>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PublishedColumn {
    pub(crate) name: String,
    /// `integer`, `double`, `string`, `boolean`, `date`, `timestamp` or `geometry`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) nullable: bool,
    pub(crate) description: String,
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Parquet,
    /// CSV as in RFC 4180, in UTF-8 with a header, compressed with gzip.
    Csv,
}

impl Format {
    /// Returns the end of the names of its files.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv.gz",
        }
    }
}

/// A file, which never changes: other content has another path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PublishedFile {
    /// Relative to the catalog.
    pub(crate) path: String,
    /// Its stable address, relative to the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// The year of all its rows; none for a table in one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) year: Option<i64>,
    pub(crate) format: Format,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
    /// The fingerprint of the clean partition that it was written from; none for a mart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clean: Option<Fingerprint>,
}

/// The files that an earlier publication has and later ones do not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Superseded {
    /// The publication, by the fingerprint of its marts' inputs.
    pub(crate) fingerprint: Fingerprint,
    pub(crate) files: BTreeSet<String>,
}

impl PublishedTable {
    /// Returns a table without files.
    pub(crate) fn new(name: &str, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            address: None,
            operational: false,
            aged: false,
            rows: 0,
            bytes: 0,
            columns: Vec::new(),
            files: Vec::new(),
            whole: None,
        }
    }

    /// Adds a file. Rows are counted in Parquet, which every table has.
    pub(crate) fn add(&mut self, file: PublishedFile) {
        if file.format == Format::Parquet {
            self.rows += file.rows;
        }
        self.bytes += file.bytes;
        self.files.push(file);
    }

    /// Returns the stable addresses and what they hold.
    fn addresses(&self) -> impl Iterator<Item = (&str, &PublishedFile)> {
        let whole = self.whole.as_ref().or(self.files.first());
        let of_table = self.address.as_deref().zip(whole);
        let of_files = self
            .files
            .iter()
            .filter_map(|file| Some((file.address.as_deref()?, file)));
        of_table.into_iter().chain(of_files)
    }
}

impl Catalog {
    /// Returns every published table.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &PublishedTable> {
        self.datasets.iter().chain(&self.marts)
    }

    /// Returns the table `name`.
    pub(crate) fn table(&self, name: &str) -> Option<&PublishedTable> {
        self.tables().find(|table| table.name == name)
    }

    /// Returns the paths of its files.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let files = self
            .tables()
            .flat_map(|table| table.files.iter().chain(&table.whole));
        files.map(|file| file.path.clone()).collect()
    }

    /// Returns the stable addresses and what they hold.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&str, &PublishedFile)> {
        self.tables().flat_map(PublishedTable::addresses)
    }

    /// Returns the stable addresses and what they hold, of the tables that follow from the raw files alone: those with
    /// ages if all of the files are `dated`.
    pub(crate) fn frozen(&self, dated: bool) -> impl Iterator<Item = (&str, &PublishedFile)> {
        let tables = self.tables();
        let tables = tables.filter(move |table| !table.operational && (dated || !table.aged));
        tables.flat_map(PublishedTable::addresses)
    }

    /// Lists the files that `earlier` has and this one does not, and keeps its list of those before it. The files that
    /// no kept publication needs expire, and so do those that `earlier` still lists as expired.
    pub(crate) fn supersede(&mut self, earlier: Catalog) {
        let files = self.files();
        let of_earlier = Superseded {
            files: earlier.files(),
            fingerprint: earlier.fingerprint,
        };
        let mut lists: Vec<Superseded> =
            [of_earlier].into_iter().chain(earlier.superseded).collect();
        for list in &mut lists {
            list.files.retain(|file| !files.contains(file));
        }
        // Republishing the same data does not count as a publication.
        if lists[0].files.is_empty() {
            lists.remove(0);
        }
        let expired = lists.split_off(lists.len().min(KEPT_PUBLICATIONS));
        self.superseded = lists;
        let is_kept = |file: &String| self.superseded.iter().any(|list| list.files.contains(file));
        let expired = expired.into_iter().flat_map(|list| list.files);
        // What an interrupted publication did not remove may have come back.
        let interrupted = earlier.expired.into_iter();
        let interrupted = interrupted.filter(|file| !files.contains(file));
        let expired = expired.chain(interrupted);
        self.expired = expired.filter(|file| !is_kept(file)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(fingerprint: &str, files: &[&str]) -> Catalog {
        let mut table = PublishedTable::new("requests", "");
        for path in files {
            table.add(PublishedFile {
                path: (*path).to_owned(),
                address: None,
                year: None,
                format: Format::Parquet,
                rows: 0,
                bytes: 0,
                sha256: Digest::of(path.as_bytes()),
                clean: None,
            });
        }
        Catalog {
            version: Version::V1,
            writer: 1,
            fingerprint: Fingerprint::of(&[fingerprint]),
            run: "run".parse().expect("a run"),
            site: None,
            source_code: None,
            as_of: None,
            data_through: None,
            generated: false,
            licence: None,
            attribution: None,
            citation: None,
            marts: vec![table],
            datasets: Vec::new(),
            superseded: Vec::new(),
            expired: BTreeSet::new(),
        }
    }

    #[test]
    fn files_stay_for_three_publications_and_as_long_as_any_of_them_needs_them() {
        // "c" is back in the sixth publication, and "d" was in two.
        let publications: [(&[&str], &[&str]); 6] = [
            (&["a", "same"], &[]),
            (&["b", "same"], &[]),
            (&["c", "d", "same"], &[]),
            (&["d", "same"], &[]),
            (&["e", "same"], &["a"]),
            (&["c", "same"], &["b"]),
        ];
        let mut current: Option<Catalog> = None;
        for (number, (files, removed)) in publications.into_iter().enumerate() {
            let mut next = catalog(&number.to_string(), files);
            if let Some(mut current) = current {
                current.expired.clear();
                next.supersede(current);
            }
            let expired: Vec<&String> = next.expired.iter().collect();
            assert_eq!(expired, removed, "{number}");
            current = Some(next);
        }
        let mut current = current.expect("published");
        let kept = |number: usize| current.superseded[number].files.iter().cloned().collect();
        let kept: Vec<Vec<String>> = (0..current.superseded.len()).map(kept).collect();
        assert_eq!(kept, [vec!["e"], vec!["d"], vec![]]);
        let fingerprint = current.superseded[1].fingerprint.clone();
        assert_eq!(fingerprint, Fingerprint::of(&["3"]));

        // The sixth was interrupted. The same data are published again, and then data with one of its expired files.
        current.expired.insert("x".to_owned());
        let mut again = catalog("again", &["c", "same"]);
        again.supersede(current);
        assert_eq!(again.superseded.len(), 3, "the same data");
        let expired = ["b", "x"].map(str::to_owned);
        assert_eq!(again.expired, BTreeSet::from(expired));
        let mut next = catalog("next", &["b", "same"]);
        next.supersede(again);
        assert_eq!(next.expired, BTreeSet::from(["x".to_owned()]));
    }
}
