use std::collections::BTreeMap;

use super::*;
use crate::published::{COMMA_SECTION, ClosingLaw, Encoding, Layout};

const fn edition(publication: u32, corrections: u32) -> Edition {
    Edition {
        publication,
        corrections,
    }
}

const WHOLE: Edition = edition(15, 0);

fn text(plan: &Plan, seed: u64, edition: Edition) -> String {
    let bytes = csv(plan, seed, edition);
    let text = match plan.format.encoding {
        Encoding::Utf8 => String::from_utf8(bytes).expect("UTF-8"),
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.decode(&bytes).0.into_owned(),
    };
    assert!(text.ends_with("\r\n"));
    text
}

/// Returns the rows as strings.
fn lines(plan: &Plan, edition: Edition) -> Vec<String> {
    let text = text(plan, 311, edition);
    let lines = text.split_terminator("\r\n").skip(1);
    lines.map(str::to_owned).collect()
}

/// Returns the rows as nine fields, from any layout.
fn rows(plan: &Plan, edition: Edition) -> Vec<[String; 9]> {
    let separator = match plan.format.layout {
        Layout::Quoted => "\",\"",
        Layout::Plain => ",",
        Layout::Padded => ", ",
    };
    let split = |line: &String| {
        let mut fields: Vec<&str> = line.trim_matches('"').splitn(8, separator).collect();
        let rest = fields.pop().expect("a division and a section");
        // The unquoted comma is in the section or in the division.
        let (division, section) = match rest.strip_suffix(COMMA_SECTION) {
            Some(division) => (division.trim_end_matches(separator), COMMA_SECTION),
            None => rest.rsplit_once(separator).expect("a section"),
        };
        fields.extend([division, section]);
        if plan.format.layout == Layout::Padded {
            fields = fields.into_iter().map(str::trim_end).collect();
        }
        let fields: Vec<String> = fields.into_iter().map(str::to_owned).collect();
        fields.try_into().expect("nine fields")
    };
    lines(plan, edition).iter().map(split).collect()
}

fn count<'a>(values: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn the_rows_match_the_plan() {
    for year in [2012, 2017, 2021, 2025, 2026] {
        let plan = Plan::for_year(year, Some(20_000));
        let rows = rows(&plan, WHOLE);
        assert_eq!(rows.len(), 20_000);
        let mut months = [0; 12];
        for row in &rows {
            months[row[0][5..7].parse::<usize>().unwrap() - 1] += 1;
        }
        assert_eq!(months, plan.months, "{year}");
        let divisions = count(rows.iter().map(|row| row[7].as_str()));
        assert_eq!(divisions, plan.by_division().collect(), "{year}");
        if year <= 2020 {
            let statuses = count(rows.iter().map(|row| row[1].as_str()));
            let planned = plan.statuses.iter();
            let planned = planned.map(|(name, rows)| ((*name).to_owned(), *rows));
            assert_eq!(statuses, planned.collect(), "{year}");
        }
        let void = |row: &&[String; 9]| row[2] == "Intersection" && row[5] == "Unknown";
        let voids = rows.iter().filter(void).count() as u64;
        assert_eq!(voids, plan.void_rows(), "{year}");
        let repeated = rows.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        assert_eq!(repeated, plan.duplicates, "{year}");
        assert!(rows.is_sorted_by_key(|row| &row[0]), "{year}");
        let corners = rows.iter().filter(|row| row[2] == "Intersection").count();
        assert!((2_400..4_400).contains(&corners), "{year}: {corners}");
        for row in &rows {
            let is_corner = row[2] == "Intersection";
            assert_eq!(
                [&row[3], &row[4]].map(|street| !street.is_empty()),
                [is_corner; 2]
            );
        }
    }
}

#[test]
fn equal_seeds_generate_equal_bytes_and_different_seeds_different_ones() {
    let plan = Plan::for_year(2018, Some(500));
    assert_eq!(csv(&plan, 1, WHOLE), csv(&plan, 1, WHOLE));
    assert_ne!(csv(&plan, 1, WHOLE), csv(&plan, 2, WHOLE));
}

#[test]
fn a_correction_completes_and_withdraws_rows_and_keeps_the_rest() {
    let plan = Plan::for_year(2024, Some(10_000));
    let (first, second) = (lines(&plan, WHOLE), lines(&plan, edition(15, 1)));
    assert_eq!(
        first.len() - second.len(),
        10,
        "one row in a thousand is withdrawn"
    );
    let mut left = first.iter().peekable();
    let mut completed = 0;
    for row in &second {
        while without_status(left.peek().unwrap()) != without_status(row) {
            left.next();
        }
        completed += usize::from(left.next().unwrap() != row);
    }
    assert!(completed > 50, "{completed}");
}

fn without_status(row: &str) -> (String, String) {
    let (moment, rest) = row.split_once(',').unwrap();
    let rest = rest.split_once(',').unwrap().1;
    (moment.to_owned(), rest.to_owned())
}

#[test]
fn years_are_written_in_their_own_layouts() {
    let whole = |year| text(&Plan::for_year(year, Some(3_000)), 311, WHOLE);
    let start = |year| {
        let text = whole(year);
        let mut lines = text.split("\r\n");
        [lines.next(), lines.next()].map(|line| line.unwrap().to_owned())
    };
    let plain = "Creation Date,Status,First 3 Chars of Postal Code,Intersection Street 1,\
                 Intersection Street 2,Ward,Service Request Type,Division,Section";
    for year in 2010..=2013 {
        let [header, row] = start(year);
        assert_eq!(header, format!("\"{}\"", plain.replace(',', "\",\"")));
        assert!(row.starts_with(&format!("\"{year}-01-01 ")), "{row}");
    }
    for year in [2014, 2018, 2020, 2022, 2025, 2026] {
        let [header, row] = start(year);
        assert_eq!(header, plain, "{year}");
        assert!(row.starts_with(&format!("{year}-01-01 ")), "{row}");
        assert_eq!(&row[19..28], ".0000000,");
    }
    assert_eq!(start(2017)[0], plain.replace(' ', "_"));
    assert!(whole(2016).contains("St. Paul\u{2019}s"));
    let encoded = |year| csv(&Plan::for_year(year, Some(3_000)), 311, WHOLE);
    for year in [2025, 2026] {
        assert!(std::str::from_utf8(&encoded(year)).is_err(), "{year}");
        assert!(whole(year).contains("St. Paul\u{2019}s"), "{year}");
    }
    assert!(encoded(2024).is_ascii());
}

#[test]
fn the_padded_year_is_padded_like_the_citys() {
    let real = include_str!("../../../../tests/fixtures/city/service-requests/SR2021.csv");
    let plan = Plan::for_year(2021, None);
    let text = text(&plan, 311, edition(1, 0));
    assert_eq!(text.lines().next(), real.lines().next());
    // Every line has a comma where each field of the first line ends.
    let widths = |line: &str| -> Vec<usize> {
        let fields: Vec<&str> = line.splitn(9, ", ").collect();
        fields[..8].iter().map(|field| field.len()).collect()
    };
    let expected = widths(real.lines().next().unwrap());
    for line in text.lines().chain(real.lines()) {
        assert_eq!(widths(line), expected, "{line}");
        assert!(!line.ends_with(' '), "{line}");
    }
    let line = text.lines().nth(1).unwrap().len();
    assert!((255..310).contains(&line), "{line}");
}

#[test]
fn a_section_with_a_comma_is_not_quoted() {
    let plan = Plan::for_year(2025, None);
    let lines = lines(&plan, WHOLE);
    let of_section = |line: &&String| {
        line.ends_with(",Solid Waste Management Services,Transfer, Disposal & Operations")
    };
    assert_eq!(lines.iter().filter(of_section).count(), 15);
    let with_ten_fields = lines.iter().filter(|line| line.split(',').count() > 9);
    assert_eq!(with_ten_fields.count(), 36_189);
}

#[test]
fn requests_stay_the_same_from_publication_to_publication_and_close_by_their_laws() {
    let plan = Plan::for_year(2024, Some(40_000));
    let mut before: Vec<[String; 9]> = Vec::new();
    let is_open = |status: &str| {
        [
            "New",
            "In Progress",
            "In-Progress",
            "In-progress ",
            "Initiated",
        ]
        .contains(&status)
    };
    let rank = |status: &str| match status {
        "New" | "Initiated" => 0,
        _ if is_open(status) => 1,
        _ => 2,
    };
    for publication in [1, 2, 7, 12, 15] {
        let now = rows(&plan, edition(publication, 0));
        for (before, now) in before.iter().zip(&now) {
            assert_eq!(
                [&before[0], &before[2], &before[6]],
                [&now[0], &now[2], &now[6]]
            );
            let (before, now) = (&before[1], &now[1]);
            assert!(
                before == now || rank(before) < rank(now),
                "{before}, then {now}"
            );
        }
        before = now;
    }

    // The number of open requests of each type matches its law.
    let as_of: Date = "2025-04-01".parse().unwrap();
    let mut compared = 0;
    let mut types: BTreeMap<&str, (f64, f64, u32)> = BTreeMap::new();
    for row in before.iter().filter(|row| row[1] != "Unknown") {
        let law = ClosingLaw::of_type(&row[6]).expect("a law for each type");
        let created: Date = row[0][..10].parse().unwrap();
        let age = created.duration_until(as_of).as_hours() / 24;
        let age = f64::from(i32::try_from(age).unwrap());
        let (expected, open, all) = types.entry(&row[6]).or_default();
        *expected += law.share_open_after(age - 1.0);
        *open += f64::from(u8::from(is_open(&row[1])));
        *all += 1;
    }
    for (name, (expected, open, all)) in types {
        if all >= 300 {
            // Five standard deviations of a Poisson count.
            let tolerance = 5.0 * expected.max(1.0).sqrt();
            assert!(
                (expected - open).abs() < tolerance,
                "{name}: {open} of {all}, not {expected}"
            );
            compared += 1;
        }
    }
    assert!(compared > 25, "{compared}");
}

#[test]
fn the_sample_resembles_the_citys_data() {
    let plan = Plan::for_year(2026, Some(150_000));
    let rows = rows(&plan, WHOLE);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = |part: u64, whole: u64| part as f64 / whole as f64;

    // Each ward has the same share of all requests as in the City's file.
    let known = include_str!("../../data/wards.csv");
    let known: Vec<(u8, u64)> = known
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        .map(|line| {
            let mut fields = line.split(',');
            let ward = fields.next().unwrap().parse().unwrap();
            (ward, fields.next().unwrap().parse().unwrap())
        })
        .collect();
    let all: u64 = known.iter().map(|(_, requests)| requests).sum();
    let number =
        |ward: &str| -> Option<u8> { ward.rsplit_once('(')?.1.trim_end_matches(')').parse().ok() };
    let mut wards: BTreeMap<u8, u64> = BTreeMap::new();
    for row in &rows {
        *wards.entry(number(&row[5]).unwrap_or(0)).or_default() += 1;
    }
    for (ward, requests) in known {
        let (found, expected) = (share(wards[&ward], plan.rows()), share(requests, all));
        assert!(
            (found / expected - 1.0).abs() < 0.05,
            "ward {ward}: {found}, not {expected}"
        );
    }

    // An area lies in its wards.
    let pairs = include_str!("../../data/fsa_wards.csv");
    for row in rows.iter().filter(|row| row[2].starts_with('M')) {
        let pair = format!("\n{},{},", row[2], number(&row[5]).expect("a ward"));
        assert!(pairs.contains(&pair), "{row:?}");
    }

    // The leading types of a ward also lead in the sample.
    let of = |ward: u8, name: &str| {
        let fitting = rows
            .iter()
            .filter(|row| row[6] == name && number(&row[5]) == Some(ward));
        fitting.count()
    };
    assert!(of(6, "Moving Motor Vehicle Noise") > 5 * of(3, "Moving Motor Vehicle Noise"));
    assert!(of(11, "Graffiti on Private Property") > 2 * of(21, "Graffiti on Private Property"));
    let grass = "Long Grass and Prohibited Plants on Private Property";
    assert!(of(21, grass) > 3 * of(11, grass));

    // Snow is reported in winter, grass in summer.
    let in_months = |name: &str, months: &[&str]| {
        let fitting = rows
            .iter()
            .filter(|row| row[6] == name && months.contains(&&row[0][5..7]));
        fitting.count()
    };
    assert_eq!(in_months("Icy Sidewalk Needs Salting", &["07", "08"]), 0);
    assert!(in_months("Icy Sidewalk Needs Salting", &["01", "02"]) > 50);
    assert!(in_months(grass, &["06", "07"]) > 10 * in_months(grass, &["04"]));
}
