use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How far ahead of this machine's clock the publisher's may be.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);
/// 1991: nothing was published on the web before. Zero dates, such as 1970 or the year 1, are not dates of publication.
const FIRST: Timestamp = Timestamp::constant(662_688_000, 0);

/// A date as a portal or a server states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatedDate {
    /// None is stated.
    Missing,
    /// A moment at which something can have been published.
    At(Timestamp),
    /// Something else, as it is stated.
    Invalid(String),
}

impl StatedDate {
    /// The date that a field of CKAN holds. CKAN states UTC, mostly without an offset.
    pub(crate) fn of_ckan(field: &Value, now: Timestamp) -> Self {
        let text = match field {
            Value::Null => return Self::Missing,
            Value::String(text) => text.as_str(),
            other => return Self::Invalid(other.to_string()),
        };
        let instant = text.trim().parse::<Timestamp>().ok().or_else(|| {
            let wall_clock: DateTime = text.trim().parse().ok()?;
            TimeZone::UTC.to_timestamp(wall_clock).ok()
        });
        Self::of(text, instant, now)
    }

    /// The date that `text` states as `instant`, if `now` it can be one.
    pub(crate) fn of(text: &str, instant: Option<Timestamp>, now: Timestamp) -> Self {
        let latest = now.checked_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        match instant.filter(|instant| (FIRST..=latest).contains(instant)) {
            Some(instant) => Self::At(instant),
            None => Self::Invalid(text.to_owned()),
        }
    }

    /// The moment, if it is one.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        match self {
            Self::At(instant) => Some(*instant),
            Self::Missing | Self::Invalid(_) => None,
        }
    }

    /// What is stated in place of a date.
    pub(crate) fn invalid(&self) -> Option<&str> {
        match self {
            Self::Invalid(text) => Some(text),
            Self::Missing | Self::At(_) => None,
        }
    }

    /// The moment as manifests state it: ISO 8601, UTC without an offset.
    pub(crate) fn normalized(&self) -> Option<String> {
        Some(TimeZone::UTC.to_datetime(self.at()?).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stated(field: &Value) -> StatedDate {
        let now = "2026-11-26T12:00:00Z".parse().expect("a moment");
        StatedDate::of_ckan(field, now)
    }

    #[test]
    fn dates_are_normalized_to_utc_without_an_offset() {
        for (text, expected) in [
            ("2024-01-05T15:04:05.123456", "2024-01-05T15:04:05.123456"),
            ("2024-01-05T15:04:05.120000", "2024-01-05T15:04:05.12"),
            ("2024-01-05T15:04:05Z", "2024-01-05T15:04:05"),
            ("2024-01-05T15:04:05-05:00", "2024-01-05T20:04:05"),
            (" 2024-01-05 15:04:05 ", "2024-01-05T15:04:05"),
            ("2024-01-05", "2024-01-05T00:00:00"),
            // A clock that is a little fast.
            ("2026-11-27T11:59:59", "2026-11-27T11:59:59"),
        ] {
            let date = stated(&json!(text));
            assert_eq!(date.normalized().as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_date_of_publication_is_none() {
        assert_eq!(stated(&json!(null)), StatedDate::Missing);
        for field in [
            json!(""),
            json!(" "),
            json!("yesterday"),
            json!("2026-13-45T99:00:00"),
            json!("0000-00-00T00:00:00"),
            json!("0001-01-01T00:00:00"),
            json!("1970-01-01T00:00:00"),
            json!("infinity"),
            json!("-infinity"),
            json!("99999-01-01T00:00:00"),
            json!("9999-12-31T23:59:59"),
            json!("2026-11-27T12:00:01"),
            json!("05/01/2024"),
            json!(1_704_467_045),
            json!(["2024-01-05"]),
        ] {
            let date = stated(&field);
            assert_eq!(date.at(), None, "{field}");
            assert!(date.invalid().is_some(), "{field}");
        }
    }
}
