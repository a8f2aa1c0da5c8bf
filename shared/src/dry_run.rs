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
                let dollars = dollars(bytes_billed);
                info!(work, bytes_billed, dollars, "work estimated");
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
            dollars = dollars(self.bytes_billed),
            "dry run finished"
        );
    }
}

/// Returns the list price of bytes that BigQuery bills, as text: log fields are no fractions.
fn dollars(bytes: u64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "fractions of a cent do not matter"
    )]
    let tib = bytes as f64 / (1_u64 << 40) as f64;
    format!("{:.4}", tib * TIB_BILLED)
}
