//! The published site: the one place whose objects are replaced.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use tempfile::NamedTempFile;

/// The site that `SITE_URL` names. A path is relative to it, its parts parted by `/`.
#[derive(Debug, Clone)]
pub(crate) enum Site {
    /// `file:///absolute/directory`.
    Local(PathBuf),
}

impl FromStr for Site {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let directory = text.strip_prefix("file://").map(Path::new);
        match directory {
            Some(directory) if directory.is_absolute() => Ok(Self::Local(directory.to_owned())),
            _ => Err(format!("is {text:?}: give file:///absolute/directory")),
        }
    }
}

impl Site {
    /// The object at `path`; `None` if there is none.
    #[expect(
        clippy::unused_async,
        reason = "an object store is asked over a network"
    )]
    pub(crate) async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Self::Local(directory) = self;
        match fs::read(directory.join(path)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::upstream(error).context(format!("read {path} of the site"))),
        }
    }

    /// Whether there is an object at `path`.
    #[expect(
        clippy::unused_async,
        reason = "an object store is asked over a network"
    )]
    pub(crate) async fn has(&self, path: &str) -> Result<bool, Failure> {
        let Self::Local(directory) = self;
        let found = directory.join(path).try_exists();
        found
            .or_fail(Exit::Upstream)
            .while_doing(|| format!("look for {path} on the site"))
    }

    /// Puts `content` at `path`, in place of what may be there: a reader sees the one or the other, whole.
    #[expect(
        clippy::unused_async,
        reason = "an object store is asked over a network"
    )]
    pub(crate) async fn put(&self, path: &str, content: &[u8]) -> Result<(), Failure> {
        let Self::Local(directory) = self;
        replace(&directory.join(path), content)
            .or_fail(Exit::Upstream)
            .while_doing(|| format!("put {path} on the site"))
    }

    /// Removes the object at `path`, if there is one.
    #[expect(
        clippy::unused_async,
        reason = "an object store is asked over a network"
    )]
    pub(crate) async fn remove(&self, path: &str) -> Result<(), Failure> {
        let Self::Local(directory) = self;
        match fs::remove_file(directory.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::upstream(error).context(format!("remove {path} from the site")))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a file beside its final place and renames it, each step on disk before the next.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A web server of another user reads it.
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
    fn a_site_is_an_absolute_directory() {
        assert!("file:///site".parse::<Site>().is_ok());
        for bad in ["", "site", "/site", "file://site", "https://site.test"] {
            assert!(bad.parse::<Site>().is_err(), "{bad}");
        }
    }
}
