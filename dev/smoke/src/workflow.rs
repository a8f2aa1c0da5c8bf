//! The workflow of `terraform/`, under another name, and an execution that does nothing.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::google::{By, Google, Refusal, Request, accepted};
use crate::module::Module;
use crate::report::{Answer, NotAsked, Report};
use crate::settings::Settings;
use crate::throwaway::{Cleanup, Names};

const LIMIT: Duration = Duration::from_mins(5);
const WORKFLOWS: &str = "workflows.googleapis.com";
const EXECUTIONS: &str = "workflowexecutions.googleapis.com";
const ROLE: &str = "workflows.admin";
/// A stage that does not exist: the workflow refuses it before it starts a job.
const NOT_A_STAGE: &str = "smoke";

/// Deploys the workflow and executes it from a stage that does not exist.
pub(crate) async fn check(
    google: &Google,
    settings: &Settings,
    module: &Module,
    names: &Names,
    has_account: bool,
    report: &mut Report,
    cleanup: &mut Cleanup,
) -> anyhow::Result<()> {
    let limit = settings.limit(LIMIT);
    let workflows = format!(
        "v1/projects/{}/locations/{}/workflows",
        settings.project, settings.region
    );
    let workflow = format!("{workflows}/{}", names.workflow);
    // No job reads the bucket.
    let (source, variables) = module.workflow(&names.bucket)?;
    let body = json!({
        "sourceContents": source,
        "serviceAccount": names.account,
        "userEnvVars": variables,
    });
    let deployment = async {
        if !has_account {
            return Err(NotAsked::because("needs the service account"));
        }
        let removal = Request::delete(WORKFLOWS, &workflow, ROLE);
        cleanup.resource(format!("workflow {}", names.workflow), removal);
        let path = format!("{workflows}?workflowId={}", names.workflow);
        let create = Request::post(WORKFLOWS, path, ROLE, body);
        // The first workflow of a project creates the service's agent, and the right to act as an account takes effect
        // later: https://cloud.google.com/workflows/docs/troubleshooting.
        let is_early = |refusal: &Refusal| {
            refusal.has_status(&[404])
                || ["service agent", "actAs"]
                    .iter()
                    .any(|words| refusal.says(words))
        };
        let created = google.send_until_known(By::Operator, &create, is_early);
        match cleanup.settle(1, created.await) {
            Ok(operation) => {
                let ended = ended(google, WORKFLOWS, operation, |operation| {
                    operation["done"] == true
                })
                .await?;
                Ok(match ended["error"]["message"].as_str() {
                    Some(message) => Answer::Other(message.to_owned()),
                    None => Answer::AsExpected("deployed".to_owned()),
                })
            }
            refused => accepted(refused, "deployed"),
        }
    };
    let what = "terraform/workflow.yaml";
    let is_deployed = report
        .ask(what, "Workflows deploys it", limit, deployment)
        .await;

    let execution = async {
        if !is_deployed {
            return Err(NotAsked::because("needs the deployed workflow"));
        }
        let argument = json!({"from": NOT_A_STAGE}).to_string();
        let path = format!("{workflow}/executions");
        let start = Request::post(EXECUTIONS, path, ROLE, json!({"argument": argument}));
        let execution = google.send(By::Operator, &start).await?;
        let is_over = |execution: &Value| execution["endTime"].is_string();
        let execution = ended(google, EXECUTIONS, execution, is_over).await?;
        let state = execution["state"].as_str().unwrap_or_default();
        let got = match execution["error"]["payload"].as_str() {
            Some(payload) => format!("{state}: {payload}"),
            None => state.to_owned(),
        };
        let is_refused = state == "FAILED" && got.contains(&format!("from is {NOT_A_STAGE} -"));
        Ok(if is_refused {
            Answer::AsExpected(got)
        } else {
            Answer::Other(got)
        })
    };
    let what = "an execution from a stage that does not exist";
    let expected = "it fails with the workflow's own message, before any job";
    report.ask(what, expected, limit, execution).await;
    Ok(())
}

/// Polls an operation or an execution until it `is_over`.
async fn ended(
    google: &Google,
    service: &'static str,
    mut resource: Value,
    is_over: impl Fn(&Value) -> bool,
) -> Result<Value, Refusal> {
    while !is_over(&resource) {
        sleep(Duration::from_millis(500)).await;
        let name = resource["name"].as_str().unwrap_or_default();
        let get = Request::get(service, format!("v1/{name}"), ROLE);
        resource = google.send(By::Operator, &get).await?;
    }
    Ok(resource)
}
