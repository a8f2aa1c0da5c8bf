//! Freezes what is published, so that it can be cited: a folder that never changes.

mod citation;
mod quarter;
mod research_object;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use anyhow::anyhow;
use jiff::civil::Date;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::{Digest, Fingerprint};
use shared::lake::Lake;
use shared::manifest::{self, CleanManifest};
use shared::partition::Partition;
use shared::telemetry::milliseconds;
use tracing::info;

use super::catalog::{Catalog, PublishedFile};
use super::{DATA, whole_months};
use crate::site::Site;

use quarter::Quarter;
pub(crate) use quarter::ReleaseName;

/// The file with the digests of all others, which is written last.
const SUMS: &str = "SHA256SUMS";
const CITATION: &str = "CITATION.cff";
const CRATE: &str = "ro-crate-metadata.json";

/// A release of what the site's catalog lists.
pub(crate) struct Release<'a> {
    pub(crate) site: &'a Site,
    pub(crate) lake: &'a Lake,
    pub(crate) name: ReleaseName,
    /// The git commit of the program.
    pub(crate) commit: &'a str,
    /// The fingerprint of the marts' inputs.
    pub(crate) fingerprint: &'a Fingerprint,
    /// The fingerprint of the dbt project.
    pub(crate) project: &'a Fingerprint,
    /// The clean version of each partition that is loaded.
    pub(crate) clean: &'a BTreeMap<Partition, Fingerprint>,
}

/// What a release is made of. Nothing in it depends on the run, the warehouse or the clock, so that the same raw files
/// lead to the same bytes.
struct Contents<'a> {
    name: Quarter,
    catalog: &'a Catalog,
    /// The day of the newest source file.
    date: Date,
    commit: &'a str,
    project: &'a Fingerprint,
    /// The clean partitions, and through them the raw files.
    sources: BTreeMap<Partition, CleanManifest>,
    /// The data files by their path in the release.
    files: BTreeMap<String, &'a PublishedFile>,
}

impl Release<'_> {
    /// Copies every file at a stable address to the release's folder, beside a citation, a description and the digests.
    ///
    /// # Errors
    /// [`Exit::Configuration`] if the release exists with other content, and [`Exit::Upstream`] if another build was
    /// published meanwhile, or the site lacks a file or has another in its place.
    pub(crate) async fn freeze(&self) -> Result<(), Failure> {
        let started = Instant::now();
        let catalog = super::current(self.site).await?;
        let catalog =
            catalog.ok_or_else(|| Failure::upstream(anyhow!("the site has no catalog")))?;
        // What is described below is what this run built.
        if catalog.fingerprint != *self.fingerprint {
            return Err(super::overtaken());
        }
        let contents = self.contents(&catalog).await?;
        let name = contents.name;
        let folder = format!("releases/{name}");
        let texts = [
            (CITATION, citation::of(&contents)),
            (CRATE, research_object::of(&contents)),
        ];
        let sums = sums(&contents, &texts);
        // A release that is complete is not touched, not even by a file that it lacks.
        let existing = self.site.read(&format!("{folder}/{SUMS}")).await?;
        let is_complete = existing.is_some();
        if let Some(existing) = existing
            && existing != sums
        {
            return Err(Failure::new(
                Exit::Configuration,
                anyhow!(
                    "release {name} exists with other content, and a release never changes: {}. Choose another RELEASE",
                    difference(&String::from_utf8_lossy(&existing), &sums)
                ),
            ));
        }
        for (path, file) in &contents.files {
            let (from, to) = (format!("{DATA}/{}", file.path), format!("{folder}/{path}"));
            if !is_complete {
                self.check(file, &from).await?;
            }
            self.site.copy_once(&from, &to).await?;
        }
        for (path, text) in texts {
            self.site
                .put_once(&format!("{folder}/{path}"), text.into())
                .await?;
        }
        self.site
            .put_once(&format!("{folder}/{SUMS}"), sums.into())
            .await?;
        info!(
            release = %name,
            files = contents.files.len(),
            bytes = contents.files.values().map(|file| file.bytes).sum::<u64>(),
            milliseconds = milliseconds(started.elapsed()),
            "release frozen"
        );
        Ok(())
    }

    /// Checks that the site has the file that the catalog states.
    ///
    /// # Errors
    /// [`Exit::Upstream`] if it does not. The next run publishes the file again.
    async fn check(&self, file: &PublishedFile, on_site: &str) -> Result<(), Failure> {
        let digest = self.site.digest(on_site).await?;
        if digest.as_ref() == Some(&file.sha256) {
            return Ok(());
        }
        Err(super::damaged(self.site, file).await)
    }

    async fn contents<'c>(&'c self, catalog: &'c Catalog) -> Result<Contents<'c>, Failure> {
        let day = |text: &Option<String>, what: &str| -> Result<Date, Failure> {
            let text = text.as_deref().unwrap_or_default();
            let day = text.get(..10).unwrap_or(text).parse();
            day.or_fail(Exit::Contract)
                .while_doing(|| format!("cannot release data without {what}: it is {text:?}"))
        };
        let name = match self.name {
            ReleaseName::Of(quarter) => quarter,
            ReleaseName::Latest => {
                let months = whole_months::read(self.site, catalog).await?;
                Quarter::latest(&months).ok_or_else(|| {
                    let problem = anyhow!(
                        "cannot name a release: the data have every day of no quarter. Set RELEASE to a quarter"
                    );
                    Failure::new(Exit::Configuration, problem)
                })?
            }
        };
        let mut sources = BTreeMap::new();
        for (&partition, clean) in self.clean {
            let key = CleanManifest::key(partition, clean, "manifest.json")?;
            sources.insert(partition, manifest::read(self.lake, &key).await?);
        }
        let is_dated = undated(&sources).next().is_none();
        let files = catalog.frozen(is_dated).map(|(address, file)| {
            // A release has one version of everything.
            let path = address.split_once('/').map_or(address, |(_, path)| path);
            (path.to_owned(), file)
        });
        Ok(Contents {
            name,
            catalog,
            date: day(&catalog.as_of, "a date of the newest file")?,
            commit: self.commit,
            project: self.project,
            sources,
            files: files.collect(),
        })
    }
}

/// Returns the years whose files have no date of publication.
fn undated(sources: &BTreeMap<Partition, CleanManifest>) -> impl Iterator<Item = i16> {
    let undated = sources
        .iter()
        .filter(|(_, source)| source.source.last_modified.is_none());
    undated.filter_map(|(partition, _)| partition.year())
}

/// Returns the digests of all files, as `sha256sum --check` reads them.
fn sums(contents: &Contents<'_>, texts: &[(&str, String)]) -> String {
    let texts = texts
        .iter()
        .map(|(path, text)| ((*path).to_owned(), Digest::of(text.as_bytes())));
    let files = contents.files.iter();
    let files = files.map(|(path, file)| (path.clone(), file.sha256.clone()));
    let digests: BTreeMap<String, Digest> = files.chain(texts).collect();
    let mut lines = String::new();
    for (path, digest) in digests {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{digest}  {path}");
    }
    lines
}

/// Names the first file in which two releases differ.
fn difference(existing: &str, new: &str) -> String {
    let mut lines = existing
        .lines()
        .filter(|line| !new.lines().any(|other| other == *line));
    let mut added = new
        .lines()
        .filter(|line| !existing.lines().any(|other| other == *line));
    let of = |line: Option<&str>| {
        line.and_then(|line| line.split_once("  "))
            .map(|(_, path)| path.to_owned())
    };
    of(lines.next()).or_else(|| of(added.next())).map_or_else(
        || "its order differs".to_owned(),
        |path| format!("{path} differs"),
    )
}

#[cfg(test)]
mod tests {
    use shared::lake::LocalLake;
    use shared::testing::TestLake;

    use super::*;

    /// Another run may publish after this one and before its release.
    #[tokio::test]
    async fn what_another_build_published_is_not_released() {
        let (home, lake) = (tempfile::tempdir().unwrap(), TestLake::default());
        let site = Site::new(&format!("file://{}", home.path().display()), None).unwrap();
        let lake = Lake::Local(LocalLake::new(lake.path()).unwrap());
        let [ours, theirs] = ["ours", "theirs"].map(|inputs| Fingerprint::of(&[inputs]));
        let catalog = serde_json::json!({
            "catalog": "v1",
            "fingerprint": theirs,
            "run": "theirs",
            "as_of": "2026-11-01T06:00:00Z",
            "data_through": "2024-01-02",
            "licence": null,
            "attribution": null,
            "marts": [],
            "superseded": [],
        });
        let catalog = catalog.to_string().into();
        site.put(super::super::CATALOG, catalog, crate::site::Caching::Never)
            .await
            .unwrap();
        let clean = BTreeMap::new();
        let release = |fingerprint| Release {
            site: &site,
            lake: &lake,
            name: "2023Q4".parse().unwrap(),
            commit: "0000000000000000000000000000000000000000",
            fingerprint,
            project: fingerprint,
            clean: &clean,
        };
        let refused = release(&ours).freeze().await.unwrap_err();
        assert_eq!(refused.exit(), Exit::Upstream);
        assert!(
            refused.to_string().contains("another build was published"),
            "{refused}"
        );
        release(&theirs).freeze().await.unwrap();
    }
}
