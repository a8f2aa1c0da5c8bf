use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How far the publisher's clock may be ahead of this machine's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);
/// 1991: nothing was published on the web before. Earlier dates, such as 1970 or the year 1, are placeholders.
const FIRST: Timestamp = Timestamp::constant(662_688_000, 0);

/// A date stated by a portal or a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatedDate {
    /// No date is stated.
    Missing,
    /// A possible date of publication.
    At(Timestamp),
    /// Any other text, as stated.
    Invalid(String),
}

impl StatedDate {
    /// Parses the date in a CKAN field. CKAN states UTC, mostly without an offset.
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

    /// Returns the date `text`, parsed as `instant`, if it is possible at the time `now`.
    pub(crate) fn of(text: &str, instant: Option<Timestamp>, now: Timestamp) -> Self {
        let latest = now.checked_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
        match instant.filter(|instant| (FIRST..=latest).contains(instant)) {
            Some(instant) => Self::At(instant),
            None => Self::Invalid(text.to_owned()),
        }
    }

    /// Returns the date, if it is possible for a file of `year`: one before the year is a placeholder, which would refuse
    /// every request of the file.
    pub(crate) fn of_year(self, year: i16) -> Self {
        let start = jiff::civil::date(year, 1, 1).at(0, 0, 0, 0);
        let start = TimeZone::UTC.to_timestamp(start).unwrap_or(Timestamp::MIN);
        match self.at() {
            Some(instant) if instant < start => {
                Self::Invalid(self.normalized().unwrap_or_default())
            }
            _ => self,
        }
    }

    /// Returns the time, if the date is possible.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        match self {
            Self::At(instant) => Some(*instant),
            Self::Missing | Self::Invalid(_) => None,
        }
    }

    /// Returns the text that is not a possible date.
    pub(crate) fn invalid(&self) -> Option<&str> {
        match self {
            Self::Invalid(text) => Some(text),
            Self::Missing | Self::At(_) => None,
        }
    }

    /// Returns the time as in manifests: ISO 8601, UTC without an offset.
    pub(crate) fn normalized(&self) -> Option<String> {
        Some(TimeZone::UTC.to_datetime(self.at()?).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stated(field: &Value) -> StatedDate {
        let now = "2026-11-26T12:00:00Z".parse().expect("a timestamp");
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
            // A clock that is slightly fast.
            ("2026-11-27T11:59:59", "2026-11-27T11:59:59"),
        ] {
            let date = stated(&json!(text));
            assert_eq!(date.normalized().as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn impossible_dates_of_publication_are_rejected() {
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
