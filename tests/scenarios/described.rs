//! What describes the data of a site, and the feeds of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Returns a published file. A description or a feed is without the times of loading and observation, and without the files
/// of the `operational` marts, which have them.
pub(crate) fn without_times(path: &str, content: Vec<u8>, operational: &[String]) -> Vec<u8> {
    let lines = |text: &str| -> Vec<u8> {
        let lines = text.lines().filter(|line| !line.contains("<updated>"));
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    };
    if [".json", ".jsonld"].iter().any(|end| path.ends_with(end)) {
        let mut json = serde_json::from_slice(&content).unwrap();
        remove_times(&mut json, operational);
        json.to_string().into_bytes()
    } else if path.ends_with("publications.atom") {
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

/// Returns the id of every entry of every feed, with the time of its last change.
pub(crate) fn entries(published: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let of = |entry: &str, name: &str| {
        let (_, rest) = entry.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let feeds = published.iter().filter(|(path, _)| path.contains("feeds/"));
    let mut entries = BTreeMap::new();
    for (_, feed) in feeds {
        let feed = String::from_utf8_lossy(feed);
        let of_feed = feed.split("<entry>").skip(1);
        entries.extend(of_feed.map(|entry| (of(entry, "id"), of(entry, "updated"))));
    }
    entries
}

/// A correction adds a publication, and moves no entry that readers have seen.
pub(crate) fn entries_stay(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    assert!(before.len() > 100, "{before:?}");
    for (id, time) in before {
        assert_eq!(after.get(id), Some(time), "{id}");
    }
    assert!(after.len() > before.len());
}
