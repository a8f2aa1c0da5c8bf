use std::collections::BTreeMap;

use super::*;

const fn edition(corrections: u32) -> Edition {
    Edition {
        publication: 12,
        corrections,
    }
}

fn lines(plan: &Plan, seed: u64, correction: u32) -> Vec<String> {
    let text = String::from_utf8(csv(plan, seed, edition(correction))).expect("UTF-8");
    assert!(text.ends_with("\r\n"));
    text.split_terminator("\r\n").map(str::to_owned).collect()
}

#[test]
fn the_rows_are_those_of_the_plan() {
    let plan = Plan::for_year(2025, Some(20_000));
    let lines = lines(&plan, 311, 0);
    assert_eq!(lines.len(), 20_001);
    let rows = &lines[1..];

    let mut months = [0; 12];
    let mut divisions: BTreeMap<String, u64> = BTreeMap::new();
    let mut statuses: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        let fields: Vec<&str> = row.split(',').collect();
        months[fields[0][5..7].parse::<usize>().unwrap() - 1] += 1;
        *divisions
            .entry(fields[7..fields.len() - 1].join(","))
            .or_default() += 1;
        *statuses.entry(fields[1]).or_default() += 1;
    }
    assert_eq!(months, plan.months);
    assert_eq!(divisions, plan.by_division().collect());
    let planned = plan.statuses.iter().copied().filter(|(_, rows)| *rows > 0);
    assert_eq!(statuses, planned.collect());

    let is_void = |row: &&String| {
        let fields: Vec<&str> = row.split(',').collect();
        fields[2] == "Intersection" && fields[5] == "Unknown"
    };
    assert_eq!(rows.iter().filter(is_void).count() as u64, plan.void_rows());
    let repeated = rows.windows(2).filter(|pair| pair[0] == pair[1]);
    assert_eq!(repeated.count() as u64, plan.duplicates);
    assert!(rows.is_sorted_by_key(|row| &row[..19]));
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let plan = Plan::for_year(2018, Some(500));
    assert_eq!(csv(&plan, 1, edition(0)), csv(&plan, 1, edition(0)));
    assert_ne!(csv(&plan, 1, edition(0)), csv(&plan, 2, edition(0)));
}

#[test]
fn a_correction_completes_and_withdraws_and_leaves_the_rest() {
    let plan = Plan::for_year(2024, Some(10_000));
    let (first, second) = (lines(&plan, 311, 0), lines(&plan, 311, 1));
    assert_eq!(
        first.len() - second.len(),
        10,
        "one row in a thousand is withdrawn"
    );
    let without_status = |row: &String| {
        let (moment, rest) = row.split_once(',').unwrap();
        (
            moment.to_owned(),
            rest.split_once(',').unwrap().1.to_owned(),
        )
    };
    let mut left = first.iter().peekable();
    let mut completed = 0;
    for row in &second {
        while without_status(left.peek().unwrap()) != without_status(row) {
            left.next();
        }
        completed += usize::from(left.next().unwrap() != row);
    }
    assert!(completed > 20, "{completed}");
}

#[test]
fn years_are_written_in_their_own_shapes() {
    let second_line = |year| {
        let bytes = csv(&Plan::for_year(year, Some(40)), 311, edition(0));
        let text = encoding_rs::WINDOWS_1252.decode(&bytes).0.into_owned();
        text.lines().nth(1).unwrap().to_owned()
    };
    assert!(second_line(2012).starts_with("\"2012-01-"));
    assert!(second_line(2014).contains(" AM\",") || second_line(2014).contains(" PM\","));
    assert!(second_line(2024).starts_with("2024-01-"));
    let bytes = csv(&Plan::for_year(2015, Some(5_000)), 311, edition(0));
    assert!(
        std::str::from_utf8(&bytes).is_err(),
        "an apostrophe in Windows-1252"
    );
}
