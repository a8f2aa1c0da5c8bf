use std::ops::RangeInclusive;

/// A point: easting and northing in metres, or longitude and latitude in degrees.
pub(crate) type Position = [f64; 2];

/// The longitudes and latitudes in and around Toronto.
const AROUND_TORONTO: [RangeInclusive<f64>; 2] = [-80.5..=-78.5, 43.0..=44.5];

/// Whether `position` is a longitude and latitude in or around Toronto, and not swapped or in metres.
pub(super) fn is_around_toronto(position: &[f64]) -> bool {
    position.len() >= 2
        && position
            .iter()
            .zip(&AROUND_TORONTO)
            .all(|(value, range)| range.contains(value))
}
