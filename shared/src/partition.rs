//! Datasets and their partitions, the units of work of every stage.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A published package, as stored in the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dataset {
    /// 311 service requests, one partition per year.
    ServiceRequests,
    /// Polygons of the 25 wards, one partition.
    CityWards,
    /// Polygons of the forward sortation areas, one partition.
    ForwardSortationAreas,
}

impl Dataset {
    /// All of them.
    pub const ALL: [Dataset; 3] = [
        Dataset::ServiceRequests,
        Dataset::CityWards,
        Dataset::ForwardSortationAreas,
    ];

    /// Returns the name in object keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Dataset::ServiceRequests => "service-requests",
            Dataset::CityWards => "city-wards",
            Dataset::ForwardSortationAreas => "forward-sortation-areas",
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The unit of work: a part of a dataset that is published, transformed and loaded as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Partition {
    /// The service requests of a year.
    Year(i16),
    /// The ward polygons.
    CityWards,
    /// The polygons of the forward sortation areas.
    ForwardSortationAreas,
}

impl Partition {
    /// Returns its dataset.
    #[must_use]
    pub fn dataset(self) -> Dataset {
        match self {
            Partition::Year(_) => Dataset::ServiceRequests,
            Partition::CityWards => Dataset::CityWards,
            Partition::ForwardSortationAreas => Dataset::ForwardSortationAreas,
        }
    }

    /// Returns the year, `None` for boundaries.
    #[must_use]
    pub fn year(self) -> Option<i16> {
        match self {
            Partition::Year(year) => Some(year),
            Partition::CityWards | Partition::ForwardSortationAreas => None,
        }
    }

    /// Returns the folder in the lake, below `raw/`, `clean/` or `loaded/<warehouse>/`: `service-requests/2023`,
    /// `city-wards`.
    #[must_use]
    pub fn folder(self) -> String {
        match self {
            Partition::Year(year) => format!("{}/{year}", self.dataset()),
            other => other.dataset().to_string(),
        }
    }
}

/// Formats the partition: `2023`, or the dataset's name if it has one partition only.
impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Partition::Year(year) => write!(f, "{year}"),
            other => write!(f, "{}", other.dataset()),
        }
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || {
            format!(
                "{text:?} is not a partition: use a year, city-wards or forward-sortation-areas"
            )
        };
        match text {
            "city-wards" => Ok(Partition::CityWards),
            "forward-sortation-areas" => Ok(Partition::ForwardSortationAreas),
            // Without a sign, and with as many digits as a year may have.
            year if year.len() <= 4 && year.bytes().all(|byte| byte.is_ascii_digit()) => {
                year.parse().map(Partition::Year).map_err(|_| problem())
            }
            _ => Err(problem()),
        }
    }
}

impl TryFrom<String> for Partition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Partition> for String {
    fn from(partition: Partition) -> Self {
        partition.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_digits_only() {
        assert_eq!("2023".parse(), Ok(Partition::Year(2023)));
        for bad in ["-1", "+2023", "20230", "", " 2023", "2023.0"] {
            assert!(bad.parse::<Partition>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_partition_has_a_name_a_folder_and_a_dataset() {
        for (partition, name, folder, dataset, year) in [
            (
                Partition::Year(2023),
                "2023",
                "service-requests/2023",
                Dataset::ServiceRequests,
                Some(2023),
            ),
            (
                Partition::CityWards,
                "city-wards",
                "city-wards",
                Dataset::CityWards,
                None,
            ),
            (
                Partition::ForwardSortationAreas,
                "forward-sortation-areas",
                "forward-sortation-areas",
                Dataset::ForwardSortationAreas,
                None,
            ),
        ] {
            assert_eq!(partition.to_string(), name);
            assert_eq!(name.parse(), Ok(partition));
            assert_eq!(partition.folder(), folder);
            assert_eq!(partition.dataset(), dataset);
            assert_eq!(partition.year(), year);
        }
        assert!("wards".parse::<Partition>().is_err());
    }
}
