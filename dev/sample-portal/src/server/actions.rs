//! The read-only part of CKAN's action API: <https://docs.ckan.org/en/2.10/api/>.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::catalogue::{Catalogue, package_in, resource_in, search};
use super::datastore;
use super::parameters::Parameters;
use super::publications::Offer;

/// An action's status and answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

/// Why an action has no result.
enum Problem {
    NotFound,
    /// A missing or invalid parameter and its problem.
    Invalid(&'static str, String),
    UnknownAction,
    Failed(anyhow::Error),
}

/// The actions and their `help_show` texts.
const ACTIONS: [(&str, &str); 9] = [
    ("status_show", "Return basic information about the site."),
    (
        "help_show",
        "Return the help string for a particular API action.",
    ),
    (
        "package_list",
        "Return a list of the names of the site's datasets.",
    ),
    (
        "package_show",
        "Return the metadata of a dataset and its resources.",
    ),
    (
        "package_search",
        "Search for packages satisfying a given search criteria.",
    ),
    ("resource_show", "Return the metadata of a resource."),
    (
        "datastore_info",
        "Return the fields of a table of the DataStore.",
    ),
    ("datastore_search", "Search a table of the DataStore."),
    (
        "license_list",
        "Return the list of licenses available for datasets on the site.",
    ),
];

/// Answers an action. `searched` is the content of `package_search`, which may lag behind the catalogue.
pub(super) fn answer(
    catalogue: &Catalogue,
    searched: Option<Vec<Value>>,
    action: &str,
    parameters: &Parameters,
) -> Answer {
    let help = format!("{}/api/3/action/help_show?name={action}", catalogue.base);
    let (status, outcome) = match result(catalogue, searched, action, parameters) {
        Ok(result) => (StatusCode::OK, json!({"success": true, "result": result})),
        Err(Problem::UnknownAction) => {
            let body = format!("Bad request - Action name not known: {action}").into();
            return Answer {
                status: StatusCode::BAD_REQUEST,
                body,
            };
        }
        Err(Problem::NotFound) => (StatusCode::NOT_FOUND, not_found()),
        Err(Problem::Invalid(field, problem)) => {
            let error = json!({field: [problem], "__type": "Validation Error"});
            (
                StatusCode::CONFLICT,
                json!({"success": false, "error": error}),
            )
        }
        Err(Problem::Failed(error)) => {
            let error = json!({"__type": "Internal Server Error", "message": format!("{error:#}")});
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                json!({"success": false, "error": error}),
            )
        }
    };
    let mut body = json!({"help": help});
    if let (Some(body), Value::Object(outcome)) = (body.as_object_mut(), outcome) {
        body.extend(outcome);
    }
    Answer { status, body }
}

/// Returns CKAN's answer if something does not exist.
pub(super) fn not_found() -> Value {
    json!({"success": false, "error": {"__type": "Not Found Error", "message": "Not found"}})
}

fn result(
    catalogue: &Catalogue,
    searched: Option<Vec<Value>>,
    action: &str,
    parameters: &Parameters,
) -> Result<Value, Problem> {
    match action {
        "status_show" => Ok(json!({
            "site_title": "Sample portal",
            "site_description": "",
            "site_url": catalogue.base,
            "ckan_version": "2.10.4",
            "error_emails_to": null,
            "locale_default": "en",
            "extensions": ["datastore"],
        })),
        "help_show" => {
            let name = required(parameters, "name")?;
            let known = ACTIONS.iter().find(|(action, _)| *action == name);
            known
                .map(|(_, help)| (*help).into())
                .ok_or(Problem::NotFound)
        }
        "package_list" => {
            let packages = catalogue.packages();
            let names = packages.iter().map(|package| package["name"].clone());
            let (start, count) = (number(parameters, "offset")?, number(parameters, "limit")?);
            let names = names.skip(start.unwrap_or(0));
            Ok(names.take(count.unwrap_or(usize::MAX)).collect())
        }
        "package_show" => {
            let id = required(parameters, "id")?;
            let packages = catalogue.packages();
            package_in(&packages, &id).cloned().ok_or(Problem::NotFound)
        }
        "package_search" => {
            let packages = searched.unwrap_or_else(|| catalogue.packages());
            let query = text(parameters, "q").unwrap_or_default();
            let filter = text(parameters, "fq").unwrap_or_default();
            let found = search(&packages, &query, &filter);
            let start = number(parameters, "start")?.unwrap_or(0);
            // CKAN's own default and limit.
            let rows = number(parameters, "rows")?.unwrap_or(10).min(1000);
            let page: Vec<&Value> = found.iter().skip(start).take(rows).copied().collect();
            Ok(json!({
                "count": found.len(),
                "facets": {},
                "search_facets": {},
                "sort": "score desc, metadata_modified desc",
                "results": page,
            }))
        }
        "resource_show" => {
            let id = required(parameters, "id")?;
            let packages = catalogue.packages();
            resource_in(&packages, &id)
                .cloned()
                .ok_or(Problem::NotFound)
        }
        "datastore_info" => Ok(table(catalogue, parameters)?.info()),
        "datastore_search" => {
            let found = table(catalogue, parameters)?;
            let search = datastore::Search::of(parameters)
                .map_err(|(field, problem)| Problem::Invalid(field, problem))?;
            Ok(found.search(&search))
        }
        "license_list" => Ok(json!([
            {"id": "notspecified", "title": "None: generated data", "url": ""},
            {
                "id": "open-government-licence-toronto",
                "title": "Open Government Licence – Toronto",
                "url": "https://open.toronto.ca/open-data-licence/",
            },
        ])),
        _ => Err(Problem::UnknownAction),
    }
}

/// Returns the table of the DataStore in `parameters`.
fn table(catalogue: &Catalogue, parameters: &Parameters) -> Result<datastore::Table, Problem> {
    let id = text(parameters, "resource_id").or_else(|| text(parameters, "id"));
    let id = id.ok_or_else(|| Problem::Invalid("resource_id", "Missing value".to_owned()))?;
    let target = catalogue.target(&format!("/datastore/dump/{id}"));
    let file = match target {
        Some(super::catalogue::Target::Year(year, resource))
            if resource.offer == Offer::Datastore =>
        {
            catalogue.publications.file(year, &resource)
        }
        Some(super::catalogue::Target::Document(
            document @ super::publications::Document::Wards(
                crate::boundaries::WardFormat::Datastore,
            ),
        )) => catalogue.publications.document(document),
        _ => return Err(Problem::NotFound),
    };
    let dump = file.map_err(Problem::Failed)?.bytes;
    datastore::Table::of_dump(&id, &dump).map_err(Problem::Failed)
}

fn required(parameters: &Parameters, name: &'static str) -> Result<String, Problem> {
    text(parameters, name).ok_or_else(|| Problem::Invalid(name, "Missing value".to_owned()))
}

fn text(parameters: &Parameters, name: &str) -> Option<String> {
    match parameters.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn number(parameters: &Parameters, name: &'static str) -> Result<Option<usize>, Problem> {
    text(parameters, name)
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| Problem::Invalid(name, "Invalid integer".to_owned()))
}
