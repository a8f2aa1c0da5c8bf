use jiff::Timestamp;
use serde_json::Value;
use shared::address::Address;
use shared::fingerprint::Fingerprint;
use shared::manifest::Source;
use url::Url;

use super::date::StatedDate;
use super::one_line;

/// One published file.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// CKAN's id, which survives a change of name or content.
    pub(crate) id: Option<String>,
    /// Its title.
    pub(crate) name: Option<String>,
    /// Its format in lower case, as stated or else from the file name: `zip`, `csv`, `geojson`.
    pub(crate) format: String,
    /// The last part of its address.
    pub(crate) file_name: String,
    /// Its address, or the text in place of one.
    url: Result<Url, String>,
    /// When its content last changed.
    pub(crate) last_modified: StatedDate,
    /// When it was added to the package.
    pub(crate) created: Option<Timestamp>,
    stated_size_bytes: Option<u64>,
    /// Whether it is a file that was uploaded to CKAN, which dates it. A link's date does not follow the file's, and that of
    /// a table in the DataStore does not follow the rows (ckan/ckan#8980).
    is_upload: bool,
    /// Whether it is a copy that the City's portal keeps of one of its other resources.
    pub(crate) copy: bool,
    /// Whether its data are synthetic, according to an extra field of the sample portal.
    generated: bool,
    /// When the portal listed it.
    listed_at: Timestamp,
}

/// A file to extract, as stated by its publisher.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// Its identity, for people and manifests.
    pub(crate) source: Source,
    /// Its address.
    pub(crate) url: Url,
    /// The version of this publication.
    pub(crate) version: Fingerprint,
    /// Whether the date in `source` is that of the file, and not that of the description of a link or a table.
    pub(crate) dates_the_file: bool,
    /// Whether its content may change while what is stated of it does not, so that its server has to be asked.
    pub(crate) changes_unstated: bool,
    /// When this run observed the offer.
    pub(crate) observed_at: Timestamp,
}

impl Resource {
    /// Parses CKAN's description of a resource field by field, because editors and extensions omit, add and mistype
    /// some. Returns `None` if it is not a description or the resource was deleted.
    pub(crate) fn read(fields: &Value, listed_at: Timestamp) -> Option<Self> {
        let fields = fields.as_object()?;
        let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
        if !matches!(text(field("state")).as_deref(), None | Some("active")) {
            return None;
        }
        let address = text(field("url")).unwrap_or_default();
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let file_name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let format = format(&text(field("format")).unwrap_or_default(), &file_name);
        Some(Self {
            id: text(field("id")).as_deref().map(one_line),
            name: text(field("name")).as_deref().map(one_line),
            format,
            file_name,
            url: Url::parse(&address)
                .map_err(|_| one_line(&Address::of_text(&address).to_string())),
            last_modified: StatedDate::of_ckan(field("last_modified"), listed_at),
            created: StatedDate::of_ckan(field("created"), listed_at).at(),
            stated_size_bytes: text(field("size")).and_then(|size| size.parse().ok()),
            is_upload: text(field("url_type")).as_deref() == Some("upload"),
            copy: flag(field("is_datastore_cache_file")),
            generated: flag(field("generated")),
            listed_at,
        })
    }

    /// Returns the resource as the file of `year`, whose date is none before the year.
    pub(crate) fn of_year(mut self, year: i16) -> Self {
        self.last_modified = self.last_modified.of_year(year);
        self
    }

    /// Returns its name in messages.
    pub(crate) fn label(&self) -> String {
        let address = || match &self.url {
            Ok(url) => Address::of(url).to_string(),
            Err(text) => text.clone(),
        };
        let id = self.id.clone().or_else(|| self.name.clone());
        id.unwrap_or_else(address)
    }

    /// Returns the file to extract.
    ///
    /// # Errors
    /// Returns the text in place of an address.
    pub(crate) fn offer(&self) -> Result<Offer, &str> {
        let url = self.url.as_ref().map_err(String::as_str)?;
        let source = Source {
            url: Address::of(url).to_string(),
            resource_id: self.id.clone(),
            last_modified: self.last_modified.normalized(),
            stated_size_bytes: self.stated_size_bytes,
            generated: self.generated,
        };
        Ok(Offer {
            version: version(&source, url),
            dates_the_file: self.is_upload,
            changes_unstated: !self.is_upload || source.last_modified.is_none(),
            observed_at: self.listed_at,
            source,
            url: url.clone(),
        })
    }
}

impl Offer {
    /// Returns the offer of a file that no portal describes and whose content does not change.
    pub(crate) fn unchanging(url: &Url) -> Self {
        let source = Source {
            url: Address::of(url).to_string(),
            resource_id: None,
            last_modified: None,
            stated_size_bytes: None,
            generated: false,
        };
        Self {
            version: version(&source, url),
            dates_the_file: true,
            changes_unstated: false,
            observed_at: Timestamp::now(),
            source,
            url: url.clone(),
        }
    }
}

/// Returns the version of `source`. If the address identifies it, this includes the parts of the address that are not
/// shown.
fn version(source: &Source, url: &Url) -> Fingerprint {
    let mut source = source.clone();
    source.url = url.to_string();
    source.version()
}

/// Returns the value of a field that should be a string and may be a number.
fn text(field: &Value) -> Option<String> {
    let text = match field {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the value of a field that should be a boolean. CKAN stores the extra fields of a resource as strings.
fn flag(field: &Value) -> bool {
    match field {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.trim().eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// Returns the stated format, from its name or media type, in lower case; if there is none, the extension of the file.
fn format(stated: &str, file_name: &str) -> String {
    let stated = stated.trim_start_matches('.').to_ascii_lowercase();
    match stated.as_str() {
        "" => match file_name.rsplit_once('.') {
            Some((_, extension)) => extension.to_ascii_lowercase(),
            None => String::new(),
        },
        "application/zip" | "application/x-zip-compressed" => "zip".to_owned(),
        "text/csv" | "text/comma-separated-values" => "csv".to_owned(),
        "application/geo+json" => "geojson".to_owned(),
        _ => stated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(fields: &Value) -> Option<Resource> {
        Resource::read(fields, Timestamp::now())
    }

    #[test]
    fn only_descriptions_of_active_resources_are_read() {
        for fields in [
            json!(null),
            json!("SR2023"),
            json!([]),
            json!({"state": "deleted"}),
        ] {
            assert!(read(&fields).is_none(), "{fields}");
        }
        for fields in [
            json!({}),
            json!({"state": "active"}),
            json!({"state": null}),
        ] {
            assert!(read(&fields).is_some(), "{fields}");
        }
    }

    #[test]
    fn fields_of_other_types_are_read_or_left_out() {
        let resource = read(&json!({
            "id": 4711, "name": {"en": "SR2023"}, "format": 7, "url": "https://x.example/a.zip?token=secret",
            "size": "1234", "generated": "True", "is_datastore_cache_file": "False", "created": "lately",
        }))
        .expect("a resource");
        assert_eq!(resource.name, None);
        assert_eq!(resource.created, None);
        assert!(!resource.copy);
        let offer = resource.offer().expect("an address");
        assert_eq!(offer.source.resource_id.as_deref(), Some("4711"));
        assert_eq!(offer.source.stated_size_bytes, Some(1234));
        assert!(offer.source.generated);
        assert_eq!(offer.source.url, "https://x.example/a.zip");
        assert_eq!(offer.url.query(), Some("token=secret"));
    }

    #[test]
    fn links_tables_and_undated_files_may_change_without_notice() {
        let changes = |url_type: Value, last_modified: Value| {
            let resource = read(&json!({
                "id": "a", "url": "https://x.example/a.zip",
                "url_type": url_type, "last_modified": last_modified,
            }));
            let offer = resource
                .expect("a resource")
                .offer()
                .expect("an address")
                .clone();
            offer.changes_unstated
        };
        let date = || json!("2024-01-05T15:04:05");
        for (url_type, last_modified, expected) in [
            (json!("upload"), date(), false),
            (json!("datastore"), date(), true),
            (json!("upload"), json!(null), true),
            (json!("upload"), json!("yesterday"), true),
            (json!(null), date(), true),
            (json!(""), date(), true),
            (json!("link"), date(), true),
        ] {
            let found = changes(url_type.clone(), last_modified.clone());
            assert_eq!(found, expected, "{url_type} {last_modified}");
        }
    }

    #[test]
    fn a_format_can_be_stated_in_many_ways() {
        for (stated, file_name, expected) in [
            (" ZIP ", "a", "zip"),
            (".Csv", "a.zip", "csv"),
            ("text/csv", "a", "csv"),
            ("application/zip", "a", "zip"),
            ("", "SR2023.ZIP", "zip"),
            ("", "a", ""),
            ("XLSX", "a.csv", "xlsx"),
        ] {
            assert_eq!(
                format(stated.trim(), file_name),
                expected,
                "{stated} {file_name}"
            );
        }
    }

    #[test]
    fn a_file_without_a_portal_is_identified_by_its_whole_address() {
        let version = |url: &str| Offer::unchanging(&Url::parse(url).expect("an address")).version;
        assert_ne!(
            version("https://x.example/?year=2016"),
            version("https://x.example/?year=2021")
        );
    }
}
