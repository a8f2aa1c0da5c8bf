//! What a request is about: its type, division and section, and the repair of the division's unquoted comma.

use std::sync::Arc;

use shared::contract::Rules;
use shared::manifest::Encoding;

use super::fields::{JOINED, UNIT_SEPARATOR};
use super::refusal::{Reason, Refusal};
use super::text::decode;

/// Type, division and section of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) service_request_type: Arc<str>,
    pub(super) division: Option<Arc<str>>,
    pub(super) section: Option<Arc<str>>,
    /// Whether the division was joined from several fields.
    pub(super) is_repaired: bool,
    /// Whether the contract knows the division.
    pub(super) is_known: bool,
    /// The three texts as they identify a request.
    pub(super) identity: Arc<str>,
}

impl Subject {
    /// Reads the end of a line, from the type on: between commas as published, or between unit separators as rewritten.
    pub(super) fn read(text: &[u8], encoding: Encoding, rules: &Rules) -> Result<Self, Refusal> {
        let text = decode(text, encoding).ok_or(Reason::UndecodableText)?;
        let (text, joined) = match text.strip_suffix(char::from(JOINED)) {
            Some(text) => (text, true),
            None => (text.as_ref(), false),
        };
        let separator = char::from(if text.as_bytes().contains(&UNIT_SEPARATOR) {
            UNIT_SEPARATOR
        } else {
            b','
        });
        // The first field and the last are sound; what lies between is the division.
        let ends = text
            .split_once(separator)
            .and_then(|(first, rest)| Some((first, rest.rsplit_once(separator)?)));
        let Some((first, (division, last))) = ends else {
            let fields = 7 + text.matches(separator).count();
            return Err(Reason::FieldCount.with(format!("{fields} of 9 fields")));
        };
        let is_repaired = joined || (separator == ',' && division.contains(','));
        let division = division.trim();
        let known = known_division(division, rules);
        if is_repaired && known.is_none() {
            return Err(Reason::FieldCount.with(format!("no division {division:?}")));
        }
        // The publisher writes a comma inside a type as two bars.
        let service_request_type = first.trim().replace("||", ",");
        if service_request_type.is_empty() {
            return Err(Reason::MissingServiceRequestType.into());
        }
        let division = known.unwrap_or(division);
        let section = last.trim();
        let present = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
        Ok(Self {
            identity: format!("{service_request_type}\u{1f}{division}\u{1f}{section}").into(),
            service_request_type: service_request_type.into(),
            division: present(division),
            section: present(section),
            is_repaired,
            is_known: known.is_some() || division.is_empty(),
        })
    }
}

/// The contract's spelling of `division`, which may have other white space at its commas.
fn known_division<'a>(division: &str, rules: &'a Rules) -> Option<&'a str> {
    let parts = |text: &'_ str| -> Vec<String> {
        text.split(',')
            .map(|part| part.trim().to_lowercase())
            .collect()
    };
    let division = parts(division);
    let known = rules
        .divisions
        .iter()
        .find(|known| parts(known) == division);
    known.map(String::as_str)
}

#[cfg(test)]
mod tests {
    use shared::contract::Contract;

    use super::*;

    fn read(text: &str) -> Result<Subject, Refusal> {
        Subject::read(text.as_bytes(), Encoding::Utf8, Contract::rules())
    }

    fn texts(text: &str) -> (String, String, String, bool) {
        let subject = read(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
        let or_empty = |text: Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
        (
            subject.service_request_type.to_string(),
            or_empty(subject.division),
            or_empty(subject.section),
            subject.is_repaired,
        )
    }

    fn expected(
        kind: &str,
        division: &str,
        section: &str,
        is_repaired: bool,
    ) -> (String, String, String, bool) {
        (
            kind.to_owned(),
            division.to_owned(),
            section.to_owned(),
            is_repaired,
        )
    }

    #[test]
    fn the_comma_of_a_known_division_is_repaired() {
        assert_eq!(
            texts("General Pruning,Parks, Forestry & Recreation,Forestry Operations"),
            expected(
                "General Pruning",
                "Parks, Forestry & Recreation",
                "Forestry Operations",
                true
            )
        );
        assert_eq!(
            texts("Litter,Solid Waste Management Services, Transfer,Ops"),
            expected(
                "Litter",
                "Solid Waste Management Services,Transfer",
                "Ops",
                true
            )
        );
        assert_eq!(
            texts("Noise,Municipal Licensing & Standards,Bylaw Enforcement"),
            expected(
                "Noise",
                "Municipal Licensing & Standards",
                "Bylaw Enforcement",
                false
            )
        );
    }

    #[test]
    fn another_comma_is_refused() {
        let refusal = read("Road, Pot hole,Transportation Services,Road Operations").unwrap_err();
        assert_eq!(refusal.reason, Reason::FieldCount);
        assert_eq!(
            refusal.detail.as_deref(),
            Some("no division \"Pot hole,Transportation Services\"")
        );
        assert_eq!(
            read("Noise,Toronto Water").unwrap_err().reason,
            Reason::FieldCount
        );
        assert_eq!(
            read("Noise").unwrap_err().detail.as_deref(),
            Some("7 of 9 fields")
        );
    }

    #[test]
    fn a_rewritten_line_says_itself_whether_it_was_repaired() {
        let quoted = "Tree\u{1f}Parks, Forestry & Recreation\u{1f}Ops";
        assert!(!texts(quoted).3);
        assert!(texts(&format!("{quoted}\u{1e}")).3);
        assert!(read("Tree\u{1f}Road, Rail\u{1f}Ops\u{1e}").is_err());
        let unknown = read("Tree\u{1f}Road, Rail\u{1f}Ops").expect("a quoted comma is sound");
        assert!(!unknown.is_known && !unknown.is_repaired);
    }

    #[test]
    fn types_get_their_comma_back_and_may_not_be_empty() {
        assert_eq!(
            texts("Sidewalk Icy|| Needs Sand/Salt,311,Ops").0,
            "Sidewalk Icy, Needs Sand/Salt"
        );
        assert_eq!(
            read(" ,311,Ops").unwrap_err().reason,
            Reason::MissingServiceRequestType
        );
    }
}
