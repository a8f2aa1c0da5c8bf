//! The data contracts (Open Data Contract Standard v3.1), embedded, read once: the single source of columns and rules.

mod columns;
mod odcs;
mod service_requests;

use std::sync::LazyLock;

pub use columns::{Column, ColumnType, Table};
pub use service_requests::{PublishedColumn, Rules, Ward, WardModel};

use crate::partition::Dataset;

/// One contract: its identity and its tables.
#[derive(Debug)]
pub struct Contract {
    /// The contract's id, for the records.
    pub id: String,
    /// The version, semantic; part of every fingerprint made under it.
    pub version: String,
    document: odcs::Document,
}

impl Contract {
    /// The contract of `dataset`.
    #[must_use]
    pub fn of(dataset: Dataset) -> &'static Contract {
        static SERVICE_REQUESTS: LazyLock<Contract> =
            LazyLock::new(|| Contract::embedded(Dataset::ServiceRequests));
        static CITY_WARDS: LazyLock<Contract> =
            LazyLock::new(|| Contract::embedded(Dataset::CityWards));
        static FORWARD_SORTATION_AREAS: LazyLock<Contract> =
            LazyLock::new(|| Contract::embedded(Dataset::ForwardSortationAreas));
        match dataset {
            Dataset::ServiceRequests => &SERVICE_REQUESTS,
            Dataset::CityWards => &CITY_WARDS,
            Dataset::ForwardSortationAreas => &FORWARD_SORTATION_AREAS,
        }
    }

    fn embedded(dataset: Dataset) -> Contract {
        let document: odcs::Document = serde_saphyr::from_str(Self::text(dataset))
            .expect("the embedded contracts are valid: a test reads each");
        Contract {
            id: document.id.clone(),
            version: document.version.clone(),
            document,
        }
    }

    /// The YAML text of the contract of `dataset`.
    #[must_use]
    pub fn text(dataset: Dataset) -> &'static str {
        match dataset {
            Dataset::ServiceRequests => {
                include_str!("../../../contracts/service_requests.odcs.yaml")
            }
            Dataset::CityWards => include_str!("../../../contracts/city_wards.odcs.yaml"),
            Dataset::ForwardSortationAreas => {
                include_str!("../../../contracts/forward_sortation_areas.odcs.yaml")
            }
        }
    }

    /// The table `name`, with its columns in order.
    ///
    /// # Panics
    /// If the contract has no such table.
    #[must_use]
    pub fn table(&self, name: &str) -> Table {
        Table::read(self.document.object(name))
    }

    /// The table that the clean rows of `dataset` are loaded into.
    #[must_use]
    pub fn clean_table(dataset: Dataset) -> &'static Table {
        static SERVICE_REQUESTS: LazyLock<Table> =
            LazyLock::new(|| Contract::of(Dataset::ServiceRequests).table("service_requests"));
        static CITY_WARDS: LazyLock<Table> =
            LazyLock::new(|| Contract::of(Dataset::CityWards).table("city_wards"));
        static FORWARD_SORTATION_AREAS: LazyLock<Table> = LazyLock::new(|| {
            Contract::of(Dataset::ForwardSortationAreas).table("forward_sortation_areas")
        });
        match dataset {
            Dataset::ServiceRequests => &SERVICE_REQUESTS,
            Dataset::CityWards => &CITY_WARDS,
            Dataset::ForwardSortationAreas => &FORWARD_SORTATION_AREAS,
        }
    }

    /// The table that refused service requests are loaded into.
    #[must_use]
    pub fn quarantine_table() -> &'static Table {
        static TABLE: LazyLock<Table> =
            LazyLock::new(|| Contract::of(Dataset::ServiceRequests).table("quarantined_requests"));
        &TABLE
    }

    /// What the contract of the service requests says of the published file and its values.
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

    /// The version names the rules in every fingerprint: a change of the text asks for a new version, then for a new
    /// snapshot.
    #[test]
    fn a_changed_contract_has_a_new_version() {
        let versions: Vec<String> = Dataset::ALL
            .iter()
            .map(|&dataset| {
                let digest = Digest::of(Contract::text(dataset).as_bytes());
                format!("{dataset} {} {digest}", Contract::of(dataset).version)
            })
            .collect();
        insta::assert_snapshot!(versions.join("\n"));
    }

    #[test]
    fn the_ward_sets_are_whole() {
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
