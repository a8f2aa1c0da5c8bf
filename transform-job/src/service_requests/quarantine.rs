//! The quarantined rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use shared::contract::Contract;
use shared::exit::Failure;
use shared::lake::Lake;

use super::refusal::Refusal;
use crate::parquet_file::{Layout, ParquetFile};

/// A refused line.
#[derive(Debug)]
struct Refused {
    line: u32,
    refusal: Refusal,
    raw_line: String,
}

/// All refused lines of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    refused: Vec<Refused>,
    text_bytes: usize,
}

impl Quarantine {
    pub(super) fn add(&mut self, line: u32, refusal: Refusal, raw_line: String) {
        let detail = refusal.detail.as_ref().map_or(0, String::len);
        self.text_bytes += size_of::<Refused>() + raw_line.len() + detail;
        self.refused.push(Refused {
            line,
            refusal,
            raw_line,
        });
    }

    pub(super) fn len(&self) -> u64 {
        self.refused.len() as u64
    }

    /// Returns the memory of all lines and details.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Returns the number of rows by reason.
    pub(super) fn by_reason(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for refused in &self.refused {
            *counts
                .entry(refused.refusal.reason.as_str().to_owned())
                .or_default() += 1;
        }
        counts
    }

    /// Summarizes the refusals among the first `rows` rows, with the first line of each reason.
    pub(super) fn summary(&self, rows: u64) -> String {
        let reasons = self.by_reason();
        let described = reasons.iter().map(|(reason, count)| {
            let of_reason = |refused: &&Refused| refused.refusal.reason.as_str() == reason;
            let first = self.refused.iter().find(of_reason);
            let line = first.map_or(0, |refused| refused.line);
            let detail = first.and_then(|refused| refused.refusal.detail.as_deref());
            let shown = detail
                .map(|detail| format!(": {detail}"))
                .unwrap_or_default();
            format!("{count} {reason} (first: line {line}{shown})")
        });
        format!(
            "{} of the first {rows} rows violate the contract, more than a file may have: {}",
            self.len(),
            described.collect::<Vec<_>>().join(", ")
        )
    }

    /// Writes the quarantine file, which may have no rows.
    pub(super) fn write(&self, lake: &Lake, year: i16) -> Result<ParquetFile, Failure> {
        let table = Contract::quarantine_table();
        let line = |refused: &Refused| i32::try_from(refused.line).unwrap_or(i32::MAX);
        let refused = || self.refused.iter();
        let columns = table.column_names().map(|name| -> ArrayRef {
            match name {
                "source_year" => {
                    Arc::new(Int32Array::from_value(i32::from(year), self.refused.len()))
                }
                "source_row" => Arc::new(refused().map(line).collect::<Int32Array>()),
                "reason" => Arc::new(StringArray::from_iter_values(
                    refused().map(|refused| refused.refusal.reason.as_str()),
                )),
                "detail" => Arc::new(
                    refused()
                        .map(|refused| refused.refusal.detail.as_deref())
                        .collect::<StringArray>(),
                ),
                "raw_line" => Arc::new(StringArray::from_iter_values(
                    refused().map(|refused| &refused.raw_line),
                )),
                other => unreachable!(
                    "{other} is not a column of the contract's quarantine, which a test checks"
                ),
            }
        });
        let columns: Vec<ArrayRef> = columns.collect();
        let batch = RecordBatch::try_new(table.arrow_schema(), columns)
            .map_err(|error| Failure::new(shared::exit::Exit::Bug, error))?;
        let layout = Layout::new(&["raw_line"]);
        layout.write(lake, "quarantine.parquet".to_owned(), &batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service_requests::refusal::Reason;

    /// The contract lists the reasons for readers of the quarantine.
    #[test]
    fn the_reasons_are_the_contracts() {
        let reasons = Contract::rules().quarantine_reasons.iter();
        let names: Vec<&str> = reasons.map(|reason| reason.name.as_str()).collect();
        assert_eq!(names, Reason::ALL.map(Reason::as_str));
    }
}
