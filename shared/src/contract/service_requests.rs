use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::odcs;

/// A column of the published CSV.
#[derive(Debug, Clone)]
pub struct PublishedColumn {
    /// Our name.
    pub name: String,
    /// The publisher's name.
    pub header: String,
    /// Other names the publisher has used.
    pub aliases: Vec<String>,
    /// Whether a file may lack it.
    pub optional: bool,
}

/// A ward: number and name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ward {
    /// The number, within its model.
    pub id: i32,
    /// The name, with a straight apostrophe.
    pub name: String,
}

/// One of the city's ward models.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WardModel {
    /// The number of wards, which names the model: 44 or 25.
    #[serde(rename = "model")]
    pub size: i32,
    /// The first day it is in force; `None` for the oldest.
    #[serde(default)]
    pub in_force_from: Option<Date>,
    /// The last day it is in force; `None` for the newest.
    #[serde(default)]
    pub in_force_until: Option<Date>,
    /// The wards, by number.
    pub wards: Vec<Ward>,
}

/// Why a row may be refused.
#[derive(Debug, Clone)]
pub struct QuarantineReason {
    /// Its name in the quarantine.
    pub name: String,
    /// A clause that goes on after "because".
    pub description: String,
    /// A few words.
    pub title: String,
}

/// What the contract says of the published file and its values.
#[derive(Debug)]
pub struct Rules {
    /// The columns of the published CSV, in the publisher's order.
    pub published: Vec<PublishedColumn>,
    /// The ratio of quarantined to read rows above which a file is refused.
    pub max_quarantined_ratio: f64,
    /// The maximum length of a line, in bytes.
    pub max_line_bytes: usize,
    /// The statuses.
    pub statuses: Vec<String>,
    /// Maps the publisher's spellings to statuses, except for differences in case, spaces and hyphens.
    pub status_spellings: BTreeMap<String, String>,
    /// The known divisions.
    pub divisions: Vec<String>,
    /// The known sections whose name contains a comma. Other sections are not listed.
    pub sections: Vec<String>,
    /// Columns that the publisher's software adds and that are not about a request.
    pub technical_columns: Vec<String>,
    /// The ward models, oldest first.
    pub ward_models: Vec<WardModel>,
    /// Why rows are refused, in the order of the contract.
    pub quarantine_reasons: Vec<QuarantineReason>,
    /// The time zone of the published wall clock.
    pub time_zone: TimeZone,
    /// The postal district, the first letter of the city's forward sortation areas.
    pub postal_district: u8,
}

impl Rules {
    pub(super) fn read(document: &odcs::Document) -> Self {
        let file = document.object("published_requests");
        let table = document.object("service_requests");
        let quarantine = document.object("quarantined_requests");
        let zone: String = given(document.custom("timeZone"));
        Self {
            published: file.properties.iter().map(published_column).collect(),
            max_quarantined_ratio: file
                .custom("maxQuarantinedRatio")
                .expect("the embedded contract states maxQuarantinedRatio"),
            max_line_bytes: file
                .custom("maxLineBytes")
                .expect("the embedded contract states maxLineBytes"),
            statuses: given(table.property("status").custom("allowedValues")),
            status_spellings: table
                .property("status")
                .custom("sourceSpellings")
                .unwrap_or_default(),
            divisions: given(file.property("division").custom("knownValues")),
            sections: given(file.property("section").custom("knownValues")),
            technical_columns: file.custom("technicalColumns").unwrap_or_default(),
            ward_models: table
                .property("ward_model")
                .custom("wardModels")
                .expect("the embedded contract lists wardModels"),
            quarantine_reasons: quarantine_reasons(quarantine.property("reason")),
            time_zone: TimeZone::get(&zone).expect("the time zones are in the binary"),
            postal_district: postal_district(table.property("fsa")),
        }
    }

    /// Returns the ward model in force.
    ///
    /// # Panics
    /// If the contract has none, which a test excludes.
    #[must_use]
    pub fn current_wards(&self) -> &WardModel {
        let mut models = self.ward_models.iter();
        given(models.find(|model| model.in_force_until.is_none()))
    }
}

/// Reads the letter of a pattern such as `^M[0-9][A-Z]$`: one district, all digits and letters.
fn postal_district(property: &odcs::Property) -> u8 {
    let pattern = given(property.logical_type_options.pattern.as_deref());
    match pattern.as_bytes() {
        [b'^', district, rest @ ..] if rest == b"[0-9][A-Z]$" => *district,
        _ => panic!(
            "the pattern {pattern} of {} is not that of one postal district",
            property.name
        ),
    }
}

fn given<T>(value: Option<T>) -> T {
    value.expect("the embedded contract has it: a test reads all")
}

fn quarantine_reasons(property: &odcs::Property) -> Vec<QuarantineReason> {
    let names: Vec<String> = given(property.custom("allowedValues"));
    let mut descriptions: BTreeMap<String, String> = given(property.custom("valueDescriptions"));
    let mut titles: BTreeMap<String, String> = given(property.custom("valueTitles"));
    let reasons = names.into_iter().map(|name| QuarantineReason {
        description: given(descriptions.remove(&name)),
        title: given(titles.remove(&name)),
        name,
    });
    reasons.collect()
}

fn published_column(property: &odcs::Property) -> PublishedColumn {
    PublishedColumn {
        name: property.name.clone(),
        header: property
            .physical_name
            .clone()
            .unwrap_or_else(|| property.name.clone()),
        aliases: property.custom("aliases").unwrap_or_default(),
        optional: property.custom("optionalColumn").unwrap_or_default(),
    }
}
