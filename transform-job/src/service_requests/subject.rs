//! The subject of a request: its type, division and section.

use std::borrow::Cow;
use std::sync::Arc;

use super::commas::{Commas, Misfit, Surplus};
use super::csv_line::CsvFields;
use super::fields::wrong_count;
use super::refusal::{Reason, Refusal};
use super::text::decode;

/// Type, division and section of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) service_request_type: Arc<str>,
    pub(super) division: Option<Arc<str>>,
    pub(super) section: Option<Arc<str>>,
    /// The surplus fields in the text.
    pub(super) surplus: Surplus,
    /// Whether the division is in the contract or missing.
    pub(super) is_known: bool,
}

impl Subject {
    /// Parses type, division and section, which are CSV in `text`. A line without quotes may have surplus fields.
    pub(super) fn read(text: &[u8], commas: &Commas) -> Result<Self, Refusal> {
        const COLUMNS: usize = 3;
        let mut fields = CsvFields::default();
        if fields.split(text).is_err() {
            return Err(Reason::UnbalancedQuote.into());
        }
        let count = fields.len();
        let surplus = count
            .checked_sub(COLUMNS)
            .ok_or_else(|| wrong_count(6 + count, 9))?;
        let texts = (0..count).map(|index| decode(fields.get(index)));
        let texts: Option<Vec<Cow<str>>> = texts.collect();
        let texts = texts.ok_or(Reason::UndecodableText)?;

        let division = |way: Surplus| texts[1..=1 + way.division].join(",");
        let section = |way: Surplus| texts[2 + way.division..count - way.empty].join(",");
        let refusal = |misfit: Misfit| misfit.refusal(6 + count, 9);
        let way = if surplus == 0 {
            Surplus::NONE
        } else {
            let is_empty = |text: &&Cow<str>| text.trim().is_empty();
            let empty = texts.iter().rev().take_while(is_empty).count();
            let divided = commas.divide(surplus, empty, false, division, section);
            divided.map_err(refusal)?
        };
        let (division, section) = (division(way), section(way));
        // A field before it is missing if a known value is in two or three columns.
        let columns = [&*texts[0], &division, &section];
        let runs = [&columns[..2], &columns[1..], &columns[..]];
        if runs.iter().any(|run| commas.is_known(&run.join(","))) {
            return Err(refusal(Misfit::Lack));
        }
        // The publisher encodes a comma inside a type as two bars.
        let service_request_type = texts[0].trim().replace("||", ",");
        if service_request_type.is_empty() {
            return Err(Reason::MissingServiceRequestType.into());
        }
        let (known, division) = (commas.division(&division), division.trim());
        let section = commas.section(&section).unwrap_or(section.trim());
        let present = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
        Ok(Self {
            service_request_type: service_request_type.into(),
            division: present(known.unwrap_or(division)),
            section: present(section),
            surplus: way,
            is_known: known.is_some() || division.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::contract::Contract;

    use super::*;

    fn read(text: &str) -> Result<Subject, Refusal> {
        Subject::read(text.as_bytes(), &Commas::new(Contract::rules()))
    }

    #[track_caller]
    fn assert_read(text: &str, [kind, division, section]: [&str; 3], is_repaired: bool) {
        let subject = read(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
        assert_eq!(&*subject.service_request_type, kind, "{text}");
        assert_eq!(
            subject.division.as_deref().unwrap_or_default(),
            division,
            "{text}"
        );
        assert_eq!(
            subject.section.as_deref().unwrap_or_default(),
            section,
            "{text}"
        );
        assert_eq!(subject.surplus.is_repaired(), is_repaired, "{text}");
    }

    #[test]
    fn a_known_division_over_two_columns_lacks_a_field() {
        for text in [
            "Tree,Parks, Forestry & Recreation",
            "Tree,parks ,Forestry &  Recreation ",
            "Parks,Forestry & Recreation,Transfer,Disposal & Operations",
        ] {
            let refusal = read(text).unwrap_err();
            assert_eq!(refusal.reason, Reason::FieldCount, "{text}");
        }
    }

    const PARKS: &str = "Parks, Forestry & Recreation";
    const TRANSFER: &str = "Transfer, Disposal & Operations";

    #[test]
    fn commas_of_division_and_section_are_repaired() {
        assert_read(
            "Tree,Parks, Forestry & Recreation,Ops",
            ["Tree", PARKS, "Ops"],
            true,
        );
        assert_read(
            " Tree  ,parks ,Forestry &  Recreation   , Ops",
            ["Tree", PARKS, "Ops"],
            true,
        );
        assert_read(
            "Litter,Solid Waste Management Services,Transfer,Disposal & Operations",
            ["Litter", "Solid Waste Management Services", TRANSFER],
            true,
        );
        assert_read(
            "Noise,Municipal Licensing & Standards,Bylaw Enforcement",
            [
                "Noise",
                "Municipal Licensing & Standards",
                "Bylaw Enforcement",
            ],
            false,
        );
    }

    #[test]
    fn quoted_values_are_normalized_and_not_counted_as_repaired() {
        assert_read(
            r#"Tree,"Parks,Forestry & Recreation","Transfer,Disposal & Operations""#,
            ["Tree", PARKS, TRANSFER],
            false,
        );
        let unknown = read(r#"Tree,"Road, Rail",Ops"#).expect("a quoted comma is valid");
        assert!(!unknown.is_known && !unknown.surplus.is_repaired());
    }

    #[test]
    fn another_comma_is_refused_without_showing_the_fields() {
        let refusal = read("Road, Pot hole,Transportation Services,Road Operations").unwrap_err();
        assert_eq!(refusal.reason, Reason::FieldCount);
        assert_eq!(
            refusal.detail.as_deref(),
            Some("10 of 9 fields, and no known division or section explains the comma")
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
    fn empty_fields_at_the_end_are_dropped() {
        assert_read("Noise,311,Ops,,", ["Noise", "311", "Ops"], false);
        assert_eq!(read("Noise,311,Ops,,").unwrap().surplus.empty, 2);
    }

    #[test]
    fn commas_of_types_are_decoded_and_types_may_not_be_empty() {
        assert_read(
            "Sidewalk Icy|| Needs Sand/Salt,311,Ops",
            ["Sidewalk Icy, Needs Sand/Salt", "311", "Ops"],
            false,
        );
        assert_eq!(
            read(" ,311,Ops").unwrap_err().reason,
            Reason::MissingServiceRequestType
        );
    }

    #[test]
    fn control_characters_are_not_text() {
        for text in ["a\u{1f}b,311,Ops", "a,b\u{1e},Ops", "a,311,Ops\0"] {
            assert_eq!(
                read(text).unwrap_err().reason,
                Reason::UndecodableText,
                "{text:?}"
            );
        }
    }
}
