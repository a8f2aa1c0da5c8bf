//! The data contracts (Open Data Contract Standard v3.1), embedded and parsed once: the single source of columns and
//! rules.

mod columns;
mod odcs;
mod service_requests;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use columns::{Column, ColumnType, Partitioning, Table};
pub use service_requests::{PublishedColumn, QuarantineReason, Rules, Ward, WardModel};

use crate::partition::Dataset;

/// One contract: its identity and its tables.
#[derive(Debug)]
pub struct Contract {
    /// The contract's id, recorded in manifests.
    pub id: String,
    /// What the data are called.
    pub name: String,
    /// What the data are.
    pub purpose: String,
    /// What the data do not have.
    pub limitations: Option<String>,
    /// What the data are for.
    pub usage: Option<String>,
    /// The publisher's page of the data; `None` for records that are our own.
    pub source: Option<String>,
    /// Keywords.
    pub tags: Vec<String>,
    /// The semantic version, part of the fingerprint of every result.
    pub version: String,
    /// The licence of the published data; `None` for records that are our own.
    pub licence: Option<Licence>,
    /// The attribution that the licence requires.
    pub attribution: Option<String>,
    /// The tables of the warehouse, in order.
    pub tables: Vec<Table>,
    document: odcs::Document,
}

/// The text of each contract: those of the datasets in their order, then that of load-job's records.
const TEXTS: [&str; 4] = [
    include_str!("../../../contracts/service_requests.odcs.yaml"),
    include_str!("../../../contracts/city_wards.odcs.yaml"),
    include_str!("../../../contracts/forward_sortation_areas.odcs.yaml"),
    include_str!("../../../contracts/load_records.odcs.yaml"),
];

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// Its name.
    pub name: String,
    /// Where it is published.
    pub url: String,
}

impl Contract {
    /// Returns every contract: those of the datasets in their order, then that of load-job's records.
    #[must_use]
    pub fn all() -> &'static [Contract; 4] {
        static ALL: LazyLock<[Contract; 4]> = LazyLock::new(|| TEXTS.map(Contract::read));
        &ALL
    }

    fn read(text: &str) -> Contract {
        let document: odcs::Document = serde_saphyr::from_str(text)
            .expect("the embedded contracts are valid: a test reads each");
        let tables = document.objects().filter(|object| object.is_table());
        let description = &document.description;
        Contract {
            id: document.id.clone(),
            name: document.name.clone(),
            purpose: description.purpose.clone(),
            limitations: description.limitations.clone(),
            usage: description.usage.clone(),
            source: description.source().map(str::to_owned),
            tags: document.tags.clone(),
            version: document.version.clone(),
            licence: document.custom("licence"),
            attribution: document.custom("attribution"),
            tables: tables.map(Table::read).collect(),
            document,
        }
    }

    /// Returns the tables of every contract, in order.
    pub fn all_tables() -> impl Iterator<Item = &'static Table> {
        Self::all().iter().flat_map(|contract| &contract.tables)
    }

    /// Returns the contract of `dataset`.
    #[must_use]
    pub fn of(dataset: Dataset) -> &'static Contract {
        &Self::all()[dataset as usize]
    }

    /// Returns the table `name`, with its columns in order.
    ///
    /// # Panics
    /// If the contract does not have the table.
    #[must_use]
    pub fn table(&self, name: &str) -> &Table {
        let table = self.tables.iter().find(|table| table.name == name);
        table.unwrap_or_else(|| panic!("contract {} has no table {name}", self.id))
    }

    /// Returns the table that the clean rows of `dataset` are loaded into.
    #[must_use]
    pub fn clean_table(dataset: Dataset) -> &'static Table {
        Self::of(dataset).table(match dataset {
            Dataset::ServiceRequests => "service_requests",
            Dataset::CityWards => "city_wards",
            Dataset::ForwardSortationAreas => "forward_sortation_areas",
        })
    }

    /// Returns the table that refused service requests are loaded into.
    #[must_use]
    pub fn quarantine_table() -> &'static Table {
        Self::of(Dataset::ServiceRequests).table("quarantined_requests")
    }

    /// Returns the rules of the service request contract for the published file and its values.
    #[must_use]
    pub fn rules() -> &'static Rules {
        static RULES: LazyLock<Rules> =
            LazyLock::new(|| Rules::read(&Contract::of(Dataset::ServiceRequests).document));
        &RULES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Digest;

    #[test]
    fn every_contract_is_read() {
        for dataset in Dataset::ALL {
            assert!(!Contract::clean_table(dataset).columns.is_empty());
        }
        assert_eq!(Contract::quarantine_table().columns.len(), 5);
    }

    /// The version represents the rules in every fingerprint. If this snapshot changes because the rules did, raise the
    /// version first.
    #[test]
    fn a_changed_contract_has_a_new_version() {
        let versions: Vec<String> = Contract::all()
            .iter()
            .zip(TEXTS)
            .map(|(contract, text)| {
                let digest = Digest::of(text.as_bytes());
                format!("{} {} {digest}", contract.id, contract.version)
            })
            .collect();
        insta::assert_snapshot!(versions.join("\n"));
    }

    #[test]
    fn the_ward_sets_are_complete() {
        let models = &Contract::rules().ward_models;
        let sizes: Vec<usize> = models.iter().map(|model| model.wards.len()).collect();
        assert_eq!(sizes, [44, 25]);
        for model in models {
            let ids: Vec<i32> = model.wards.iter().map(|ward| ward.id).collect();
            assert_eq!(ids, (1..=model.size).collect::<Vec<_>>());
        }
        let both: Vec<&Ward> = models[0]
            .wards
            .iter()
            .filter(|ward| models[1].wards.contains(ward))
            .collect();
        assert_eq!(both.len(), 1);
        assert_eq!(both[0].name, "Etobicoke North");
    }
}
