use proptest::prelude::*;
use proptest::sample::Index;
use shared::testing::{fixtures, fuzz_corpus, replay};

use super::*;

#[test]
fn the_corpus_of_year_files_holds() {
    replay(&fuzz_corpus("year_file"), year_file);
    replay(&fixtures().join("city/service-requests"), year_file);
}

#[test]
fn the_corpus_of_areas_holds() {
    replay(&fuzz_corpus("areas"), areas);
}

#[test]
fn the_corpus_of_wards_holds() {
    replay(&fuzz_corpus("wards"), wards);
    replay(&fixtures().join("city/boundaries"), wards);
}

#[test]
fn the_corpus_of_packages_holds() {
    replay(&fuzz_corpus("package"), package);
}

/// Returns a seed of a target, with a few bytes changed.
fn changed(target: &str, name: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seed = fs::read(fuzz_corpus(target).join(name)).expect("a seed");
    prop::collection::vec((any::<Index>(), any::<u8>()), 0..4).prop_map(move |changes| {
        let mut bytes = seed.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_change_to_a_seed_holds(
        zip in changed("year_file", "sound.zip"),
        shapefile in changed("areas", "three-areas"),
        geojson in changed("wards", "wards.geojson"),
        answer in changed("package", "package.json"),
    ) {
        year_file(&zip);
        areas(&shapefile);
        wards(&geojson);
        package(&answer);
    }
}
