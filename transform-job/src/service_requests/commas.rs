//! Repairs lines that have more fields than columns.
//!
//! Recent files are not quoted, and the values of two columns contain commas: the division (`Parks, Forestry &
//! Recreation`) and the section (`Transfer, Disposal & Operations`). A line with such a value has surplus fields. Every
//! way to divide the surplus between the two columns is tried, and the line is repaired only if exactly one of them
//! joins fields to values in the contract.

use shared::contract::Rules;

use super::refusal::{Reason, Refusal};

/// The known values of one column, matched without regard to case and white space.
struct KnownValues<'a> {
    /// Maps the folded spelling to the contract's.
    values: Vec<(String, &'a str)>,
    /// The maximum number of commas in a value.
    max_commas: usize,
}

impl<'a> KnownValues<'a> {
    fn new(values: &'a [String]) -> Self {
        Self {
            values: values
                .iter()
                .map(|value| (folded(value), value.as_str()))
                .collect(),
            max_commas: values.iter().map(|value| commas(value)).max().unwrap_or(0),
        }
    }

    fn find(&self, text: &str) -> Option<&'a str> {
        let text = folded(text);
        let found = self.values.iter().find(|(known, _)| *known == text);
        found.map(|(_, value)| *value)
    }
}

fn commas(text: &str) -> usize {
    text.matches(',').count()
}

/// Returns `text` in lower case, with single spaces between words and none at commas.
fn folded(text: &str) -> String {
    let parts = text.split(',').map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        words.join(" ").to_lowercase()
    });
    parts.collect::<Vec<_>>().join(",")
}

/// The surplus fields of a line, by the column they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Surplus {
    /// Surplus fields of the division.
    pub(super) division: usize,
    /// Surplus fields of the section.
    pub(super) section: usize,
    /// Empty fields after the last column, which are dropped.
    pub(super) empty: usize,
}

impl Surplus {
    /// The surplus of a line with as many fields as columns.
    pub(super) const NONE: Surplus = Surplus {
        division: 0,
        section: 0,
        empty: 0,
    };

    /// Whether a value was joined from several fields.
    pub(super) fn is_repaired(self) -> bool {
        self.division + self.section > 0
    }
}

/// Why the surplus of a line cannot be divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// No way results in values in the contract.
    NoWay,
    /// Several ways result in values in the contract.
    SeveralWays,
    /// A value in the contract extends over several columns.
    Lack,
}

impl Misfit {
    /// Refuses a line of `count` fields under `width` columns. The fields themselves are not shown, because a surplus one may
    /// be of a column that nobody knows.
    pub(super) fn refusal(self, count: usize, width: usize) -> Refusal {
        let problem = match self {
            Misfit::NoWay => "no known division or section explains the comma",
            Misfit::SeveralWays => "known divisions and sections explain the comma in several ways",
            Misfit::Lack => {
                "one known division or section is in several of them, so that a field is missing"
            }
        };
        Reason::FieldCount.with(format!("{count} of {width} fields, and {problem}"))
    }
}

/// The repair rule, with the divisions and sections in the contract.
pub(super) struct Commas<'a> {
    divisions: KnownValues<'a>,
    sections: KnownValues<'a>,
}

impl<'a> Commas<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self {
            divisions: KnownValues::new(&rules.divisions),
            sections: KnownValues::new(&rules.sections),
        }
    }

    /// Returns the contract's spelling of a division.
    pub(super) fn division(&self, text: &str) -> Option<&'a str> {
        self.divisions.find(text)
    }

    /// Returns the contract's spelling of a section. The contract lists only those with a comma.
    pub(super) fn section(&self, text: &str) -> Option<&'a str> {
        self.sections.find(text)
    }

    /// Whether `text` is a known division or section.
    pub(super) fn is_known(&self, text: &str) -> bool {
        self.division(text).is_some() || self.section(text).is_some()
    }

    /// Returns the maximum number of commas in a known value.
    pub(super) fn max_commas(&self) -> usize {
        self.divisions.max_commas.max(self.sections.max_commas)
    }

    /// Divides `surplus` fields, of which the last `empty` fields of the line could be dropped. `division` and
    /// `section` return the value that results from a way. Empty fields are dropped only if nothing else explains them.
    ///
    /// Without quotes, an empty section behind an unknown comma (`Housing, Shelter & Support,`) looks like an empty field
    /// behind a division and a section. So if both have a value, one of them has to be known, unless commas `are_certain`
    /// to separate fields.
    pub(super) fn divide(
        &self,
        surplus: usize,
        empty: usize,
        are_certain: bool,
        division: impl Fn(Surplus) -> String,
        section: impl Fn(Surplus) -> String,
    ) -> Result<Surplus, Misfit> {
        let fits = |way: &Surplus| {
            let is_division = || self.division(&division(*way)).is_some();
            let is_section = || self.section(&section(*way)).is_some();
            let is_one_empty =
                || division(*way).trim().is_empty() || section(*way).trim().is_empty();
            (way.division == 0 || is_division())
                && (way.section == 0 || is_section())
                && (way.empty == 0
                    || are_certain
                    || is_one_empty()
                    || is_division()
                    || is_section())
        };
        for empty in 0..=empty.min(surplus) {
            let rest = surplus - empty;
            let mut ways = (0..=rest.min(self.divisions.max_commas))
                .map(|of_division| Surplus {
                    division: of_division,
                    section: rest - of_division,
                    empty,
                })
                .filter(|way| way.section <= self.sections.max_commas)
                .filter(fits);
            match (ways.next(), ways.next()) {
                (Some(way), None) => return Ok(way),
                (Some(_), Some(_)) => return Err(Misfit::SeveralWays),
                (None, _) => {}
            }
        }
        Err(Misfit::NoWay)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::contract::Contract;

    use super::*;

    /// Divides the fields of division and section, which are adjacent.
    fn divide(commas: &Commas, fields: &[&str]) -> Result<(String, String), Misfit> {
        let empty = fields
            .iter()
            .rev()
            .take_while(|field| field.trim().is_empty())
            .count();
        let division = |way: Surplus| fields[..=way.division].join(",");
        let section = |way: Surplus| fields[way.division + 1..fields.len() - way.empty].join(",");
        let way = commas.divide(fields.len() - 2, empty, false, division, section)?;
        Ok((division(way), section(way)))
    }

    fn known(text: &str) -> Result<(String, String), Misfit> {
        let fields: Vec<&str> = text.split(',').collect();
        divide(&Commas::new(Contract::rules()), &fields)
    }

    #[track_caller]
    fn assert_divided(text: &str, division: &str, section: &str) {
        assert_eq!(
            known(text),
            Ok((division.to_owned(), section.to_owned())),
            "{text}"
        );
    }

    #[test]
    fn commas_in_either_column_or_both_are_repaired() {
        assert_divided(
            "Parks, Forestry & Recreation,Ops",
            "Parks, Forestry & Recreation",
            "Ops",
        );
        assert_divided(
            "Solid Waste Management Services,Transfer, Disposal & Operations",
            "Solid Waste Management Services",
            "Transfer, Disposal & Operations",
        );
        assert_divided(
            "Parks, Forestry & Recreation,Transfer, Disposal & Operations",
            "Parks, Forestry & Recreation",
            "Transfer, Disposal & Operations",
        );
        assert_divided(
            " parks ,forestry  & recreation  , Ops",
            " parks ,forestry  & recreation  ",
            " Ops",
        );
    }

    #[test]
    fn values_that_are_not_in_the_contract_are_not_joined() {
        for text in [
            "Roads, Rails & Rivers,Ops",
            "Pot hole,Transportation Services,Road Operations",
            "Solid Waste Management Services,Transfer,Collections",
            "Environment,Climate & Forestry, X,Ops",
            "Solid Waste Management Services,,Collections",
            "a,b,c,d,e,f,g",
        ] {
            assert_eq!(known(text), Err(Misfit::NoWay), "{text}");
        }
    }

    #[test]
    fn only_as_many_empty_fields_as_needed_are_dropped() {
        assert_divided("311,Ops,, ", "311", "Ops");
        assert_divided(
            "Parks, Forestry & Recreation,Ops,,",
            "Parks, Forestry & Recreation",
            "Ops",
        );
        assert_divided(
            "Parks, Forestry & Recreation,",
            "Parks, Forestry & Recreation",
            "",
        );
        assert_eq!(known("311,Ops,,x"), Err(Misfit::NoWay));
    }

    /// The comma may as well be inside a value that nobody knows, before an empty section.
    #[test]
    fn empty_fields_behind_an_unknown_division_and_section_are_not_dropped() {
        for text in [
            "Housing, Shelter & Support,",
            "Housing, Shelter & Support,,",
        ] {
            assert_eq!(known(text), Err(Misfit::NoWay), "{text}");
        }
        assert_divided("Housing,,", "Housing", "");
        assert_divided(",Shelter,", "", "Shelter");
        let commas = Commas::new(Contract::rules());
        let value = |index: usize| move |_| ["Housing", "Shelter & Support"][index].to_owned();
        let quoted = commas.divide(1, 1, true, value(0), value(1));
        assert_eq!(quoted.map(|way| way.empty), Ok(1));
    }

    #[test]
    fn several_ways_count_as_none() {
        let list = |values: &[&str]| {
            values
                .iter()
                .map(|&value| value.to_owned())
                .collect::<Vec<_>>()
        };
        let (divisions, sections) = (list(&["A, B"]), list(&["B, C"]));
        let commas = Commas {
            divisions: KnownValues::new(&divisions),
            sections: KnownValues::new(&sections),
        };
        assert_eq!(divide(&commas, &["A", "B", "C"]), Err(Misfit::SeveralWays));
        assert_eq!(
            divide(&commas, &["A", "B", "B", "C"]),
            Ok(("A,B".to_owned(), "B,C".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn unquoted_values_are_read_back(
            division in prop::sample::select(Contract::rules().divisions.clone()),
            section in prop_oneof![
                prop::sample::select(Contract::rules().sections.clone()),
                "[A-Z][a-z]{0,8}",
            ],
        ) {
            let read = known(&format!("{division},{section}"));
            prop_assume!(division.contains(',') || section.contains(','));
            prop_assert_eq!(read, Ok((division, section)));
        }
    }
}
