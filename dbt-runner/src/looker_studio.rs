//! A link that creates a report on the marts in BigQuery:
//! <https://developers.google.com/looker-studio/integrate/linking-api>.

use url::form_urlencoded::Serializer;

use crate::mart::MartTable;

/// The exposure of the dbt project with the mart that a new report uses.
pub(crate) const EXPOSURE: &str = "looker_studio";

/// Returns the link to a new report on `mart` in the project. Viewers need access to the data in BigQuery.
pub(crate) fn link(project: &str, mart: &MartTable) -> String {
    let mut parameters = Serializer::new(String::new());
    parameters.extend_pairs([
        ("c.mode", "edit"),
        ("r.reportName", "Toronto 311"),
        ("ds.connector", "bigQuery"),
        ("ds.datasourceName", "Toronto 311 requests"),
        ("ds.type", "TABLE"),
        ("ds.projectId", project),
        ("ds.datasetId", &mart.schema),
        ("ds.tableId", &mart.name),
    ]);
    format!(
        "https://lookerstudio.google.com/reporting/create?{}",
        parameters.finish()
    )
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn the_link_contains_the_table_for_any_project_name() {
        let mart = MartTable {
            schema: "marts".to_owned(),
            name: "requests".to_owned(),
        };
        let link = Url::parse(&link("example.com:311&co", &mart)).expect("a URL");
        let parameter = |name: &str| {
            let mut pairs = link.query_pairs();
            let found = pairs.find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        assert_eq!(parameter("ds.connector").as_deref(), Some("bigQuery"));
        assert_eq!(
            parameter("ds.projectId").as_deref(),
            Some("example.com:311&co")
        );
        assert_eq!(parameter("ds.datasetId").as_deref(), Some("marts"));
        assert_eq!(parameter("ds.tableId").as_deref(), Some("requests"));
    }
}
