use std::ops::RangeInclusive;

/// A point: easting and northing in metres, or longitude and latitude in degrees.
pub(crate) type Position = [f64; 2];

/// Longitudes and latitudes that a place in or around Toronto can have.
const AROUND_TORONTO: [RangeInclusive<f64>; 2] = [-80.5..=-78.5, 43.0..=44.5];

/// Whether `position` is a longitude and a latitude in or around Toronto; not so if they are swapped, or metres.
pub(super) fn is_around_toronto(position: &[f64]) -> bool {
    position.len() >= 2
        && position
            .iter()
            .zip(&AROUND_TORONTO)
            .all(|(value, range)| range.contains(value))
}
