//! Invariants that hold for any input: the entry points of the fuzz targets in `dev/fuzz`, which the tests of this crate
//! call with the same corpus and with random input. Each panics if an invariant does not hold.

use std::fmt::{Debug, Display};
use std::path::{Component, Path};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hand_over::HandOver;
use crate::key::Key;
use crate::manifest::{
    CleanManifest, LoadReceipt, MartsManifest, Publication, RawManifest, from_json, to_json,
};
use crate::partition::Partition;
use crate::run::RunId;
use crate::settings::Years;

/// Reads `bytes` as each object in JSON that stages exchange, and as each text with a format of its own.
///
/// What is accepted is written as the same value, and again as the same bytes. Keys stay below the lake.
pub fn exchanged(bytes: &[u8]) {
    json::<RawManifest>(bytes);
    json::<Publication>(bytes);
    json::<CleanManifest>(bytes);
    json::<LoadReceipt>(bytes);
    json::<MartsManifest>(bytes);
    json::<HandOver>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        written::<Key>(text);
        written::<Partition>(text);
        written::<Years>(text);
        written::<RunId>(text);
        check_key(text);
    }
}

fn json<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let key = Key::new("input.json").expect("a key");
    if let Ok(value) = from_json::<T>(&key, bytes) {
        let written = to_json(&value);
        let again: T = from_json(&key, &written).expect("an object that was just written");
        assert_eq!(again, value);
        assert_eq!(to_json(&again), written);
    }
}

fn written<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again = value.to_string().parse::<T>();
        assert_eq!(again.ok(), Some(value), "{text:?}");
    }
}

fn check_key(text: &str) {
    if let Ok(key) = Key::new(text) {
        let path = Path::new(key.as_str());
        let mut components = path.components();
        assert!(
            components.all(|part| matches!(part, Component::Normal(_))),
            "{key}"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{fuzz_corpus, replay};

    #[test]
    fn the_corpus_of_exchanged_objects_holds() {
        replay(&fuzz_corpus("exchanged"), exchanged);
    }

    proptest! {
        #[test]
        fn any_text_holds(text in "[-+a-z0-9A-Z./_=,: ]{0,40}") {
            exchanged(text.as_bytes());
        }
    }
}
