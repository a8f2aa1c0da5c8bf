//! The dbt project's files.

use std::fs;
use std::io;
use std::path::Path;

use shared::fingerprint::Digest;

use crate::files;

/// What dbt creates in a project directory when it is run by hand.
const MADE_BY_DBT: [&str; 3] = ["target", "logs", "dbt_packages"];

/// Returns the names and digests of the project's files, in order: everything that decides what dbt builds.
pub(crate) fn files(project: &Path) -> io::Result<Vec<(String, Digest)>> {
    let paths = files::below(project, |entry| {
        let name = entry.file_name().to_string_lossy();
        let made_by_dbt = entry.depth() == 1 && MADE_BY_DBT.contains(&&*name);
        !name.starts_with('.') && !made_by_dbt
    })?;
    let digested = paths.into_iter().map(|path| {
        let digest = Digest::of(&fs::read(project.join(&path))?);
        Ok((path, digest))
    });
    digested.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::files;

    #[test]
    fn what_dbt_creates_is_not_part_of_the_project() {
        let project = tempfile::tempdir().expect("temporary directory");
        let write = |name: &str| {
            let path = project.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
            fs::write(path, name).expect("file");
        };
        for name in [
            "dbt_project.yml",
            "models/marts/target/b.sql",
            "models/a.sql",
            "target/manifest.json",
            "logs/dbt.log",
            ".user.yml",
        ] {
            write(name);
        }
        let files = files(project.path()).expect("readable");
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "dbt_project.yml",
                "models/a.sql",
                "models/marts/target/b.sql"
            ]
        );
    }
}
