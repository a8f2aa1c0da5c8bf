use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;

/// Parses an HTTP date in any of the three forms that a recipient has to accept: [RFC 9110, section
/// 5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7).
pub(crate) fn parse_http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let obsolete = |layout| {
        let wall_clock: DateTime = strtime::parse(layout, text).ok()?.to_datetime().ok()?;
        TimeZone::UTC.to_timestamp(wall_clock).ok()
    };
    let preferred = rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    preferred
        .or_else(|| obsolete("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|| obsolete("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        let expected = "1994-11-06T08:49:37Z".parse().ok();
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_http_date(text), expected, "{text}");
        }
        for text in ["", "0", "-1", "yesterday", "1994-11-06T08:49:37Z"] {
            assert_eq!(parse_http_date(text), None, "{text:?}");
        }
    }
}
