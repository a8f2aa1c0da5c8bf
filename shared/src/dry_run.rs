//! What BigQuery would bill: the estimates of a dry run, logged one by one and in total.

use tracing::{info, warn};

use crate::exit::Failure;
use crate::prices::TIB_BILLED;

/// The estimates so far. Without any, nothing would be billed.
#[derive(Debug, Default)]
pub struct Estimates {
    estimated: u64,
    not_estimated: u64,
    bytes_billed: u64,
}

impl Estimates {
    /// Adds the most that `work` would be billed, in bytes. A failure, for example because a table does not exist yet, is
    /// logged, and the total does not have it.
    pub fn add(&mut self, work: &str, most: Result<u64, Failure>) {
        match most {
            Ok(bytes_billed) => {
                self.estimated += 1;
                self.bytes_billed += bytes_billed;
                let microdollars = microdollars(bytes_billed);
                info!(work, bytes_billed, microdollars, "work estimated");
            }
            Err(failure) => {
                self.not_estimated += 1;
                warn!(work, cause = %failure, "work not estimated");
            }
        }
    }

    /// Logs the total.
    pub fn finish(&self) {
        info!(
            estimated = self.estimated,
            not_estimated = self.not_estimated,
            bytes_billed = self.bytes_billed,
            microdollars = microdollars(self.bytes_billed),
            "dry run finished"
        );
    }
}

/// Returns the list price of bytes that BigQuery bills, in millionths of a US dollar, so that a filter of the log can
/// compare it.
fn microdollars(bytes: u64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "fractions of a millionth do not matter, and a price is not negative"
    )]
    let rounded = (bytes as f64 / (1_u64 << 40) as f64 * TIB_BILLED * 1e6).round() as u64;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_is_billed_has_a_price() {
        assert_eq!(microdollars(0), 0);
        assert_eq!(microdollars(10 << 20), 60);
        assert_eq!(microdollars(1 << 40), 6_250_000);
    }
}
