//! Decodes the characters of a file.
//!
//! A published file may contain lines in two encodings: the City has republished years in UTF-8 with some lines in
//! Windows-1252. So every field is decoded separately: as UTF-8 if its bytes are valid UTF-8, else as Windows-1252. A
//! conversion that took Windows-1252 for Latin-1 left U+0092 where an apostrophe was; that is undone.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use shared::manifest::{Drift, DriftKind};

/// Bytes that are unassigned in Windows-1252. Decoders convert them to control characters; here they are not text.
const UNASSIGNED: [u8; 5] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

/// Decodes one field. Returns `None` if it is not text because of an unassigned byte or a control character.
pub(super) fn decode(field: &[u8]) -> Option<Cow<'_, str>> {
    let text = text_of(field);
    (!text.contains(is_control)).then_some(text)
}

/// Decodes one field, with unassigned bytes as control characters.
fn text_of(field: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(field) {
        Ok(text) if !text.is_ascii() && text.contains(is_of_latin_1) => {
            Cow::Owned(text.chars().map(of_windows_1252).collect())
        }
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(field).0,
    }
}

/// Whether `c` is a control character of Latin-1, in whose place Windows-1252 has a printed one.
fn is_of_latin_1(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}')
}

/// Returns the character of Windows-1252 in place of a control character of Latin-1; an unassigned one stays as it is.
fn of_windows_1252(c: char) -> char {
    let byte = u8::try_from(c).ok().filter(|_| is_of_latin_1(c));
    let decoded = |byte| {
        WINDOWS_1252
            .decode_without_bom_handling(&[byte])
            .0
            .chars()
            .next()
    };
    byte.and_then(decoded).unwrap_or(c)
}

/// Whether `c` does not belong in a field: a control character other than the tab, which is a sign of damage.
fn is_control(c: char) -> bool {
    c.is_control() && c != '\t'
}

/// Removes spaces and tabs from both ends.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    trim_matches(bytes, |byte| matches!(byte, b' ' | b'\t'))
}

/// Removes spaces, tabs and no-break spaces, in either encoding, from both ends of a text that is otherwise ASCII.
pub(super) fn trim_padding(bytes: &[u8]) -> &[u8] {
    trim_matches(bytes, |byte| matches!(byte, b' ' | b'\t' | 0xc2 | 0xa0))
}

fn trim_matches(bytes: &[u8], is_padding: impl Fn(u8) -> bool) -> &[u8] {
    let Some(start) = bytes.iter().position(|byte| !is_padding(*byte)) else {
        return &[];
    };
    let end = bytes.iter().rposition(|byte| !is_padding(*byte));
    &bytes[start..end.map_or(start, |last| last + 1)]
}

/// Makes any `bytes` readable for the record of a refused row: at most `max_bytes` of text, with each control character
/// but the tab as its escape `\u{1f}`, and a run of NUL bytes as `[4096 NUL bytes]`.
pub(super) fn readable(bytes: &[u8], max_bytes: usize) -> String {
    let mut readable = String::new();
    // Fields are decoded one by one, as in a kept row.
    for field in bytes.split_inclusive(|&byte| byte == b',') {
        push_escaped(&mut readable, &text_of(field));
        if readable.len() > max_bytes {
            break;
        }
    }
    shortened(readable, max_bytes)
}

/// Truncates `text` to `max_bytes`, with a visible mark.
pub(super) fn shortened(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes));
        text.push('…');
    }
    text
}

/// Describes the parts of `line` that are not text. Damage comes first: a run of NUL bytes, which storage and networks
/// leave in place of lost data. `cut_nul_run` is the length of the longest run that was cut to one byte.
pub(super) fn defect(line: &[u8], cut_nul_run: u64) -> Option<String> {
    let longest_run = longest_nul_run(line).max(cut_nul_run);
    if longest_run > 0 {
        return Some(damage(longest_run));
    }
    line.split(|&byte| byte == b',').find_map(|field| {
        if let Ok(text) = std::str::from_utf8(field) {
            let control = text.chars().map(of_windows_1252).find(|&c| is_control(c))?;
            return Some(format!("control character U+{:04X}", u32::from(control)));
        }
        let is_not_text =
            |byte: &&u8| (byte.is_ascii_control() && **byte != b'\t') || UNASSIGNED.contains(byte);
        let byte = field.iter().find(is_not_text)?;
        Some(format!(
            "byte 0x{byte:02X}, which is not text in UTF-8 or Windows-1252"
        ))
    })
}

/// Returns the length of the longest run of NUL bytes.
pub(super) fn longest_nul_run(bytes: &[u8]) -> u64 {
    let runs = bytes.split(|&byte| byte != 0).map(<[u8]>::len);
    runs.max().unwrap_or(0) as u64
}

/// Describes a run of NUL bytes as damage.
pub(super) fn damage(run: u64) -> String {
    if run == 1 {
        "a NUL byte: the file is damaged at this line".to_owned()
    } else {
        format!("a run of {run} NUL bytes: the file is damaged at this line")
    }
}

fn push_escaped(readable: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(is_control) {
        readable.push_str(&rest[..at]);
        rest = &rest[at..];
        let without_nul = rest.trim_start_matches('\0');
        match rest.len() - without_nul.len() {
            0 | 1 => {
                let mut chars = rest.chars();
                readable.extend(chars.next().into_iter().flat_map(char::escape_unicode));
                rest = chars.as_str();
            }
            run => {
                readable.push_str(&nul_run(run as u64));
                rest = without_nul;
            }
        }
    }
    readable.push_str(rest);
}

/// Describes a run of NUL bytes in the text of a refused row.
pub(super) fn nul_run(length: u64) -> String {
    format!("[{length} NUL bytes]")
}

/// Folds `text` for comparison: to lower case, with straight apostrophes, and with single spaces in place of hyphens,
/// underscores and runs of white space.
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

/// Counts the lines of each encoding, except ASCII lines, which are valid in both.
#[derive(Debug, Default)]
pub(super) struct Encodings {
    /// Lines that are not UTF-8 as a whole.
    not_utf8: u64,
    has_utf8: bool,
}

impl Encodings {
    /// Records the encoding of a line that is not ASCII.
    pub(super) fn see(&mut self, line: &[u8]) {
        if let Ok(text) = std::str::from_utf8(line) {
            self.has_utf8 = true;
            self.not_utf8 += u64::from(text.contains(is_of_latin_1));
            return;
        }
        self.not_utf8 += 1;
        if !self.has_utf8 {
            let is_utf8 = |field: &[u8]| !field.is_ascii() && std::str::from_utf8(field).is_ok();
            self.has_utf8 = line.split(|&byte| byte == b',').any(is_utf8);
        }
    }

    /// Reports a file that mixes encodings.
    pub(super) fn into_drift(self) -> Option<Drift> {
        (self.has_utf8 && self.not_utf8 > 0).then(|| Drift {
            kind: DriftKind::MixedEncodings,
            subject: "lines in Windows-1252 in a file in UTF-8".to_owned(),
            rows: self.not_utf8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_utf_8_or_else_windows_1252() {
        assert_eq!(
            decode(b"St. Paul\x92s").as_deref(),
            Some("St. Paul\u{2019}s")
        );
        assert_eq!(
            decode("St. Paul\u{2019}s".as_bytes()).as_deref(),
            Some("St. Paul\u{2019}s")
        );
        assert_eq!(decode(b"caf\xe9").as_deref(), Some("café"));
        assert_eq!(
            decode("St. Paul\u{92}s \u{80}\u{e9}".as_bytes()).as_deref(),
            Some("St. Paul\u{2019}s \u{20ac}\u{e9}")
        );
        assert_eq!(decode(b"a\tb").as_deref(), Some("a\tb"));
        for not_text in [
            &b"\x81"[..],
            b"a\0b",
            b"a\x1f",
            b"a\rb",
            b"\x7f",
            "\u{9d}".as_bytes(),
        ] {
            assert_eq!(decode(not_text), None, "{not_text:?}");
        }
    }

    #[test]
    fn refused_text_is_readable_and_bounded() {
        assert_eq!(
            readable(b"a\0b,\0\0\0\x1fc\x92", 100),
            "a\\u{0}b,[3 NUL bytes]\\u{1f}c\u{2019}"
        );
        assert_eq!(readable("é,é,é".as_bytes(), 4), "é,…");
        assert_eq!(readable(b"caf\xe9,caf\xc3\xa9", 100), "café,café");
    }

    #[test]
    fn spaces_and_tabs_are_trimmed_and_nothing_else() {
        assert_eq!(trim(b" \ta b\t "), b"a b");
        assert_eq!(trim(b"  "), b"");
        assert_eq!(trim(b"\x0ca"), b"\x0ca");
    }

    #[test]
    fn folding_ignores_differences_in_spelling() {
        assert_eq!(folded("In-progress "), folded("In Progress"));
        assert_eq!(folded("Toronto-St. Paul\u{2019}s"), "toronto st. paul's");
    }

    #[test]
    fn a_file_that_mixes_encodings_is_drift() {
        let rows = |lines: &[&[u8]]| {
            let mut encodings = Encodings::default();
            for line in lines.iter().filter(|line| !line.is_ascii()) {
                encodings.see(line);
            }
            encodings.into_drift().map(|drift| drift.rows)
        };
        assert_eq!(rows(&[b"a,b", b"caf\xe9", b"\x92"]), None);
        assert_eq!(rows(&["é".as_bytes(), b"a"]), None);
        assert_eq!(rows(&["é".as_bytes(), b"\xe9", b"\x92"]), Some(2));
        assert_eq!(rows(&[b"\xe9,\xc3\xa9"]), Some(1), "both in one line");
    }
}
