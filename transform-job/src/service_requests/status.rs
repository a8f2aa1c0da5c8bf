//! Normalizes the status of a request.

use std::sync::Arc;

use shared::contract::Rules;

use super::refusal::Reason;
use super::text::{decode, folded};

/// The status of requests whose published status is not in the contract.
const UNKNOWN: &str = "Unknown";

/// A status as published and in the contract's spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) published: Arc<str>,
    pub(super) unified: Arc<str>,
    pub(super) is_known: bool,
}

impl Status {
    pub(super) fn read(text: &[u8], rules: &Rules) -> Result<Self, Reason> {
        let published = decode(text).ok_or(Reason::UndecodableText)?;
        let published = published.trim();
        let folded_text = folded(published);
        let spelling = rules.status_spellings.iter();
        let meant = rules
            .statuses
            .iter()
            .map(|status| (status, status))
            .chain(spelling)
            .find(|(spelling, _)| folded(spelling) == folded_text);
        Ok(Self {
            published: published.into(),
            unified: meant.map_or(UNKNOWN, |(_, status)| status).into(),
            is_known: meant.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::contract::Contract;

    use super::*;

    #[test]
    fn spellings_are_unified_and_kept() {
        let read = |text: &str| {
            let status = Status::read(text.as_bytes(), Contract::rules()).expect("text");
            (
                status.unified.to_string(),
                status.published.to_string(),
                status.is_known,
            )
        };
        let known = |status: &str, published: &str| (status.to_owned(), published.to_owned(), true);
        assert_eq!(read("In-progress "), known("In Progress", "In-progress"));
        assert_eq!(read("In-Progress"), known("In Progress", "In-Progress"));
        assert_eq!(read("Canceled"), known("Cancelled", "Canceled"));
        assert_eq!(read("Unknown"), known("Unknown", "Unknown"));
        assert_eq!(
            read("Paused"),
            ("Unknown".to_owned(), "Paused".to_owned(), false)
        );
    }
}
