//! Values that are not in the contract.

use std::collections::BTreeMap;

use shared::manifest::{Drift, DriftKind};

use super::text;

/// The number of columns or values of a kind that drift lists.
pub(super) const MAX_NAMED: usize = 100;

/// The longest that a column or value is shown in drift, in bytes: a manifest and a log have a hundred of each kind, and
/// load-job sends all of them in one parameter of a query.
const MAX_BYTES: usize = 200;

/// Returns how drift shows a column or value.
pub(super) fn shown(text: &str) -> String {
    text::shortened(text.to_owned(), MAX_BYTES - '…'.len_utf8())
}

/// Counts values that are not in the contract. The first hundred of a kind are listed, the others are one entry.
#[derive(Debug, Default)]
pub(super) struct UnknownValues {
    rows: BTreeMap<(DriftKind, String), u64>,
}

impl UnknownValues {
    pub(super) fn see(&mut self, kind: DriftKind, value: &str) {
        let key = (kind, shown(value));
        if let Some(rows) = self.rows.get_mut(&key) {
            *rows += 1;
            return;
        }
        let named = self.rows.keys().filter(|(other, _)| *other == kind).count();
        let key = if named < MAX_NAMED {
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
