//! Values that are not in the contract.

use std::collections::BTreeMap;

use shared::manifest::{Drift, DriftKind};

use super::refusal::MAX_SHOWN_BYTES;
use super::text;

/// Counts values that are not in the contract. The first hundred of a kind are listed, the others are one entry.
#[derive(Debug, Default)]
pub(super) struct UnknownValues {
    rows: BTreeMap<(DriftKind, String), u64>,
}

impl UnknownValues {
    const MAX_NAMED: usize = 100;

    pub(super) fn see(&mut self, kind: DriftKind, value: &str) {
        let key = (kind, text::shortened(value.to_owned(), MAX_SHOWN_BYTES));
        if let Some(rows) = self.rows.get_mut(&key) {
            *rows += 1;
            return;
        }
        let named = self.rows.keys().filter(|(other, _)| *other == kind).count();
        let key = if named < Self::MAX_NAMED {
            key
        } else {
            (kind, "(other values)".to_owned())
        };
        *self.rows.entry(key).or_default() += 1;
    }

    pub(super) fn into_drift(self) -> impl Iterator<Item = Drift> {
        self.rows.into_iter().map(|((kind, subject), rows)| Drift {
            kind,
            subject,
            rows,
        })
    }
}
