//! The parts of an Open Data Contract Standard v3.1 document that the jobs read.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A contract document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) description: Description,
    schema: Vec<Object>,
    #[serde(default)]
    custom_properties: Vec<CustomProperty>,
}

/// What a contract is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    pub(super) purpose: String,
    #[serde(default)]
    pub(super) limitations: Option<String>,
    #[serde(default)]
    pub(super) usage: Option<String>,
    #[serde(default)]
    authoritative_definitions: Vec<Definition>,
}

/// A page that defines the data.
#[derive(Debug, Deserialize)]
struct Definition {
    url: String,
}

impl Description {
    /// Returns the publisher's page of the data.
    pub(super) fn source(&self) -> Option<&str> {
        let first = self.authoritative_definitions.first()?;
        Some(&first.url)
    }
}

/// A table or a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object {
    pub(super) name: String,
    physical_type: String,
    pub(super) description: String,
    pub(super) properties: Vec<Property>,
    #[serde(default)]
    custom_properties: Vec<CustomProperty>,
}

/// A column.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Property {
    pub(super) name: String,
    #[serde(default)]
    pub(super) physical_name: Option<String>,
    pub(super) logical_type: String,
    pub(super) physical_type: String,
    #[serde(default)]
    pub(super) logical_type_options: LogicalTypeOptions,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    primary_key: bool,
    #[serde(default)]
    primary_key_position: u8,
    /// The columns that it is computed from, as `OBJECT.PROPERTY`.
    #[serde(default)]
    transform_source_objects: Vec<String>,
    pub(super) description: String,
    #[serde(default)]
    custom_properties: Vec<CustomProperty>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogicalTypeOptions {
    #[serde(default)]
    pub(super) format: Option<String>,
    #[serde(default)]
    pub(super) timezone: bool,
    #[serde(default)]
    pub(super) pattern: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CustomProperty {
    property: String,
    value: serde_json::Value,
}

impl Document {
    pub(super) fn object(&self, name: &str) -> &Object {
        self.schema
            .iter()
            .find(|object| object.name == name)
            .unwrap_or_else(|| {
                panic!(
                    "contract {} does not have the schema object {name}",
                    self.id
                )
            })
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.schema.iter()
    }

    pub(super) fn custom<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        custom(&self.custom_properties, &self.id, name)
    }
}

impl Object {
    pub(super) fn property(&self, name: &str) -> &Property {
        self.properties
            .iter()
            .find(|property| property.name == name)
            .unwrap_or_else(|| panic!("{} does not have the property {name}", self.name))
    }

    /// Returns the names of the columns of its primary key, in order.
    pub(super) fn primary_key(&self) -> Vec<String> {
        let properties = self.properties.iter();
        let mut key: Vec<&Property> = properties.filter(|column| column.primary_key).collect();
        key.sort_by_key(|column| column.primary_key_position);
        key.into_iter().map(|column| column.name.clone()).collect()
    }

    /// Whether it is a table of the warehouse, and not a published file.
    pub(super) fn is_table(&self) -> bool {
        self.physical_type == "table"
    }

    pub(super) fn custom<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        custom(&self.custom_properties, &self.name, name)
    }
}

impl Property {
    /// Returns the names of the columns that it is computed from.
    pub(super) fn sources(&self) -> impl Iterator<Item = &str> {
        let sources = self.transform_source_objects.iter();
        sources.map(|source| {
            source
                .split_once('.')
                .map_or(source.as_str(), |(_, name)| name)
        })
    }

    pub(super) fn custom<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        custom(&self.custom_properties, &self.name, name)
    }
}

fn custom<T: DeserializeOwned>(properties: &[CustomProperty], of: &str, name: &str) -> Option<T> {
    let found = properties.iter().find(|custom| custom.property == name)?;
    let value = serde_json::from_value(found.value.clone())
        .unwrap_or_else(|error| panic!("custom property {name} of {of}: {error}"));
    Some(value)
}
