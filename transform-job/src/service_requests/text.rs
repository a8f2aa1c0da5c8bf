//! The characters of a file.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use shared::manifest::Encoding;

/// Bytes to which Windows-1252 gives no character. Decoders make control characters of them; in these files they mean
/// that the text is none.
const UNASSIGNED: [u8; 5] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

/// `bytes` as text, or `None` if they are none in that encoding.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Option<Cow<'_, str>> {
    match encoding {
        Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Encoding::Windows1252 => (!bytes.iter().any(|byte| UNASSIGNED.contains(byte)))
            .then(|| WINDOWS_1252.decode_without_bom_handling(bytes).0),
    }
}

/// `bytes` as text, whatever they are, for a record of what was refused. In Windows-1252 every byte has its own
/// character, so that nothing is lost; UTF-8 files are valid as a whole.
pub(super) fn decode_lossy(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes),
        Encoding::Windows1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// `text` for comparison: lower case, curly apostrophes straight, and single spaces in place of hyphens, underscores and
/// runs of white space.
pub(super) fn folded(text: &str) -> String {
    let straight = text
        .trim()
        .replace(['\u{2019}', '\u{2018}'], "'")
        .to_lowercase();
    let words = straight.split(|c: char| c.is_whitespace() || c == '-' || c == '_');
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_1252_is_read_where_it_assigns() {
        let read = |bytes| decode(bytes, Encoding::Windows1252);
        assert_eq!(read(b"St. Paul\x92s").as_deref(), Some("St. Paul\u{2019}s"));
        assert_eq!(read(b"caf\xe9").as_deref(), Some("café"));
        assert_eq!(read(b"\x81"), None);
        assert_eq!(decode(b"caf\xe9", Encoding::Utf8), None);
    }

    #[test]
    fn folding_forgives_spelling() {
        assert_eq!(folded("In-progress "), folded("In Progress"));
        assert_eq!(folded("Toronto-St. Paul\u{2019}s"), "toronto st. paul's");
    }
}
