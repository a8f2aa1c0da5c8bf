//! Atom feeds: RFC 4287, <https://www.rfc-editor.org/rfc/rfc4287>.

use atom_syndication::{Entry, Feed, FixedDateTime, Link, Person, WriteConfig};
use bytes::Bytes;
use jiff::Timestamp;
use shared::exit::{Exit, Failure, OrFail as _};
use shared::fingerprint::Fingerprint;

use crate::publish::catalog::Catalog;
use crate::publish::descriptions::{GENERATED, Links, PUBLISHER, titled};

/// An entry of a feed.
pub(super) struct News {
    /// What it is about. It decides the id, so it never changes.
    pub(super) of: Vec<String>,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) updated: Timestamp,
    /// The page about it, relative to the site.
    pub(super) page: String,
}

/// Returns the feed `name`, with its newest entry first.
pub(super) fn write(
    catalog: &Catalog,
    name: &str,
    title: &str,
    page: &str,
    mut news: Vec<News>,
) -> Result<Bytes, Failure> {
    let links = Links::from_folder(catalog);
    // Those of the same time are in one order wherever they are written.
    news.sort_by(|one, other| other.updated.cmp(&one.updated).then(one.of.cmp(&other.of)));
    let newest = news.iter().map(|one| one.updated).max();
    let as_of = catalog.as_of.as_ref().and_then(|time| time.parse().ok());
    let updated = newest.or(as_of).unwrap_or(Timestamp::UNIX_EPOCH);
    let entries = news
        .into_iter()
        .map(|one| entry(catalog, &links, name, one));
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
        updated: fixed(updated)?,
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
        entries: entries.collect::<Result<_, _>>()?,
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
        updated: fixed(news.updated)?,
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
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", if number == 1 { one } else { many })
}
