//! The durations of requests, by type.

use std::sync::LazyLock;

use serde::Deserialize;

use super::data;

/// The distribution of the durations of some types' requests.
///
/// A share of them never closes. The durations of the others in days are log-logistically distributed and rounded up: a
/// request of the 3rd that takes 2 days is closed in files as of the 6th and later.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ClosingLaw {
    /// Its name in `data/laws.csv`.
    #[serde(rename = "law")]
    pub name: String,
    /// The median duration in days of the requests that close.
    pub median_days: f64,
    /// The shape parameter: the larger it is, the less the durations vary.
    pub shape: f64,
    /// The percentage that never closes.
    pub never: f64,
    /// The percentage that is cancelled.
    pub cancelled: f64,
}

static LAWS: LazyLock<Vec<ClosingLaw>> =
    LazyLock::new(|| data::rows("laws.csv", include_str!("../../data/laws.csv")));

impl ClosingLaw {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        LAWS.iter().find(|law| law.name == name)
    }

    /// Returns the share of all requests that are completed within `days`.
    #[must_use]
    pub fn share_closed_by(&self, days: f64) -> f64 {
        (100.0 - self.never - self.cancelled) / 100.0 * self.distribution(days)
    }

    /// Returns the share of all requests that are cancelled within `days`.
    #[must_use]
    pub fn share_cancelled_by(&self, days: f64) -> f64 {
        self.cancelled / 100.0 * self.distribution(days)
    }

    /// Returns the share of all requests that are open after `days`.
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

    /// Returns the duration in whole days at `quantile`.
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
