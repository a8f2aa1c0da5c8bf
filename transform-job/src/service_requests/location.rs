//! The location of a request: its forward sortation area and its ward.

use std::sync::Arc;

use jiff::civil::Date;
use shared::contract::{Rules, WardModel};

use super::refusal::Reason;
use super::text::decode;

/// A forward sortation area of the city's postal district, or none, encoded as 0 for none, else 1 + digit * 26 + letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fsa(u16);

impl Fsa {
    pub(super) const NONE: Fsa = Fsa(0);

    /// The number of possible areas.
    pub(super) const COUNT: u16 = 260;

    /// Parses the area of `district` in the trimmed `text`. Returns [`Fsa::NONE`] if the file has no area for the
    /// request, and an error if the text is neither.
    pub(super) fn read(text: &[u8], district: u8) -> Result<Self, ()> {
        if let &[first, digit @ b'0'..=b'9', letter] = text
            && first.eq_ignore_ascii_case(&district)
            && letter.is_ascii_alphabetic()
        {
            let letter = letter.to_ascii_uppercase();
            return Ok(Fsa(1
                + u16::from(digit - b'0') * 26
                + u16::from(letter - b'A')));
        }
        let says_none = text.is_empty()
            || text.eq_ignore_ascii_case(b"Intersection")
            || text.eq_ignore_ascii_case(b"Unknown");
        if says_none { Ok(Self::NONE) } else { Err(()) }
    }

    /// Returns 0 for none, else one more than its index in [`Fsa::all`].
    pub(super) fn code(self) -> u16 {
        self.0
    }

    /// Returns all possible areas of `district`, from its `0A` on.
    pub(super) fn all(district: u8) -> impl Iterator<Item = String> {
        let district = char::from(district);
        (0..Self::COUNT).map(move |index| {
            let digit = char::from(b'0' + u8::try_from(index / 26).unwrap_or_default());
            let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or_default());
            format!("{district}{digit}{letter}")
        })
    }
}

/// Returns the area of a whole postal code, such as `M5V 3A8`, or of its start: the first three characters. The others
/// may identify a house. Any other text is returned as it is.
pub(super) fn area_of(text: &[u8]) -> &[u8] {
    let [first, digit, letter, rest @ ..] = text else {
        return text;
    };
    let is_area =
        first.is_ascii_alphabetic() && digit.is_ascii_digit() && letter.is_ascii_alphabetic();
    let mut rest = rest.iter().skip_while(|byte| b" -".contains(byte));
    if is_area && rest.next().is_some_and(u8::is_ascii_digit) {
        &text[..3]
    } else {
        text
    }
}

/// A ward, as stored in the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ward {
    pub(super) id: Option<i32>,
    pub(super) name: Option<Arc<str>>,
    pub(super) model: Option<i32>,
    /// The ward's part in the identity of a request: `Name (NN)` in the contract's spelling, or the published text.
    pub(super) identity: Arc<str>,
}

/// The meaning of a published ward.
#[derive(Debug, Clone)]
pub(super) enum WardReading {
    /// The only ward with that number and name, or the file's word for none.
    Plain(Ward),
    /// A ward in two models: the first before that date, the second from then on.
    ByDate {
        switch: Date,
        before: Ward,
        since: Ward,
    },
    /// A text that is not a ward of any model.
    Unknown(Ward),
}

/// Parses published wards.
pub(super) struct Wards<'a> {
    models: &'a [WardModel],
}

impl<'a> Wards<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self {
            models: &rules.ward_models,
        }
    }

    /// Returns the meaning of `text`: `Name (NN)`, `Unknown` or nothing.
    pub(super) fn read(&self, text: &[u8]) -> Result<WardReading, Reason> {
        let text = decode(text).ok_or(Reason::UndecodableText)?;
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("Unknown") {
            return Ok(WardReading::Plain(Ward {
                id: None,
                name: None,
                model: None,
                identity: "Unknown".into(),
            }));
        }
        let mut found = self.find(text);
        Ok(match (found.pop(), found.pop()) {
            (Some((_, ward)), None) => WardReading::Plain(ward),
            (Some((newer, since)), Some((_, before))) => WardReading::ByDate {
                switch: newer.in_force_from.unwrap_or(Date::MIN),
                before,
                since,
            },
            (None, _) => WardReading::Unknown(Ward {
                id: None,
                name: Some(text.into()),
                model: None,
                identity: text.into(),
            }),
        })
    }

    /// Returns the wards with that number and name, in the order of the models.
    fn find(&self, text: &str) -> Vec<(&'a WardModel, Ward)> {
        let numbered = text
            .strip_suffix(')')
            .and_then(|text| text.rsplit_once('('));
        let Some((name, number)) = numbered else {
            return Vec::new();
        };
        let Ok(number) = number.trim().parse::<i32>() else {
            return Vec::new();
        };
        let name = letters(name);
        let mut found = Vec::new();
        for model in self.models {
            for ward in &model.wards {
                if ward.id == number && letters(&ward.name) == name {
                    found.push((
                        model,
                        Ward {
                            id: Some(ward.id),
                            name: Some(ward.name.as_str().into()),
                            model: Some(model.size),
                            identity: format!("{} ({:02})", ward.name, ward.id).into(),
                        },
                    ));
                }
            }
        }
        found
    }
}

/// Returns the letters of a ward's name, which together with its number identify it. What conversions between encodings
/// leave of an apostrophe does not.
fn letters(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphabetic);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use shared::contract::Contract;

    use super::*;

    fn read(text: &str) -> WardReading {
        Wards::new(Contract::rules())
            .read(text.as_bytes())
            .expect("text")
    }

    fn plain(text: &str) -> (Option<i32>, Option<i32>) {
        match read(text) {
            WardReading::Plain(ward) => (ward.model, ward.id),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn number_and_name_identify_the_model() {
        assert_eq!(plain("Etobicoke Centre (03)"), (Some(44), Some(3)));
        assert_eq!(plain("Etobicoke-Lakeshore (03)"), (Some(25), Some(3)));
        assert_eq!(
            plain("Toronto-St. Paul\u{2019}s (12)"),
            (Some(25), Some(12))
        );
        assert_eq!(plain(" St. Paul's (21) "), (Some(44), Some(21)));
        for apostrophe in ["\u{fffd}", "?", "\u{e2}\u{20ac}\u{2122}", "\u{b4}", ""] {
            let text = format!("Toronto-St. Paul{apostrophe}s (12)");
            assert_eq!(plain(&text), (Some(25), Some(12)), "{text}");
        }
        assert_eq!(plain("Unknown"), (None, None));
    }

    #[test]
    fn every_ward_of_both_models_is_found_in_its_own_model() {
        let mut in_both = Vec::new();
        for model in &Contract::rules().ward_models {
            for ward in &model.wards {
                let text = format!("{} ({:02})", ward.name, ward.id);
                match read(&text) {
                    WardReading::Plain(read) => {
                        assert_eq!((read.model, read.id), (Some(model.size), Some(ward.id)));
                    }
                    WardReading::ByDate { before, since, .. } => {
                        assert_eq!((before.model, since.model), (Some(44), Some(25)));
                        in_both.push(text);
                    }
                    WardReading::Unknown(_) => panic!("{text} is unknown"),
                }
            }
        }
        assert_eq!(in_both, ["Etobicoke North (01)", "Etobicoke North (01)"]);
    }

    #[test]
    fn a_ward_of_neither_model_is_drift() {
        for text in [
            "Etobicoke Centre (05)",
            "Downtown (10)",
            "Davenport",
            "Davenport (x)",
        ] {
            assert!(matches!(read(text), WardReading::Unknown(_)), "{text}");
        }
    }

    #[test]
    fn only_areas_of_toronto_are_accepted() {
        let code = |text: &str| Fsa::read(text.as_bytes(), b'M').map(Fsa::code);
        let all: Vec<String> = Fsa::all(b'M').collect();
        assert_eq!(all[usize::from(code("M5V").unwrap()) - 1], "M5V");
        assert_eq!(code("m5v"), code("M5V"));
        assert_eq!(code("Intersection"), Ok(0));
        assert_eq!(code("Unknown"), Ok(0));
        assert_eq!(code(""), Ok(0));
        for text in ["L4J", "M5", "MM5", "M5V 1A1", "55V"] {
            assert_eq!(code(text), Err(()), "{text}");
        }
    }
}
