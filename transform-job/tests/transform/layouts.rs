//! Property tests: the formatting of a file does not affect its rows.

use proptest::prelude::*;
use serde_json::Value;
use shared::testing::TestLake;

use crate::parquet::rows;
use crate::{HEADER, clean_manifest, put_year, transform};

/// A row's values, in the contract's order.
type Values = Vec<String>;

fn values() -> impl Strategy<Value = Values> {
    let street = prop_oneof![
        Just(String::new()),
        "[A-Z][a-z]{1,8} (St|Ave)",
        Just("Rue Montréal".to_owned())
    ];
    (
        (1_u8..=12, 1_u8..=28, 0_u8..24, 0_u8..60, 0_u8..60),
        prop::sample::select(vec!["Completed", "In-progress", "New", "Unknown"]),
        prop::sample::select(vec!["M5V", "Intersection", "M1B"]),
        street.clone(),
        street,
        prop::sample::select(vec![
            "Davenport (09)",
            "Toronto-St. Paul's (12)",
            "Toronto-St. Paul\u{2019}s (12)",
        ]),
        prop::sample::select(vec![
            "Noise",
            "Sidewalk Icy|| Needs Sand/Salt",
            "Road - Pot hole",
        ]),
        prop::sample::select(vec![
            "Parks, Forestry & Recreation",
            "Environment, Climate & Forestry",
            "Solid Waste Management Services",
            "311",
        ]),
        prop_oneof![
            Just("Transfer, Disposal & Operations".to_owned()),
            "[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8})?"
        ],
    )
        .prop_map(
            |(
                (month, day, hour, minute, second),
                status,
                fsa,
                street_1,
                street_2,
                ward,
                kind,
                division,
                section,
            )| {
                vec![
                    format!("2024-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.0000000"),
                    status.to_owned(),
                    fsa.to_owned(),
                    street_1,
                    street_2,
                    ward.to_owned(),
                    kind.to_owned(),
                    division.to_owned(),
                    section,
                ]
            },
        )
}

fn header() -> Values {
    HEADER.split(',').map(str::to_owned).collect()
}

/// The formatting of a file.
#[derive(Debug, Clone)]
struct Layout {
    /// The contract's columns in the order of the file.
    order: Vec<usize>,
    /// The width to which the fields of the contract's columns are padded; as in 2021, the last one of a line is not.
    widths: Option<Vec<usize>>,
    quote: Quote,
    underscores: bool,
    byte_order_mark: bool,
    line_end: &'static str,
    /// Rows with empty fields after the last one, by the number of fields.
    empty_fields: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quote {
    Never,
    WhereNeeded,
    Always,
}

fn layout() -> impl Strategy<Value = Layout> {
    (
        prop_oneof![
            Just((0..9).collect::<Vec<_>>()),
            Just((0..9).collect::<Vec<_>>()).prop_shuffle()
        ],
        prop::option::of(prop::collection::vec(0_usize..40, 9)),
        prop::sample::select(vec![Quote::Never, Quote::WhereNeeded, Quote::Always]),
        any::<bool>(),
        any::<bool>(),
        prop::sample::select(vec!["\n", "\r\n", "\r\r\n"]),
        prop_oneof![3 => Just(vec![0]), 1 => prop::collection::vec(0_usize..4, 1..4)],
    )
        .prop_map(
            |(order, widths, quote, underscores, byte_order_mark, line_end, empty_fields)| Layout {
                order,
                widths,
                quote,
                underscores,
                byte_order_mark,
                line_end,
                empty_fields,
            },
        )
}

impl Layout {
    fn write(&self, rows: &[Values]) -> String {
        let mut header = header();
        if self.underscores {
            header = header.iter().map(|name| name.replace(' ', "_")).collect();
        }
        let mut text = if self.byte_order_mark { "\u{feff}" } else { "" }.to_owned();
        text += &self.line(&header);
        for (index, row) in rows.iter().enumerate() {
            text += self.line_end;
            text += &self.line(row);
            let empty = self.empty_fields[index % self.empty_fields.len()];
            text += &",".repeat(empty);
        }
        text + self.line_end
    }

    fn line(&self, values: &Values) -> String {
        let last = self.order.len() - 1;
        let fields = self.order.iter().enumerate().map(|(position, &column)| {
            let value = &values[column];
            let field = match self.quote {
                Quote::Always => format!("\"{value}\""),
                Quote::WhereNeeded if value.contains(',') => format!("\"{value}\""),
                _ => value.clone(),
            };
            match &self.widths {
                Some(widths) if position == 0 => format!("{field:<width$}", width = widths[column]),
                Some(widths) if position < last => {
                    format!(" {field:<width$}", width = widths[column])
                }
                Some(_) => format!(" {field}"),
                None => field,
            }
        });
        fields.collect::<Vec<_>>().join(",")
    }
}

/// Returns the clean rows without the columns that depend on the formatting.
fn clean(text: &str) -> (Vec<Value>, Value) {
    let lake = TestLake::default();
    let key = put_year(&lake, 2024, text.as_bytes());
    transform(&lake, &key).finished();
    let manifest = clean_manifest(&lake);
    let mut rows = rows(&lake, &manifest);
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("repaired");
    }
    (rows, manifest)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn rows_do_not_depend_on_the_formatting_of_a_file(
        values in prop::collection::vec(values(), 1..20),
        layout in layout(),
    ) {
        let tight = Layout {
            order: (0..9).collect(),
            widths: None,
            quote: Quote::Always,
            underscores: false,
            byte_order_mark: false,
            line_end: "\r\n",
            empty_fields: vec![0],
        };
        let (expected, _) = clean(&tight.write(&values));
        let text = layout.write(&values);
        let (read, manifest) = clean(&text);
        prop_assert_eq!(read, expected, "{}", text);
        prop_assert_eq!(&manifest["rows"]["quarantined"], 0);
        let drift = manifest["drift"].as_array().unwrap();
        let is_expected = |kind: &str| match kind {
            "reordered_columns" => !layout.order.is_sorted(),
            "surplus_empty_fields" => layout.empty_fields.iter().any(|empty| *empty > 0),
            _ => false,
        };
        let all_expected = drift.iter().all(|drift| is_expected(drift["kind"].as_str().unwrap()));
        prop_assert!(all_expected, "{:?}", drift);
    }
}
