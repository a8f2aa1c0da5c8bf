//! Generates a year's CSV according to its plan, reproducibly for each seed.

mod deck;
mod layout;
mod moments;
mod places;
mod statuses;

use fastrand::Rng;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};

use crate::published::kinds::{KINDS, Kind};
use crate::published::{Plan, table};
use deck::Deck;
use layout::Writer;
use places::{Place, Places};
use statuses::{Fate, Statuses};

/// The state of a year to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edition {
    /// Publication `k` contains the rows up to the end of month `k`, as of the first of the next month.
    pub(crate) publication: u32,
    /// Later corrections of the same rows. Each completes a tenth of the open requests and withdraws a thousandth of
    /// the rows.
    pub(crate) corrections: u32,
}

impl Edition {
    /// Returns the date of the statuses.
    pub(crate) fn as_of(self, year: i16) -> Date {
        let months = i32::try_from(self.publication).unwrap_or(i32::MAX);
        jiff::civil::date(year, 1, 1).saturating_add(months.months())
    }
}

/// One request.
struct Row {
    /// Its index in the year; for a duplicate, the index of the first.
    number: usize,
    moment: DateTime,
    kind: usize,
    division: usize,
    place: Place,
    fate: Fate,
}

/// Returns the CSV of `plan` in the state of `edition`. All requests of the year are drawn for every edition, so that
/// each request is the same in all of them.
pub(crate) fn csv(plan: &Plan, seed: u64, edition: Edition) -> Vec<u8> {
    let mut rng = Rng::with_seed(
        seed.wrapping_mul(10_000)
            .wrapping_add(plan.year.unsigned_abs().into()),
    );
    let moments = moments::of_year(plan.year, &plan.months, &mut rng);
    let rows = moments.len();
    let kinds = Kinds::new(plan);
    let mut divisions = Deck::of_months(&kinds.divisions_by_month(plan), &mut rng);
    let status_counts: Vec<u64> = plan.statuses.iter().map(|(_, rows)| *rows).collect();
    let mut fixed_statuses = Deck::shuffled(&status_counts, &mut rng);
    let mut voids = Deck::shuffled(
        &[plan.void_rows(), plan.rows() - plan.void_rows()],
        &mut rng,
    );
    let mut decks = vec![&mut divisions, &mut voids];
    if !plan.statuses.is_empty() {
        decks.push(&mut fixed_statuses);
    }
    let same_month = |index: usize| moments[index].month() == moments[index - 1].month();
    let repeats = deck::repeat(&mut decks, plan.duplicates, same_month);

    let places = Places::new(plan.year, &kinds.list, &kinds.frequencies);
    let statuses = Statuses::new(plan, edition);
    let mut writer = Writer::new(plan, &kinds.list, rows);
    let mut at_this_second: Vec<Place> = Vec::new();
    let mut previous: Option<Row> = None;
    for index in 0..rows {
        let moment = moments[index];
        if u32::from(moment.month().unsigned_abs()) > edition.publication {
            break;
        }
        if !repeats[index] || previous.is_none() {
            if previous.as_ref().is_none_or(|row| row.moment != moment) {
                at_this_second.clear();
            }
            let division = divisions.at(index);
            let kind = kinds.draw(division, moment, &mut rng);
            let is_void = voids.at(index) == 0;
            // Rows of the same second have different locations, so that none is a duplicate by chance.
            let mut place = places.draw(kind, is_void, moment, &mut rng);
            for _ in 0..100 {
                if !at_this_second.contains(&place) {
                    break;
                }
                place = places.draw(kind, is_void, moment, &mut rng);
            }
            at_this_second.push(place);
            let fate = if plan.statuses.is_empty() {
                Fate::drawn(kinds.list[kind].law(), moment, &mut rng)
            } else {
                Fate::Fixed(plan.statuses[fixed_statuses.at(index)].0)
            };
            previous = Some(Row {
                number: index,
                moment,
                kind,
                division,
                place,
                fate,
            });
        }
        let is_withdrawn = index % 1_000 < edition.corrections as usize;
        if let Some(row) = previous.as_ref().filter(|_| !is_withdrawn) {
            let section = kinds.list[row.kind].section(plan.year);
            writer.write(row, statuses.of(row, section), &places);
        }
    }
    writer.finish()
}

/// The types of a year and their frequency in each month.
struct Kinds {
    list: Vec<&'static Kind>,
    /// The number of requests of each type in the year, as far as it is in the plan.
    frequencies: Vec<f64>,
    /// The types by division of the plan and month, each with the cumulative sum of the weights.
    choices: Vec<[Vec<(f64, usize)>; 12]>,
}

impl Kinds {
    fn new(plan: &Plan) -> Self {
        let list: Vec<&Kind> = KINDS.iter().collect();
        let mut frequencies = vec![0.0; list.len()];
        let mut choices = Vec::new();
        for (division, rows) in &plan.divisions {
            let of_division = || {
                let kinds = list.iter().enumerate();
                kinds.filter(|(_, kind)| kind.division == division.kinds)
            };
            let weight: f64 = of_division().map(|(_, kind)| kind.weight).sum();
            for (index, kind) in of_division() {
                #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
                let rows = *rows as f64;
                frequencies[index] += rows * kind.weight / weight;
            }
            choices.push(std::array::from_fn(|month| {
                let mut sum = 0.0;
                let cumulated = of_division().map(|(index, kind)| {
                    sum += kind.by_month()[month];
                    (sum, index)
                });
                cumulated.collect()
            }));
        }
        Self {
            list,
            frequencies,
            choices,
        }
    }

    /// Returns the number of rows of each division in each month, higher when its types are in season.
    fn divisions_by_month(&self, plan: &Plan) -> Vec<[u64; 12]> {
        let weights: Vec<[f64; 12]> = self
            .choices
            .iter()
            .map(|months| std::array::from_fn(|month| total(&months[month])))
            .collect();
        let rows: Vec<u64> = plan.divisions.iter().map(|(_, rows)| *rows).collect();
        table(&weights, &rows, &plan.months)
    }

    fn draw(&self, division: usize, moment: DateTime, rng: &mut Rng) -> usize {
        let month = usize::from(moment.month().unsigned_abs()) - 1;
        choose(&self.choices[division][month], rng)
    }
}

fn total(choices: &[(f64, usize)]) -> f64 {
    choices.last().map_or(0.0, |(sum, _)| *sum)
}

/// Returns one of `choices`, with a probability proportional to its weight.
fn choose<T: Copy>(choices: &[(f64, T)], rng: &mut Rng) -> T {
    let sum = choices[choices.len() - 1].0;
    let at = rng.f64() * sum;
    let index = choices.partition_point(|(until, _)| *until <= at);
    choices[index.min(choices.len() - 1)].1
}

#[cfg(test)]
mod tests;
