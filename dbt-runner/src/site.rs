//! The published site, the only store whose objects are overwritten.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use same_file::is_same_file;
use shared::address::Address;
use shared::exit::{Exit, Failure, FailureContext as _, OrFail as _};
use shared::fingerprint::{Digest, Hasher};
use shared::google::Emulator;
use shared::google::storage::{Bucket, BucketError, Copied, WriteMode};
use tempfile::{Builder, NamedTempFile};
use tokio::task::block_in_place;

/// The site at `SITE_URL`. Paths are relative to it, with `/` as separator.
#[derive(Debug, Clone)]
pub(crate) enum Site {
    /// `file:///absolute/directory`.
    Local(PathBuf),
    /// `gs://BUCKET[/PREFIX]`.
    Bucket(Bucket),
}

/// An object as it was seen, so that it is replaced only if it is still the same.
#[derive(Debug)]
pub(crate) struct Seen {
    /// `None` if it did not exist.
    pub(crate) content: Option<Bytes>,
    /// In a bucket its generation, 0 if it did not exist. A directory has none and compares the content.
    generation: i64,
}

/// How long browsers and proxies may cache an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    /// Only with revalidation.
    Never,
    /// For five minutes: a stable address, whose content is replaced about once a month.
    Briefly,
    /// Forever: other content has another path.
    Forever,
}

impl Caching {
    /// Returns the `Cache-Control` header. Without one, an object is cached for an hour:
    /// <https://cloud.google.com/storage/docs/caching>.
    fn header(self) -> &'static str {
        match self {
            Self::Never => "no-cache",
            Self::Briefly => "public, max-age=300",
            Self::Forever => "public, max-age=31536000, immutable",
        }
    }
}

impl Site {
    /// # Errors
    /// Describes what is wrong with `url`.
    pub(crate) fn new(url: &str, emulator: Option<Emulator>) -> Result<Self, String> {
        let shown = Address::of_text(url).to_string();
        if let Some(location) = url.strip_prefix("gs://") {
            let bucket = Bucket::new(location, emulator);
            return bucket
                .map(Self::Bucket)
                .map_err(|problem| format!("is {shown:?}: {problem}"));
        }
        let directory = url.strip_prefix("file://").map(Path::new);
        match directory {
            Some(directory) if directory.is_absolute() => Ok(Self::Local(directory.to_owned())),
            _ => Err(format!(
                "is {shown:?}: use file:///absolute/directory or gs://BUCKET[/PREFIX]"
            )),
        }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Local(directory) => format!("file://{}", directory.display()),
            Self::Bucket(bucket) => bucket.to_string(),
        }
    }

    /// Returns the object at `path`; `None` if it does not exist.
    pub(crate) async fn read(&self, path: &str) -> Result<Option<Bytes>, Failure> {
        Ok(self.look_at(path).await?.content)
    }

    /// Returns the object at `path`, for [`Site::replace`].
    pub(crate) async fn look_at(&self, path: &str) -> Result<Seen, Failure> {
        let read = match self {
            Self::Local(directory) => {
                let content = existing(fs::read(directory.join(path))).or_fail(Exit::Upstream);
                content.map(|content| (content.map(Bytes::from), 0))
            }
            Self::Bucket(bucket) => match bucket.read_generation(path).await {
                Ok(Some((content, generation))) if is_text(path) => {
                    let content = decoded(content).or_fail(Exit::Upstream);
                    content.map(|content| (Some(content), generation))
                }
                Ok(Some((content, generation))) => Ok((Some(content), generation)),
                Ok(None) => Ok((None, 0)),
                Err(error) => Err(error.into()),
            },
        };
        let read = read.while_doing(|| format!("cannot read {path} of the site"));
        read.map(|(content, generation)| Seen {
            content,
            generation,
        })
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

    /// Returns the digest of the object at `path` as it is stored, which is read in pieces; `None` if it does not exist.
    pub(crate) async fn digest(&self, path: &str) -> Result<Option<Digest>, Failure> {
        let digest = match self {
            Self::Local(directory) => {
                let digest = block_in_place(|| Digest::of_file(&directory.join(path)));
                existing(digest).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => {
                let digest = digest_of_object(bucket, path).await;
                digest.map_err(Failure::from)
            }
        };
        digest.while_doing(|| format!("cannot read {path} of the site"))
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
                let write = |mut file: &File| file.write_all(&content);
                replace(&directory.join(path), write).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => {
                let put = put_in_bucket(bucket, path, content, caching, None).await;
                put.map_err(Failure::from)
            }
        };
        put.while_doing(|| format!("cannot write {path} to the site"))
    }

    /// Writes `content` to `path`, as [`Site::put`] does, if the object there is still the one that was `seen`. Returns
    /// whether it has `content` now; if not, another writer came first and nothing was changed.
    pub(crate) async fn replace(
        &self,
        path: &str,
        seen: &Seen,
        content: Bytes,
        caching: Caching,
    ) -> Result<bool, Failure> {
        let replaced = match self {
            Self::Local(directory) => {
                let seen = seen.content.as_ref();
                replace_seen(&directory.join(path), seen, &content).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => {
                let generation = Some(seen.generation);
                let put = put_in_bucket(bucket, path, content.clone(), caching, generation);
                match put.await {
                    Ok(()) => Ok(true),
                    Err(error) if error.http_status() == Some(412) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
        };
        let replaced = replaced.while_doing(|| format!("cannot write {path} to the site"))?;
        // The answer to an earlier attempt may have been lost.
        Ok(replaced || self.read(path).await? == Some(content))
    }

    /// Writes the content of a temporary file to `path`, as [`Site::put`] does, without reading it into memory.
    pub(crate) async fn put_file(
        &self,
        path: &str,
        content: &NamedTempFile,
        caching: Caching,
    ) -> Result<(), Failure> {
        let put = match self {
            Self::Local(directory) => {
                let copy = |mut file: &File| io::copy(&mut content.reopen()?, &mut file).map(drop);
                replace(&directory.join(path), copy).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => self::upload(bucket, path, content, caching).await,
        };
        put.while_doing(|| format!("cannot write {path} to the site"))
    }

    /// Makes `to` a copy of the object at `from`, which never changes, atomically: a reader of `to` sees either the previous
    /// object or the copy. Returns whether it was another object before.
    pub(crate) async fn copy(
        &self,
        from: &str,
        to: &str,
        caching: Caching,
    ) -> Result<bool, Failure> {
        let copied = match self {
            Self::Local(directory) => {
                link(&directory.join(from), &directory.join(to)).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => {
                let mode = WriteMode::Overwrite {
                    cache_control: caching.header(),
                    content_encoding: None,
                    generation: None,
                };
                let copied = bucket.copy(from, to, mode).await;
                copied
                    .map(|copied| copied == Copied::Copied)
                    .map_err(Failure::from)
            }
        };
        copied.while_doing(|| format!("cannot copy {from} to {to} on the site"))
    }

    /// Makes `to` a copy of the object at `from`, unless `to` exists.
    ///
    /// # Errors
    /// [`Exit::Configuration`] if `to` exists with other content.
    pub(crate) async fn copy_once(&self, from: &str, to: &str) -> Result<(), Failure> {
        let copied = match self {
            Self::Local(directory) => {
                link_once(&directory.join(from), &directory.join(to)).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => {
                let copied = bucket.copy(from, to, WriteMode::New).await;
                copied
                    .map(|copied| copied != Copied::Differs)
                    .map_err(Failure::from)
            }
        };
        let copied = copied.while_doing(|| format!("cannot copy {from} to {to} on the site"));
        if copied? { Ok(()) } else { Err(conflict(to)) }
    }

    /// Writes `content` to `path`, unless `path` exists.
    ///
    /// # Errors
    /// [`Exit::Configuration`] if it exists with other content.
    pub(crate) async fn put_once(&self, path: &str, content: Bytes) -> Result<(), Failure> {
        let created = match self {
            Self::Local(directory) => {
                create(&directory.join(path), &content).or_fail(Exit::Upstream)
            }
            Self::Bucket(bucket) => {
                match bucket.upload(path, content.clone(), WriteMode::New).await {
                    Ok(()) => Ok(true),
                    // It exists, or an earlier attempt created it and its answer was lost.
                    Err(error) if error.http_status() == Some(412) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
        };
        let created = created.while_doing(|| format!("cannot write {path} to the site"))?;
        let existing = if created {
            None
        } else {
            self.read(path).await?
        };
        match existing {
            Some(existing) if existing != content => Err(conflict(path)),
            _ => Ok(()),
        }
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

fn conflict(path: &str) -> Failure {
    let conflict = anyhow!(
        "{path} of the site exists with other content, and a release never changes: if SHA256SUMS is missing \
         beside it, the release was interrupted, so remove its folder; otherwise choose another RELEASE"
    );
    Failure::new(Exit::Configuration, conflict)
}

/// Uploads `content`, compressed if it is text, in place of the object's `generation`, or of any if it is `None`.
async fn put_in_bucket(
    bucket: &Bucket,
    path: &str,
    content: Bytes,
    caching: Caching,
    generation: Option<i64>,
) -> Result<(), BucketError> {
    let (content, content_encoding) = if is_text(path) {
        (encoded(&content), Some("gzip"))
    } else {
        (content, None)
    };
    let mode = WriteMode::Overwrite {
        cache_control: caching.header(),
        content_encoding,
        generation,
    };
    bucket.upload(path, content, mode).await
}

/// Uploads a file in pieces.
async fn upload(
    bucket: &Bucket,
    path: &str,
    content: &NamedTempFile,
    caching: Caching,
) -> Result<(), Failure> {
    let file = tokio::fs::File::open(content.path()).await;
    let file = file.or_fail(Exit::Upstream)?;
    let size_bytes = file.metadata().await.or_fail(Exit::Upstream)?.len();
    let mode = WriteMode::Overwrite {
        cache_control: caching.header(),
        content_encoding: None,
        generation: None,
    };
    let uploaded = bucket.upload_file(path, file, size_bytes, mode).await;
    Ok(uploaded?)
}

/// Whether an object is text, which a bucket stores compressed: Cloud Storage does not compress what it serves. It
/// decompresses for clients that do not accept gzip: <https://cloud.google.com/storage/docs/transcoding>.
fn is_text(path: &str) -> bool {
    let extension = Path::new(path).extension();
    extension.is_some_and(|extension| {
        [
            "atom", "cff", "css", "html", "js", "json", "jsonld", "svg", "txt",
        ]
        .iter()
        .any(|text| extension == *text)
    })
}

/// Compresses `content`. The result depends on nothing else.
fn encoded(content: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(content);
    let finished = written.and_then(|()| encoder.finish());
    finished.expect("a vector takes all bytes").into()
}

/// Returns an object as it was before it was compressed, if it was: the client reads what is stored.
fn decoded(content: Bytes) -> io::Result<Bytes> {
    if !content.starts_with(&[0x1f, 0x8b]) {
        return Ok(content);
    }
    let mut decoded = Vec::new();
    GzDecoder::new(&content[..]).read_to_end(&mut decoded)?;
    Ok(decoded.into())
}

/// Writes a file next to its final path by `write` and renames it, with each step synced to disk before the next.
fn replace(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path)?;
    let file = written(folder, write)?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Writes a file as [`replace`] does, if its content is still what was `seen`. Returns whether it is.
fn replace_seen(path: &Path, seen: Option<&Bytes>, content: &[u8]) -> io::Result<bool> {
    // Nothing comes between comparing and writing. The lock ends with the process.
    let folder = File::open(folder_of(path)?)?;
    folder.lock()?;
    if existing(fs::read(path))?.as_deref() != seen.map(|seen| &**seen) {
        return Ok(false);
    }
    replace(path, |mut file| file.write_all(content))?;
    Ok(true)
}

/// Returns what was read of a file; `None` if it does not exist.
fn existing<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the digest of an object; `None` if it does not exist.
async fn digest_of_object(bucket: &Bucket, path: &str) -> Result<Option<Digest>, BucketError> {
    let Some(mut object) = bucket.download(path).await? else {
        return Ok(None);
    };
    let mut hasher = Hasher::default();
    while let Some(piece) = object.next().await? {
        hasher.update(&piece);
    }
    Ok(Some(hasher.finish()))
}

/// Writes a file as [`replace`] does, unless it exists. Returns whether it did not.
fn create(path: &Path, content: &[u8]) -> io::Result<bool> {
    let folder = folder_of(path)?;
    let file = written(folder, |mut file| file.write_all(content))?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all().map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Returns a temporary file in `folder` with what `write` writes, on disk.
fn written(
    folder: &Path,
    write: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let file = NamedTempFile::new_in(folder)?;
    write(file.as_file())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A web server may run as another user.
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes `to` a hard link to `from` in place of what it was. Returns whether it was another file before.
fn link(from: &Path, to: &Path) -> io::Result<bool> {
    let folder = folder_of(to)?;
    if to.try_exists()? && is_same_file(from, to)? {
        return Ok(false);
    }
    let link = Builder::new().make_in(folder, |path| fs::hard_link(from, path))?;
    link.into_temp_path()
        .persist(to)
        .map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(true)
}

/// Makes `to` a hard link to `from`. Returns whether it is one, or has the same content.
fn link_once(from: &Path, to: &Path) -> io::Result<bool> {
    let folder = folder_of(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => File::open(folder)?.sync_all().map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Ok(is_same_file(from, to)? || fs::read(from)? == fs::read(to)?)
        }
        Err(error) => Err(error),
    }
}

/// Returns the folder of a file, which is created if it does not exist.
fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Caching, Seen, Site, decoded, encoded, is_text};

    /// Of two writers that saw the same file, or none, the second is refused, unless it writes the same.
    #[tokio::test]
    async fn only_what_was_seen_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new(&format!("file://{}", folder.path().display()), None).unwrap();
        let path = "data/catalog.json";
        let replace = async |seen: &Seen, content: &'static str| {
            let content = Bytes::from_static(content.as_bytes());
            let replaced = site.replace(path, seen, content, Caching::Never);
            replaced.await.unwrap()
        };
        for content in ["one", "two"] {
            let seen = site.look_at(path).await.unwrap();
            assert!(replace(&seen, content).await);
            assert!(!replace(&seen, "lost").await);
            assert!(replace(&seen, content).await);
            assert_eq!(site.read(path).await.unwrap().unwrap(), content);
        }
    }

    #[test]
    fn text_is_stored_compressed_and_read_as_it_was() {
        for path in ["index.html", "assets/first-1a2b.js", "data/catalog.json"] {
            assert!(is_text(path), "{path}");
        }
        assert!(!is_text("data/requests_by_ward/2025.parquet"));
        let content = Bytes::from("ward 9, ".repeat(100));
        let stored = encoded(&content);
        assert!(stored.len() < content.len() / 5);
        assert_eq!(stored, encoded(&content));
        assert_eq!(decoded(stored).unwrap(), content);
        assert_eq!(decoded(content.clone()).unwrap(), content);
    }

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
