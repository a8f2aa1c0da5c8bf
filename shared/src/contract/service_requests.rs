use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::odcs;

/// A column of the published CSV.
#[derive(Debug, Clone)]
pub struct PublishedColumn {
    /// Our name for it.
    pub name: String,
    /// The publisher's name for it.
    pub header: String,
    /// Other names it is known by.
    pub aliases: Vec<String>,
    /// Whether a file without it is whole.
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

/// One of the city's divisions into wards.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WardModel {
    /// The number of wards, which names the model: 44 or 25.
    #[serde(rename = "model")]
    pub size: i32,
    /// The first day it is in force; none for the oldest.
    #[serde(default)]
    pub in_force_from: Option<Date>,
    /// The last day it is in force; none for the newest.
    #[serde(default)]
    pub in_force_until: Option<Date>,
    /// The wards, by number.
    pub wards: Vec<Ward>,
}

impl WardModel {
    /// Whether it is in force on `date`.
    #[must_use]
    pub fn in_force(&self, date: Date) -> bool {
        self.in_force_from.is_none_or(|from| from <= date)
            && self.in_force_until.is_none_or(|until| date <= until)
    }
}

/// What the contract says of the published file and its values.
#[derive(Debug)]
pub struct Rules {
    /// The columns of the published CSV, in the publisher's order.
    pub published: Vec<PublishedColumn>,
    /// Rows in quarantine over rows read, above which a file is refused.
    pub max_quarantined_ratio: f64,
    /// The longest line, in bytes.
    pub max_line_bytes: usize,
    /// The statuses.
    pub statuses: Vec<String>,
    /// Publisher's spellings to statuses, where case, spaces and hyphens do not explain them.
    pub status_spellings: BTreeMap<String, String>,
    /// The divisions known so far.
    pub divisions: Vec<String>,
    /// The sections with a comma known so far. Other sections are not listed.
    pub sections: Vec<String>,
    /// Columns that the publisher's software adds, which say nothing of a request.
    pub technical_columns: Vec<String>,
    /// The ward models, oldest first.
    pub ward_models: Vec<WardModel>,
}

impl Rules {
    pub(super) fn read(document: &odcs::Document) -> Self {
        let file = document.object("published_requests");
        let table = document.object("service_requests");
        let given =
            |value: Option<_>| value.expect("the embedded contract has it: a test reads all");
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
        }
    }
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
