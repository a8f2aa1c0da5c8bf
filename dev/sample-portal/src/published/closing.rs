//! How long requests stay open, by type.

use std::sync::LazyLock;

use serde::Deserialize;

use super::data;

/// The law by which the requests of some types close.
///
/// A share of them never closes. The days that the others take are distributed log-logistically and rounded up to whole
/// days: a request of the 3rd that takes 2 days is closed in files as of the 6th and later.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ClosingLaw {
    /// Its name in `data/laws.csv`.
    #[serde(rename = "law")]
    pub name: String,
    /// The days within which half of those end that end at all.
    pub median_days: f64,
    /// The larger it is, the more alike the days are.
    pub shape: f64,
    /// Percentage that stays open for good.
    pub never: f64,
    /// Percentage that ends as cancelled.
    pub cancelled: f64,
}

static LAWS: LazyLock<Vec<ClosingLaw>> =
    LazyLock::new(|| data::rows("laws.csv", include_str!("../../data/laws.csv")));

impl ClosingLaw {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        LAWS.iter().find(|law| law.name == name)
    }

    /// The share of all requests that are completed within `days`.
    #[must_use]
    pub fn share_closed_by(&self, days: f64) -> f64 {
        (100.0 - self.never - self.cancelled) / 100.0 * self.distribution(days)
    }

    /// The share of all requests that are cancelled within `days`.
    #[must_use]
    pub fn share_cancelled_by(&self, days: f64) -> f64 {
        self.cancelled / 100.0 * self.distribution(days)
    }

    /// The share of all requests that are open after `days`.
    #[must_use]
    pub fn share_open_after(&self, days: f64) -> f64 {
        1.0 - self.share_closed_by(days) - self.share_cancelled_by(days)
    }

    fn distribution(&self, days: f64) -> f64 {
        if days <= 0.0 {
            return 0.0;
        }
        1.0 / (1.0 + (days / self.median_days).powf(-self.shape))
    }

    /// The whole days that a request takes of which the share `quantile` is not slower.
    pub(crate) fn days(&self, quantile: f64) -> u32 {
        let days = self.median_days * (quantile / (1.0 - quantile)).powf(self.shape.recip());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most a million"
        )]
        let days = days.ceil().clamp(1.0, 1e6) as u32;
        days
    }
}
