//! What describes the data of a site, and the feeds of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Returns a published file. A description or a feed is without the times of loading, observation and correction, and without
/// the files of the `operational` marts, which have them.
pub(crate) fn without_times(path: &str, content: Vec<u8>, operational: &[String]) -> Vec<u8> {
    let lines = |text: &str| -> Vec<u8> {
        let is_time = |line: &&str| line.contains("<updated>") || line.contains("<published>");
        let lines = text.lines().filter(|line| !is_time(line));
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    };
    if [".json", ".jsonld"].iter().any(|end| path.ends_with(end)) {
        let mut json = serde_json::from_slice(&content).unwrap();
        remove_times(&mut json, operational);
        json.to_string().into_bytes()
    } else if path.starts_with("feeds/") {
        lines(&String::from_utf8(content).unwrap())
    } else {
        content
    }
}

fn remove_times(value: &mut Value, operational: &[String]) {
    match value {
        Value::Array(values) => {
            values.retain(|value| {
                let text = value.to_string();
                !operational.iter().any(|mart| text.contains(mart))
            });
            for value in values {
                remove_times(value, operational);
            }
        }
        Value::Object(members) => {
            members.remove("seen_at");
            for value in members.values_mut() {
                remove_times(value, operational);
            }
        }
        _ => {}
    }
}

/// An entry of a feed.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    words: [String; 2],
    /// The time of its last change.
    updated: String,
}

/// Returns every entry of every feed, by its id.
pub(crate) fn entries(published: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Entry> {
    let of = |entry: &str, name: &str| {
        let (_, rest) = entry.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let feeds = published.iter().filter(|(path, _)| path.contains("feeds/"));
    let mut entries = BTreeMap::new();
    for (_, feed) in feeds {
        let feed = String::from_utf8_lossy(feed);
        let of_feed = feed.split("<entry>").skip(1);
        entries.extend(of_feed.map(|entry| {
            let words = ["title", "summary"].map(|name| of(entry, name));
            let updated = of(entry, "updated");
            (of(entry, "id"), Entry { words, updated })
        }));
    }
    entries
}

/// A correction adds a publication, and updates the entries with numbers that it changes. Every other entry stays.
pub(crate) fn entries_stay(before: &BTreeMap<String, Entry>, after: &BTreeMap<String, Entry>) {
    assert!(before.len() > 100, "{before:?}");
    let mut corrected = 0;
    for (id, seen) in before {
        let now = &after[id];
        if now.words == seen.words {
            assert_eq!(now, seen, "{id}");
        } else {
            assert!(now.updated > seen.updated, "{seen:?} {now:?}");
            corrected += 1;
        }
    }
    assert!((1..10).contains(&corrected), "{corrected}");
    assert!(after.len() > before.len());
}
