//! The published site, the only store whose objects are overwritten.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::google::Emulator;
use shared::google::storage::{Bucket, WriteMode};
use tempfile::NamedTempFile;

/// The site at `SITE_URL`. Paths are relative to it, with `/` as separator.
#[derive(Debug, Clone)]
pub(crate) enum Site {
    /// `file:///absolute/directory`.
    Local(PathBuf),
    /// `gs://BUCKET[/PREFIX]`.
    Bucket(Bucket),
}

/// How long browsers and proxies may cache an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    /// Only with revalidation.
    Never,
    /// Forever: other content has another path.
    Forever,
}

impl Caching {
    /// Returns the `Cache-Control` header. Without one, an object is cached for an hour:
    /// <https://cloud.google.com/storage/docs/caching>.
    fn header(self) -> &'static str {
        match self {
            Self::Never => "no-cache",
            Self::Forever => "public, max-age=31536000, immutable",
        }
    }
}

impl Site {
    /// # Errors
    /// Describes what is wrong with `url`.
    pub(crate) fn new(url: &str, emulator: Option<Emulator>) -> Result<Self, String> {
        if let Some(location) = url.strip_prefix("gs://") {
            let bucket = Bucket::new(location, emulator);
            return bucket
                .map(Self::Bucket)
                .map_err(|problem| format!("is {url:?}: {problem}"));
        }
        let directory = url.strip_prefix("file://").map(Path::new);
        match directory {
            Some(directory) if directory.is_absolute() => Ok(Self::Local(directory.to_owned())),
            _ => Err(format!(
                "is {url:?}: use file:///absolute/directory or gs://BUCKET[/PREFIX]"
            )),
        }
    }

    /// Returns the object at `path`; `None` if it does not exist.
    pub(crate) async fn read(&self, path: &str) -> Result<Option<Bytes>, Failure> {
        let read = match self {
            Self::Local(directory) => match fs::read(directory.join(path)) {
                Ok(content) => Ok(Some(content.into())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Failure::upstream(error)),
            },
            Self::Bucket(bucket) => bucket.read(path).await.map_err(Failure::from),
        };
        read.while_doing(|| format!("cannot read {path} of the site"))
    }

    /// Whether the object at `path` exists.
    pub(crate) async fn has(&self, path: &str) -> Result<bool, Failure> {
        let found = match self {
            Self::Local(directory) => directory.join(path).try_exists().or_fail(Exit::Upstream),
            Self::Bucket(bucket) => {
                let found = bucket.download(path).await;
                found.map(|object| object.is_some()).map_err(Failure::from)
            }
        };
        found.while_doing(|| format!("cannot check {path} on the site"))
    }

    /// Writes `content` to `path` atomically: a reader sees either the previous object or the new one.
    pub(crate) async fn put(
        &self,
        path: &str,
        content: Bytes,
        caching: Caching,
    ) -> Result<(), Failure> {
        let put = match self {
            // The server of the directory sets the caching of its files.
            Self::Local(directory) => {
                replace(&directory.join(path), &content).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => {
                let cache_control = caching.header();
                let mode = WriteMode::Overwrite { cache_control };
                let size_bytes = content.len() as u64;
                let upload = bucket.upload(path, size_bytes, content.into(), mode);
                upload.await.map_err(Failure::from)
            }
        };
        put.while_doing(|| format!("cannot write {path} to the site"))
    }

    /// Removes the object at `path`, if it exists.
    pub(crate) async fn remove(&self, path: &str) -> Result<(), Failure> {
        let removed = match self {
            Self::Local(directory) => match fs::remove_file(directory.join(path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Failure::upstream(error))
                }
                _ => Ok(()),
            },
            Self::Bucket(bucket) => bucket.remove(path).await.map_err(Failure::from),
        };
        removed.while_doing(|| format!("cannot remove {path} from the site"))
    }
}

/// Writes a file next to its final path and renames it, with each step synced to disk before the next.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A web server may run as another user.
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn a_site_is_an_absolute_directory_or_a_bucket() {
        for good in ["file:///site", "gs://bucket", "gs://bucket/some/prefix/"] {
            assert!(Site::new(good, None).is_ok(), "{good}");
        }
        for bad in [
            "",
            "site",
            "/site",
            "file://site",
            "https://site.test",
            "gs://",
            "gs://BUCKET",
            "gs://bucket/../prefix",
        ] {
            assert!(Site::new(bad, None).is_err(), "{bad}");
        }
    }
}
