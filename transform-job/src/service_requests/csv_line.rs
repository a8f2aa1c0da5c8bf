//! Splits and joins one line of CSV. <https://www.rfc-editor.org/rfc/rfc4180>

/// The fields of one CSV line, unquoted: RFC 4180 with one record per line, and with padding outside the quotes.
#[derive(Default)]
pub(super) struct CsvFields {
    text: Vec<u8>,
    ends: Vec<usize>,
    are_quoted: bool,
}

/// A quoted field does not end, or continues after its closing quote.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

impl CsvFields {
    /// Splits `line` and removes quotes.
    pub(super) fn split(&mut self, line: &[u8]) -> Result<(), Unbalanced> {
        self.text.clear();
        self.ends.clear();
        self.are_quoted = true;
        let mut rest = line;
        loop {
            let after = if let Some(quoted) = trim_start(rest).strip_prefix(b"\"") {
                trim_start(self.take_quoted(quoted)?)
            } else {
                let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
                self.are_quoted &= trim_start(&rest[..end]).is_empty();
                self.text.extend_from_slice(&rest[..end]);
                &rest[end..]
            };
            self.ends.push(self.text.len());
            match after.split_first() {
                None => return Ok(()),
                Some((b',', next)) => rest = next,
                Some(_) => return Err(Unbalanced),
            }
        }
    }

    /// Reads the field whose opening quote is before `quoted` and returns the rest after its closing quote.
    fn take_quoted<'a>(&mut self, mut quoted: &'a [u8]) -> Result<&'a [u8], Unbalanced> {
        loop {
            let end = memchr::memchr(b'"', quoted).ok_or(Unbalanced)?;
            self.text.extend_from_slice(&quoted[..end]);
            match quoted[end + 1..].strip_prefix(b"\"") {
                Some(escaped) => {
                    self.text.push(b'"');
                    quoted = escaped;
                }
                None => return Ok(&quoted[end + 1..]),
            }
        }
    }

    pub(super) fn split_unquoted(&mut self, line: &[u8]) {
        self.text.clear();
        self.ends.clear();
        self.are_quoted = false;
        for field in line.split(|&byte| byte == b',') {
            self.text.extend_from_slice(field);
            self.ends.push(self.text.len());
        }
    }

    /// Adds empty fields until there are `count`.
    pub(super) fn pad_to(&mut self, count: usize) {
        self.ends
            .resize(count.max(self.ends.len()), self.text.len());
    }

    /// Whether all fields that are not empty are quoted, so that each comma between them is a separator.
    pub(super) fn are_quoted(&self) -> bool {
        self.are_quoted
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Appends `field` to a CSV line, in quotes if it needs them.
pub(super) fn push_csv(line: &mut Vec<u8>, field: &[u8]) {
    if memchr::memchr2(b',', b'"', field).is_none() {
        line.extend_from_slice(field);
        return;
    }
    line.push(b'"');
    for &byte in field {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, Unbalanced> {
        let mut fields = CsvFields::default();
        fields.split(line.as_bytes())?;
        let texts =
            (0..fields.len()).map(|index| String::from_utf8_lossy(fields.get(index)).into_owned());
        Ok(texts.collect())
    }

    #[test]
    fn quotes_are_removed() {
        assert_eq!(
            split(r#""a","b, c","d ""e""""#).unwrap(),
            ["a", "b, c", r#"d "e""#]
        );
        assert_eq!(split(r#"a,,"""#).unwrap(), ["a", "", ""]);
        assert_eq!(split(r#" "a, b" , c ,"d" "#).unwrap(), ["a, b", " c ", "d"]);
        assert_eq!(split("").unwrap(), [""]);
        assert_eq!(split(r#"5" pipe,b"#).unwrap(), [r#"5" pipe"#, "b"]);
    }

    #[test]
    fn a_line_is_quoted_if_all_its_texts_are() {
        let are_quoted = |line: &str| {
            let mut fields = CsvFields::default();
            fields.split(line.as_bytes()).unwrap();
            fields.are_quoted()
        };
        assert!(are_quoted(r#""a", ,"b, c","#));
        assert!(!are_quoted(r#""Doe", J,"b""#));
        assert!(!are_quoted("a,b"));
    }

    #[test]
    fn a_quote_without_its_pair_is_found() {
        assert_eq!(split(r#""a,"b""#), Err(Unbalanced));
        assert_eq!(split(r#""a","b"#), Err(Unbalanced));
        assert_eq!(split(r#""a"x,b"#), Err(Unbalanced));
    }
}
