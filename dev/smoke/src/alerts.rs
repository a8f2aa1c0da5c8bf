//! The filters of the metrics and the alert policies of `terraform/`.

use std::time::Duration;

use serde_json::json;

use crate::endpoints::MONITORING;
use crate::google::{By, Google, Request, accepted};
use crate::module::Module;
use crate::report::Report;
use crate::settings::Settings;
use crate::throwaway::{ALERT_POLICY_EDITOR, Cleanup};

const LIMIT: Duration = Duration::from_mins(2);
const LOGGING: &str = "logging.googleapis.com";

/// Has Cloud Logging read with each filter, and Cloud Monitoring create each policy, disabled.
pub(crate) async fn check(
    google: &Google,
    settings: &Settings,
    module: &Module,
    report: &mut Report,
    cleanup: &mut Cleanup,
) -> anyhow::Result<()> {
    let limit = settings.limit(LIMIT);
    let project = format!("projects/{}", settings.project);
    for (name, filter) in module.log_metrics()? {
        // https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
        let body = json!({"resourceNames": [project], "filter": filter, "pageSize": 1});
        let request = Request::post(LOGGING, "v2/entries:list", "logging.viewer", body);
        let asked = async { accepted(google.send(By::Operator, &request).await, "accepted") };
        let what = format!("the filter of the metric {name}");
        report
            .ask(what, "Cloud Logging accepts it", limit, asked)
            .await;
    }
    for (name, mut policy) in module.alert_policies()? {
        let title = format!("Smoke test {}, to be removed: {name}", settings.id);
        policy["displayName"] = json!(title);
        let path = format!("v3/{project}/alertPolicies");
        let request = Request::post(MONITORING, path, ALERT_POLICY_EDITOR, policy);
        cleanup.alert_policy(title);
        let asked = async {
            let created = cleanup.settle(1, google.send(By::Operator, &request).await);
            if let Ok(created) = &created
                && let Some(name) = created["name"].as_str()
            {
                cleanup.alert_policy_is_named(name);
            }
            accepted(created, "accepted")
        };
        let what = format!("the alert policy \"{name}\"");
        report
            .ask(what, "Cloud Monitoring accepts it", limit, asked)
            .await;
    }
    Ok(())
}
