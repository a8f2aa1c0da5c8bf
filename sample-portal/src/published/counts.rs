//! The published counts, and what follows from them for the years of which less is known.

/// Every division, in the order of all counts by division.
pub(super) const DIVISIONS: [&str; 12] = [
    "Solid Waste Management Services",
    "Municipal Licensing & Standards",
    "Transportation Services",
    "Toronto Water",
    "311",
    "Unknown",
    "Parks, Forestry & Recreation",
    "Environment, Climate & Forestry",
    "Parks and Recreation",
    "Solid Waste Management Services,Transfer",
    "Urban Forestry",
    "City of Toronto",
];
const PARKS_FORESTRY: usize = 6;
const ENVIRONMENT: usize = 7;
const PARKS: usize = 8;
const TRANSFER: usize = 9;
const URBAN_FORESTRY: usize = 10;
const CITY: usize = 11;

/// Rows of 2022-2025 of the divisions without a comma that all these years have.
const RECENT_PLAIN: [u64; 6] = [608_840, 440_451, 426_837, 138_202, 29_937, 14_544];
/// Rows with a comma in the division: the rows that a loader loses which skips them.
const RECENT_COMMA: [(i16, u64); 4] = [
    (2022, 35_581),
    (2023, 28_307),
    (2024, 34_219),
    (2025, 36_189),
];
const PARKS_IN_2025: u64 = 1_437;
/// Of the 45 rows of 2022-2025, which the City does not break down.
const TRANSFER_IN_2025: u64 = 15;
const TRANSFER_BEFORE: u64 = 10;

/// Rows of 2010-2013 of two divisions; the others are not published, and are taken as in recent years.
const OLD_URBAN_FORESTRY: u64 = 99_007;
const OLD_CITY: u64 = 85;

/// Rows of each season over 2010-2013 and 2022-2025, winter (December to February) first.
const SEASONS: [u64; 4] = [661_748, 739_238, 885_841, 740_437];

/// Statuses over those eight years.
const STATUSES: [(&str, u64); 9] = [
    ("Completed", 1_375_561),
    ("Closed", 1_186_041),
    ("Cancelled", 272_020),
    ("In Progress", 87_966),
    ("New", 69_357),
    ("Unknown", 23_698),
    ("Initiated", 8_430),
    ("In-progress ", 4_107),
    ("In-Progress", 84),
];
/// Of these in 2010-2013, which knew `Closed`, `Cancelled` and `Unknown` only; the split is not published.
const OLD_CANCELLED: u64 = 100_000;
const OLD_UNKNOWN: u64 = 5_000;

const DUPLICATES: u64 = 2_318;

const OLD: [i16; 4] = [2010, 2011, 2012, 2013];
const RECENT: [i16; 4] = [2022, 2023, 2024, 2025];

/// `total` in parts as `weights` are to each other: largest remainders, the first of equals first.
pub(super) fn apportion(weights: &[u64], total: u64) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    let exact = |weight: u64| u128::from(weight) * u128::from(total);
    let whole = |share: u128| u64::try_from(share / sum).expect("no part is more than the total");
    let mut parts: Vec<u64> = weights.iter().map(|&weight| whole(exact(weight))).collect();
    let left = total - parts.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(exact(weights[index]) % sum));
    for &index in order
        .iter()
        .take(usize::try_from(left).expect("less than one a part"))
    {
        parts[index] += 1;
    }
    parts
}

/// Rows a month.
pub(super) fn months(year: i16) -> [u64; 12] {
    match year {
        2010 => [
            15_177, 13_918, 19_274, 20_092, 20_336, 29_534, 26_681, 26_711, 23_540, 21_342, 20_021,
            17_592,
        ],
        2013 => [
            26_400, 29_298, 25_874, 28_757, 34_341, 35_904, 44_639, 37_135, 33_480, 30_361, 27_717,
            31_964,
        ],
        2022 => [
            44_883, 36_017, 32_233, 32_064, 42_886, 45_351, 36_067, 39_954, 36_744, 34_549, 32_419,
            29_783,
        ],
        2023 => [
            34_341, 31_102, 39_698, 36_159, 41_643, 41_170, 39_723, 37_091, 33_623, 30_043, 27_423,
            22_266,
        ],
        2024 => [
            32_203, 24_871, 26_629, 33_340, 45_424, 44_253, 47_275, 43_477, 41_517, 38_041, 32_460,
            27_553,
        ],
        2025 => [
            32_793, 53_707, 37_317, 38_111, 44_571, 46_971, 48_120, 43_555, 44_851, 37_840, 33_525,
            38_908,
        ],
        2011 => months_from_seasons()[0],
        2012 => months_from_seasons()[1],
        2026 => [
            38_582, 63_187, 43_904, 44_838, 46_924, 51_735, 47_884, 45_701, 47_061, 39_704, 35_177,
            40_825,
        ],
        _ => {
            let parts = apportion(&months(2022), 400_000);
            std::array::from_fn(|month| parts[month])
        }
    }
}

/// Months of 2011 and 2012: what the seasons leave of the eight years once the six known years are taken away, in a
/// season as 2010 and 2013 have it.
fn months_from_seasons() -> [[u64; 12]; 2] {
    const TOTALS: [u64; 2] = [285_333, 307_299];
    let season_of = |month: usize| (month + 1) % 12 / 3;
    let mut left = SEASONS;
    for year in [2010, 2013, 2022, 2023, 2024, 2025] {
        for (month, rows) in months(year).iter().enumerate() {
            left[season_of(month)] -= rows;
        }
    }
    let first = apportion(&left, TOTALS[0]);
    let seasons = [
        first.clone(),
        left.iter()
            .zip(&first)
            .map(|(all, first)| all - first)
            .collect(),
    ];
    let (before, after) = (months(2010), months(2013));
    seasons.map(|seasons| {
        let mut months = [0; 12];
        for (season, rows) in seasons.into_iter().enumerate() {
            let of_season: Vec<usize> = (0..12)
                .filter(|&month| season_of(month) == season)
                .collect();
            let weights: Vec<u64> = of_season
                .iter()
                .map(|&month| before[month] + after[month])
                .collect();
            for (month, part) in of_season.into_iter().zip(apportion(&weights, rows)) {
                months[month] = part;
            }
        }
        months
    })
}

fn rows(year: i16) -> u64 {
    months(year).iter().sum()
}

/// What falls to `year` of totals over `years`: year by year, in proportion to what is left.
fn shares(totals: &[u64], years: &[i16], year: i16, rows_of: impl Fn(i16) -> u64) -> Vec<u64> {
    let mut left = totals.to_vec();
    for &other in years {
        let share = apportion(&left, rows_of(other));
        if other == year {
            return share;
        }
        for (left, taken) in left.iter_mut().zip(share) {
            *left -= taken;
        }
    }
    unreachable!("{year} is one of {years:?}")
}

/// Rows of each of the [`DIVISIONS`].
pub(super) fn divisions(year: i16) -> Vec<u64> {
    let mut divisions = vec![0; DIVISIONS.len()];
    if OLD.contains(&year) {
        let totals: Vec<u64> = OLD.iter().map(|&old| rows(old)).collect();
        let at = usize::try_from(year - OLD[0]).expect("one of the old years");
        divisions[URBAN_FORESTRY] = apportion(&totals, OLD_URBAN_FORESTRY)[at];
        divisions[CITY] = apportion(&totals, OLD_CITY)[at];
        let named = divisions[URBAN_FORESTRY] + divisions[CITY];
        divisions[..6].copy_from_slice(&apportion(&RECENT_PLAIN, rows(year) - named));
        return divisions;
    }
    let comma = |year: i16| {
        RECENT_COMMA
            .iter()
            .find(|known| known.0 == year)
            .map(|known| known.1)
    };
    if let Some(with_comma) = comma(year) {
        let plain = |year: i16| {
            let parks = if year == 2025 { PARKS_IN_2025 } else { 0 };
            rows(year) - comma(year).unwrap_or(0) - parks
        };
        divisions[..6].copy_from_slice(&shares(&RECENT_PLAIN, &RECENT, year, plain));
        if year == 2025 {
            divisions[TRANSFER] = TRANSFER_IN_2025;
            divisions[ENVIRONMENT] = with_comma - TRANSFER_IN_2025;
            divisions[PARKS] = PARKS_IN_2025;
        } else {
            divisions[TRANSFER] = TRANSFER_BEFORE;
            divisions[PARKS_FORESTRY] = with_comma - TRANSFER_BEFORE;
        }
        return divisions;
    }
    let (comma_division, with_comma) = if year >= 2026 {
        divisions[TRANSFER] = 1;
        (ENVIRONMENT, 5_446 + 11_687 + 20_000)
    } else {
        (PARKS_FORESTRY, rows(year) * 77 / 1000)
    };
    divisions[comma_division] = with_comma;
    let named = with_comma + divisions[TRANSFER];
    divisions[..6].copy_from_slice(&apportion(&RECENT_PLAIN, rows(year) - named));
    divisions
}

/// Rows of each status.
pub(super) fn statuses(year: i16) -> Vec<(&'static str, u64)> {
    let old_rows: u64 = OLD.iter().map(|&old| rows(old)).sum();
    let old = STATUSES.map(|(name, _)| match name {
        "Cancelled" => OLD_CANCELLED,
        "Unknown" => OLD_UNKNOWN,
        "Closed" => old_rows - OLD_CANCELLED - OLD_UNKNOWN,
        _ => 0,
    });
    let recent: Vec<u64> = STATUSES
        .iter()
        .zip(old)
        .map(|((_, all), old)| all - old)
        .collect();
    let share = if OLD.contains(&year) {
        shares(&old, &OLD, year, rows)
    } else if RECENT.contains(&year) {
        shares(&recent, &RECENT, year, rows)
    } else {
        apportion(&recent, rows(year))
    };
    STATUSES.iter().map(|(name, _)| *name).zip(share).collect()
}

/// Rows equal to the one before.
pub(super) fn duplicates(year: i16) -> u64 {
    let known = [OLD, RECENT].concat();
    let totals: Vec<u64> = known.iter().map(|&year| rows(year)).collect();
    let parts = apportion(&totals, DUPLICATES);
    let at = known.iter().position(|&other| other == year);
    at.map_or(rows(year) * DUPLICATES / totals.iter().sum::<u64>(), |at| {
        parts[at]
    })
}
