//! The times of requests.

use fastrand::Rng;
use jiff::civil::{DateTime, Weekday, date};

const DAY: u32 = 24 * 3600;

/// Returns `months[m]` times in each month, in order, in Toronto's wall-clock time, and none in the hour that is
/// skipped in March.
pub(super) fn of_year(year: i16, months: &[u64; 12], rng: &mut Rng) -> Vec<DateTime> {
    let mut moments = Vec::new();
    for (month, &count) in (1_i8..).zip(months) {
        let first = date(year, month, 1);
        let days = u32::from(first.days_in_month().unsigned_abs());
        let mut sum = 0;
        let until: Vec<u32> = (0..days)
            .map(|day| {
                let weekday = first.weekday().wrapping_add(i64::from(day));
                sum += requests_on(weekday);
                sum
            })
            .collect();
        let mut seconds: Vec<u32> = (0..count)
            .map(|_| {
                let second = second_of_day(rng);
                let at = rng.u32(..sum);
                let day = until.partition_point(|until| *until <= at);
                second + DAY * u32::try_from(day).expect("31 days at most")
            })
            .collect();
        seconds.sort_unstable();
        for second in seconds {
            let day = date(
                year,
                month,
                i8::try_from(second / DAY + 1).expect("31 days at most"),
            );
            let part = |unit: u32, size: u32| i8::try_from(second / unit % size).expect("below 60");
            let skipped = month == 3
                && day.weekday() == Weekday::Sunday
                && (8..=14).contains(&day.day())
                && part(3600, 24) == 2;
            let hour = if skipped { 3 } else { part(3600, 24) };
            moments.push(day.at(hour, part(60, 60), part(1, 60), 0));
        }
        // The skipped hour was moved after rows of the next.
        let unsorted = moments.len() - usize::try_from(count).expect("rows fit in memory");
        moments[unsorted..].sort_unstable();
    }
    moments
}

/// Returns the weight of a day of the week: the average of June and July 2026 without holidays.
fn requests_on(weekday: Weekday) -> u32 {
    match weekday {
        Weekday::Monday => 1820,
        Weekday::Tuesday => 1884,
        Weekday::Wednesday => 1920,
        Weekday::Thursday => 1971,
        Weekday::Friday => 1796,
        Weekday::Saturday => 1033,
        Weekday::Sunday => 934,
    }
}

/// Returns the weight of an hour: people call by day rather than by night.
fn second_of_day(rng: &mut Rng) -> u32 {
    if rng.u32(..5) == 0 {
        rng.u32(..DAY)
    } else {
        7 * 3600 + rng.u32(..13 * 3600)
    }
}
