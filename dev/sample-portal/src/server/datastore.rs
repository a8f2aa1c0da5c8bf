//! CKAN's DataStore: tables, their search and their dumps.

use std::cmp::Ordering;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use crate::published::COMMA_SECTION;

/// The maximum number of records in one search.
const LIMIT: usize = 32_000;

/// A table: the fields and texts of a dump. `_id` is a number, all other fields are text or timestamps.
pub(super) struct Table {
    resource_id: String,
    fields: Vec<String>,
    records: Vec<csv::StringRecord>,
}

/// A search.
pub(super) struct Search {
    filters: Map<String, Value>,
    words: Vec<String>,
    fields: Vec<String>,
    /// The fields to sort by, and whether in descending order.
    sort: Vec<(String, bool)>,
    offset: usize,
    limit: usize,
}

impl Search {
    /// Returns the search in `parameters`, else the invalid parameter and its problem.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, (&'static str, String)> {
        let number = |name: &'static str, default: usize| match parameters.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Number(number)) => number
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .ok_or((name, "Invalid integer".to_owned())),
            Some(other) => other
                .as_str()
                .and_then(|text| text.parse().ok())
                .ok_or((name, "Invalid integer".to_owned())),
        };
        let filters = match parameters.get("filters") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(filters)) => filters.clone(),
            // In a query string it is JSON in a string.
            Some(other) => other
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok())
                .ok_or(("filters", "Cannot parse JSON".to_owned()))?,
        };
        let list = |name: &str| -> Vec<String> {
            match parameters.get(name) {
                Some(Value::Array(values)) => {
                    let texts = values.iter().filter_map(Value::as_str);
                    texts.map(str::to_owned).collect()
                }
                Some(Value::String(text)) => {
                    text.split(',').map(|part| part.trim().to_owned()).collect()
                }
                _ => Vec::new(),
            }
        };
        let sort = list("sort").into_iter().map(|key| {
            let (field, order) = key.rsplit_once(' ').unwrap_or((&key, "asc"));
            match order {
                "asc" | "desc" => (field.trim_matches('"').to_owned(), order == "desc"),
                _ => (key.trim_matches('"').to_owned(), false),
            }
        });
        let words = parameters
            .get("q")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(Self {
            filters,
            words: words.split_whitespace().map(str::to_lowercase).collect(),
            fields: list("fields"),
            sort: sort.collect(),
            offset: number("offset", 0)?,
            limit: number("limit", 100)?.min(LIMIT),
        })
    }
}

impl Table {
    pub(super) fn of_dump(resource_id: &str, dump: &[u8]) -> anyhow::Result<Self> {
        let mut reader = csv::Reader::from_reader(dump);
        let fields = reader.headers()?.iter().map(str::to_owned).collect();
        let records = reader.records().collect::<Result<_, _>>()?;
        Ok(Self {
            resource_id: resource_id.to_owned(),
            fields,
            records,
        })
    }

    pub(super) fn info(&self) -> Value {
        json!({
            "meta": {
                "id": self.resource_id,
                "count": self.records.len(),
                "table_type": "BASE TABLE",
            },
            "fields": self.fields.iter().map(|field| description(field)).collect::<Vec<_>>(),
        })
    }

    pub(super) fn search(&self, search: &Search) -> Value {
        let position = |field: &str| self.fields.iter().position(|other| other == field);
        let mut found: Vec<&csv::StringRecord> = self
            .records
            .iter()
            .filter(|record| {
                let filtered = search.filters.iter().all(|(field, wanted)| {
                    let value = position(field).and_then(|at| record.get(at));
                    let equals = |wanted: &Value| match wanted {
                        Value::String(text) => value == Some(text),
                        other => value == Some(other.to_string().as_str()),
                    };
                    match wanted {
                        Value::Array(any) => any.iter().any(equals),
                        one => equals(one),
                    }
                });
                let contains = |word: &String| {
                    record
                        .iter()
                        .any(|value| value.to_lowercase().contains(word))
                };
                filtered && search.words.iter().all(contains)
            })
            .collect();
        for (field, descending) in search.sort.iter().rev() {
            let Some(at) = position(field) else { continue };
            found.sort_by(|one, other| {
                let order = compare(field, &one[at], &other[at]);
                if *descending { order.reverse() } else { order }
            });
        }
        let shown: Vec<usize> = if search.fields.is_empty() {
            (0..self.fields.len()).collect()
        } else {
            let fields = search.fields.iter();
            fields.filter_map(|field| position(field)).collect()
        };
        let record = |record: &&csv::StringRecord| {
            let values = shown.iter().map(|&at| {
                (
                    self.fields[at].clone(),
                    value(&self.fields[at], &record[at]),
                )
            });
            Value::Object(values.collect())
        };
        let page = found.iter().skip(search.offset).take(search.limit);
        json!({
            "include_total": true,
            "limit": search.limit,
            "offset": search.offset,
            "records_format": "objects",
            "resource_id": self.resource_id,
            "total": found.len(),
            "total_estimation_threshold": null,
            "total_was_estimated": false,
            "fields": shown.iter().map(|&at| description(&self.fields[at])).collect::<Vec<_>>(),
            "records": page.map(record).collect::<Vec<_>>(),
        })
    }
}

fn compare(field: &str, one: &str, other: &str) -> Ordering {
    if field == "_id" {
        let number = |text: &str| text.parse::<u64>().ok();
        return number(one).cmp(&number(other));
    }
    one.cmp(other)
}

fn value(field: &str, text: &str) -> Value {
    match text.parse::<u64>() {
        Ok(id) if field == "_id" => id.into(),
        _ => text.into(),
    }
}

fn description(field: &str) -> Value {
    let kind = match field {
        "_id" => "int",
        "Creation Date" => "timestamp",
        _ => "text",
    };
    json!({"id": field, "type": kind})
}

/// Returns the dump of the DataStore's table of a year's `csv`: with an `_id`, ISO 8601 times, and quotes around
/// commas.
pub(super) fn dump_of(csv: &[u8]) -> anyhow::Result<Vec<u8>> {
    let text = match std::str::from_utf8(csv) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::WINDOWS_1252.decode(csv).0,
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let header = reader.headers()?.clone();
    writer.write_record(std::iter::once("_id").chain(&header))?;
    for (index, record) in reader.records().enumerate() {
        let record = record?;
        ensure!(
            record.len() >= header.len(),
            "cannot load line {} into the DataStore: it has {} fields",
            index + 2,
            record.len()
        );
        let created = record.get(0).context("a row has a first field")?;
        let created = created.trim_end_matches(".0000000").replacen(' ', "T", 1);
        // The unquoted comma of the file is in the section or in the division.
        let rest: Vec<&str> = record.iter().skip(7).collect();
        let rest = rest.join(", ");
        let (division, section) = match rest.strip_suffix(COMMA_SECTION) {
            Some(division) => (division.trim_end_matches(", "), COMMA_SECTION),
            None => rest.rsplit_once(", ").context("a row has a section")?,
        };
        let id = (index + 1).to_string();
        let middle = record.iter().skip(1).take(6);
        let fields = [id.as_str(), &created].into_iter().chain(middle);
        writer.write_record(fields.chain([division, section]))?;
    }
    Ok(writer.into_inner()?)
}
