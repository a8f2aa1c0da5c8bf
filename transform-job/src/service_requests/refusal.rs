//! Why a row is quarantined.

use std::fmt;

use super::text;

/// The maximum length of a value in a detail or in drift, in bytes.
pub(super) const MAX_SHOWN_BYTES: usize = 300;

/// The contract's reasons, by their names in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// Too few fields, or surplus ones that a known division and section do not explain in exactly one way.
    FieldCount,
    /// A quoted field that does not end, or continues after its closing quote.
    UnbalancedQuote,
    /// A field that is not text: a control character, or a byte that is neither UTF-8 nor Windows-1252.
    UndecodableText,
    /// The time is not in a known layout.
    InvalidCreatedAt,
    /// The date is outside the file's year.
    CreatedInOtherYear,
    /// The time is after the publication of the file.
    CreatedAfterPublication,
    /// The request type is empty.
    MissingServiceRequestType,
    /// The request has neither a ward nor a forward sortation area.
    NoWardAndNoFsa,
}

impl Reason {
    /// All reasons.
    #[cfg(test)]
    pub(super) const ALL: [Reason; 8] = [
        Reason::FieldCount,
        Reason::UnbalancedQuote,
        Reason::UndecodableText,
        Reason::InvalidCreatedAt,
        Reason::CreatedInOtherYear,
        Reason::CreatedAfterPublication,
        Reason::MissingServiceRequestType,
        Reason::NoWardAndNoFsa,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Reason::FieldCount => "field_count",
            Reason::UnbalancedQuote => "unbalanced_quote",
            Reason::UndecodableText => "undecodable_text",
            Reason::InvalidCreatedAt => "invalid_created_at",
            Reason::CreatedInOtherYear => "created_in_other_year",
            Reason::CreatedAfterPublication => "created_after_publication",
            Reason::MissingServiceRequestType => "missing_service_request_type",
            Reason::NoWardAndNoFsa => "no_ward_and_no_fsa",
        }
    }

    /// Returns a refusal for this reason, with the offending value.
    pub(super) fn with(self, detail: impl fmt::Display) -> Refusal {
        Refusal {
            reason: self,
            detail: Some(text::shortened(detail.to_string(), 2 * MAX_SHOWN_BYTES)),
        }
    }
}

/// The reason of a refused row, and the offending value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) detail: Option<String>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            detail: None,
        }
    }
}
