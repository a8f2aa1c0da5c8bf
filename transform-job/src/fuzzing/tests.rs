use proptest::prelude::*;
use shared::testing::{city_files, fuzz_corpus, replay};

use super::*;

#[test]
fn the_corpus_of_files_holds() {
    replay(&fuzz_corpus("csv"), csv);
    replay(&city_files().join("service-requests"), csv);
}

#[test]
fn the_corpus_of_lines_holds() {
    replay(&fuzz_corpus("line"), line);
}

#[test]
fn the_corpus_of_boundaries_holds() {
    replay(&fuzz_corpus("boundaries"), boundaries);
    replay(&city_files().join("boundaries"), boundaries);
}

/// Values of each of the columns, and texts that are valid in some of them.
fn value(column: usize) -> BoxedStrategy<Vec<u8>> {
    const USUAL: [&[&str]; 9] = [
        &[
            "2024-01-02 00:00:00.0000000",
            "2024-03-10 02:30:00",
            "2024-11-03 01:30:00",
            "02/01/2024 1:04:05 PM",
            "2023-12-31 23:59:59",
        ],
        &["Completed", "In-progress ", "Paused", ""],
        &["M4A", "m5v", "Intersection", "L4J", "Unknown"],
        &["", "Leslie St", " 5\" Pipe Rd "],
        &["", "Finch Ave E"],
        &[
            "Davenport (09)",
            "Toronto-St. Paul\u{2019}s (12)",
            "Etobicoke North (01)",
            "Unknown",
            "Downtown (99)",
        ],
        &["Noise", "Sidewalk Icy|| Needs Sand/Salt", " "],
        &[
            "311",
            "Parks, Forestry & Recreation",
            "Roads, Rails & Rivers",
            "",
        ],
        &["Ops", "Transfer, Disposal & Operations", ""],
    ];
    let usual = prop::sample::select(USUAL[column]);
    prop_oneof![
        12 => usual.prop_map(|text| text.as_bytes().to_vec()),
        1 => "[-\"0-9a-zA-Z,:./ ()|]{0,12}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>().prop_filter("not a line end", |byte| *byte != b'\n'), 0..6),
    ]
    .boxed()
}

/// A line of values, each in quotes or not.
fn row() -> impl Strategy<Value = Vec<u8>> {
    let values = std::array::from_fn::<_, 9, _>(value);
    (values, any::<bool>()).prop_map(|(values, is_quoted)| {
        let quoted = |value: &[u8]| {
            let quote: &[u8] = if is_quoted { b"\"" } else { b"" };
            [quote, value, quote].concat()
        };
        values.map(|value| quoted(&value)).join(&b","[..])
    })
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => row(),
        1 => prop::collection::vec(any::<u8>(), 0..80),
        1 => Just(Vec::new()),
    ]
}

fn header() -> impl Strategy<Value = String> {
    const USUAL: &str = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,Intersection Street 2,\
                         Ward,Service Request Type,Division,Section";
    prop::sample::select(vec![
        USUAL.to_owned(),
        USUAL.to_owned(),
        USUAL.replace(',', " , "),
        format!("\u{feff}\"{}\"", USUAL.replace(',', "\",\"")),
        USUAL.replace(' ', "_"),
        format!("{USUAL},Comment"),
        USUAL.replace("Ward,", "Comment,Ward Name,"),
        USUAL.replace("Status,", "Creation Time,Status,"),
        USUAL.replace("Division,Section", "Section,Division"),
    ])
}

proptest! {
    #[test]
    fn any_file_holds(
        header in header(),
        lines in prop::collection::vec(any_line(), 0..40),
        line_end in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let lines = std::iter::once(header.into_bytes()).chain(lines);
        let file: Vec<Vec<u8>> = lines.collect();
        csv(&file.join(line_end.as_bytes()));
    }

    #[test]
    fn any_line_and_value_holds(
        row in row(),
        value in (0..9_usize).prop_flat_map(value),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        for text in [row, value, bytes] {
            line(&text);
        }
    }

    #[test]
    fn any_change_to_boundaries_holds(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        const AREA: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature",
            "properties":{"CFSAUID":"M5V","AREA_SHORT_CODE":"10","AREA_NAME":"Davenport","LANDAREA":4.5678},
            "geometry":{"type":"Polygon","coordinates":[[[-79.4,43.6],[-79.3,43.6],[-79.3,43.7],[-79.4,43.6]]]}}]}"#;
        let mut geojson = AREA.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(geojson.len());
            geojson[at] = byte;
        }
        boundaries(&geojson);
    }
}
