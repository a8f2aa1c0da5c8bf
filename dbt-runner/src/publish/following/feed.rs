//! Atom feeds: RFC 4287, <https://www.rfc-editor.org/rfc/rfc4287>.

use std::collections::BTreeMap;

use atom_syndication::{Entry, Feed, FixedDateTime, Link, Person, WriteConfig};
use bytes::Bytes;
use jiff::Timestamp;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;
use tracing::debug;

use crate::publish::catalog::Catalog;
use crate::publish::descriptions::{GENERATED, Links, PUBLISHER, titled};
use crate::site::Site;

/// An entry of a feed.
pub(super) struct News {
    /// What it is about. It decides the id, so it never changes.
    pub(super) of: Vec<String>,
    pub(super) title: String,
    pub(super) text: String,
    /// When it became known.
    pub(super) since: Timestamp,
    /// The page about it, relative to the site.
    pub(super) page: String,
}

/// The feeds of a publication.
pub(super) struct Feeds<'a> {
    pub(super) site: &'a Site,
    pub(super) catalog: &'a Catalog,
    /// The time of the publication.
    pub(super) now: Timestamp,
}

impl Feeds<'_> {
    /// Returns the feed `name` with its path on the site, the latest news first. An entry that the site has with other words,
    /// such as a corrected number, is updated now.
    pub(super) async fn write(
        &self,
        name: &str,
        title: &str,
        page: &str,
        mut news: Vec<News>,
    ) -> Result<(String, Bytes), Failure> {
        let path = format!("feeds/{name}.atom");
        let published = self.published(&path).await?;
        // Those of the same time are in one order wherever they are written.
        news.sort_by(|one, other| other.since.cmp(&one.since).then(one.of.cmp(&other.of)));
        let links = Links::from_folder(self.catalog);
        let now = fixed(self.now)?;
        let entries = news.into_iter().map(|one| {
            let entry = entry(self.catalog, &links, name, one)?;
            let updated = match published.get(&entry.id) {
                None => entry.updated,
                Some(before) if has_words_of(before, &entry) => before.updated,
                Some(_) => now,
            };
            Ok(Entry { updated, ..entry })
        });
        let entries = entries.collect::<Result<_, Failure>>()?;
        let feed = feed(self.catalog, &links, (name, title, page), entries)?;
        Ok((path, feed))
    }

    /// Returns the entries that the site has in the feed at `path`, by id; none if it has no feed that can be read.
    async fn published(&self, path: &str) -> Result<BTreeMap<String, Entry>, Failure> {
        let Some(xml) = self.site.read(path).await? else {
            return Ok(BTreeMap::new());
        };
        let feed = Feed::read_from(&xml[..])
            .inspect_err(|error| debug!(path, cause = %error, "feed has another format"));
        let entries = feed.into_iter().flat_map(|feed| feed.entries);
        Ok(entries.map(|entry| (entry.id.clone(), entry)).collect())
    }
}

fn has_words_of(one: &Entry, other: &Entry) -> bool {
    one.title == other.title && one.summary == other.summary
}

/// Returns a feed of these entries.
fn feed(
    catalog: &Catalog,
    links: &Links,
    (name, title, page): (&str, &str, &str),
    entries: Vec<Entry>,
) -> Result<Bytes, Failure> {
    let newest = entries.iter().map(|one| one.updated).max();
    let as_of = || {
        let as_of = catalog.as_of.as_ref().and_then(|time| time.parse().ok());
        fixed(as_of.unwrap_or(Timestamp::UNIX_EPOCH))
    };
    let link = |rel: &str, kind: &str, href: String| Link {
        rel: rel.to_owned(),
        mime_type: Some(kind.to_owned()),
        href,
        ..Link::default()
    };
    let feed = Feed {
        id: id(catalog, &[name.to_owned()]),
        title: titled(catalog, title).into(),
        subtitle: catalog.generated.then(|| GENERATED.into()),
        updated: newest.map_or_else(as_of, Ok)?,
        authors: vec![Person {
            name: PUBLISHER.to_owned(),
            ..Person::default()
        }],
        rights: catalog.attribution.as_deref().map(Into::into),
        links: vec![
            link(
                "self",
                "application/atom+xml",
                links.page(&format!("feeds/{name}.atom")),
            ),
            link("alternate", "text/html", links.page(page)),
        ],
        entries,
        lang: Some("en".to_owned()),
        ..Feed::default()
    };
    let config = WriteConfig {
        indent_size: Some(2),
        ..WriteConfig::default()
    };
    let xml = feed
        .write_with_config(Vec::new(), config)
        .or_fail(Exit::Bug)?;
    Ok(xml.into())
}

fn entry(catalog: &Catalog, links: &Links, feed: &str, news: News) -> Result<Entry, Failure> {
    let mut of = vec![feed.to_owned()];
    of.extend(news.of);
    Ok(Entry {
        id: id(catalog, &of),
        title: titled(catalog, &news.title).into(),
        summary: Some(news.text.into()),
        updated: fixed(news.since)?,
        published: Some(fixed(news.since)?),
        links: vec![Link {
            rel: "alternate".to_owned(),
            mime_type: Some("text/html".to_owned()),
            href: links.page(&news.page),
            ..Link::default()
        }],
        ..Entry::default()
    })
}

/// Returns the id of what these words name: a UUID of version 8, which is a digest of a name
/// (<https://www.rfc-editor.org/rfc/rfc9562#section-5.8>). It does not depend on the site's address, which may move, and
/// a `tag:` URI would need a domain that the project owns.
fn id(catalog: &Catalog, of: &[String]) -> String {
    let origin = if catalog.generated {
        "generated"
    } else {
        "city"
    };
    let mut parts = vec!["toronto-311", origin];
    parts.extend(of.iter().map(String::as_str));
    let digest = Fingerprint::of(&parts);
    let (time, rest) = digest.as_str().split_at(12);
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        &time[..8],
        &time[8..],
        &rest[..3],
        &rest[3..6],
        &rest[6..18]
    )
}

fn fixed(time: Timestamp) -> Result<FixedDateTime, Failure> {
    time.to_string().parse().or_fail(Exit::Bug)
}

/// Returns the number with its word, of which `many` is the plural.
pub(in crate::publish) fn counted(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

/// Returns the number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Caching;

    /// Section 4.2.15 of the RFC: what changes significantly is updated. Section 4.2.6: an id never changes.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_entry_is_updated_when_its_words_change_and_keeps_its_id() {
        let home = tempfile::tempdir().expect("a directory");
        let site = Site::new(&format!("file://{}", home.path().display()), None).expect("a site");
        let catalog = serde_json::json!({
            "catalog": "v1",
            "fingerprint": Fingerprint::of(&["marts"]),
            "run": "run",
            "as_of": null,
            "data_through": null,
            "licence": null,
            "attribution": null,
            "marts": [],
            "superseded": [],
        });
        let catalog = serde_json::from_value(catalog).expect("a catalog");
        let publish = async |hour: &str, requests: &str| -> Vec<[String; 4]> {
            let time = |hour: &str| format!("2026-11-01T{hour}:00:00Z").parse().expect("a time");
            let of_month = |month: &str, requests: &str, hour: &str| News {
                of: vec![month.to_owned()],
                title: format!("{month}: {requests} & more"),
                text: format!("{requests} \"requests\" < all"),
                since: time(hour),
                page: "index.html".to_owned(),
            };
            let feeds = Feeds {
                site: &site,
                catalog: &catalog,
                now: time(hour),
            };
            let news = vec![
                of_month("October", requests, "01"),
                of_month("November", "7", "02"),
            ];
            let write = feeds.write("ward-01", "Ward 1", "index.html", news);
            let (path, xml) = write.await.expect("written");
            let put = site.put(&path, xml.clone(), Caching::Never);
            put.await.expect("put");
            let feed = Feed::read_from(&xml[..]).expect("a feed");
            let newest = feed.entries.iter().map(|entry| entry.updated).max();
            assert_eq!(Some(feed.updated), newest);
            let hour = |time: FixedDateTime| time.format("%H").to_string();
            let seen = feed.entries.into_iter().map(|entry| {
                let since = entry.published.expect("a time");
                [
                    entry.id,
                    entry.title.value,
                    hour(since),
                    hour(entry.updated),
                ]
            });
            seen.collect()
        };
        let first = publish("03", "1,000").await;
        let times = |entries: &[[String; 4]]| -> Vec<String> {
            let times = entries
                .iter()
                .map(|[.., since, updated]| format!("{since} {updated}"));
            times.collect()
        };
        assert_eq!(times(&first), ["02 02", "01 01"]);
        assert_eq!(publish("04", "1,000").await, first);
        let corrected = publish("05", "999").await;
        assert_eq!(times(&corrected), ["02 02", "01 05"]);
        assert_eq!(corrected[1][0], first[1][0]);
        assert_eq!(corrected[1][1], "October: 999 & more");
        assert_eq!(publish("06", "999").await, corrected);
    }
}
