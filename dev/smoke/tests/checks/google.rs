//! Google Cloud for the checks: the emulators of Cloud Storage and BigQuery with identities, permissions and sessions, which
//! they lack, and a stand-in for the other services, which answers as their references document:
//! <https://cloud.google.com/iam/docs/reference/rest>, <https://cloud.google.com/resource-manager/reference/rest/v1/projects>,
//! <https://cloud.google.com/iam/docs/reference/credentials/rest>, <https://cloud.google.com/logging/docs/reference/v2/rest>,
//! <https://cloud.google.com/monitoring/api/ref_v3/rest>, <https://cloud.google.com/workflows/docs/reference/rest> and
//! <https://cloud.google.com/workflows/docs/reference/executions/rest>. On demand it answers differently.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use emulators::Addresses;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, TRANSFER_ENCODING};
use hyper::{Method, Request, Response};
use loopback_server::body::Body;
use loopback_server::fault::{Fault, Faults};
use loopback_server::{Handler, Listener, Server};
use serde_json::{Value, json};
use tokio::sync::Barrier;

/// An answer that the checks do not expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Difference {
    /// An upload replaces an object although it must not exist.
    Replaces,
    /// The account may overwrite objects.
    Overwrites,
    /// The account may delete objects.
    Deletes,
    /// The first load job of each of these tables and partitions fails.
    RefusesFiles(&'static [&'static str]),
    /// The account may read the jobs of others.
    ShowsJobs,
    /// Transactions do not conflict.
    NeverConflicts,
    /// A name may be used by two jobs.
    RunsTwice,
    /// The workflow has an error in it.
    RefusesWorkflow,
    /// The execution of the workflow succeeds.
    Executes,
    /// Filters have errors in them.
    RefusesFilters,
    /// A model on which most others rest has an error in it.
    RefusesModel,
}

/// The error of a transaction that BigQuery cancels.
const CONFLICT: &str = "Transaction is aborted due to concurrent update against table load_lock";

/// Google Cloud, which serves until it is dropped.
pub(crate) struct Google {
    pub(crate) storage: String,
    pub(crate) bigquery: String,
    pub(crate) others: String,
    state: Arc<State>,
    _servers: [Server; 3],
}

struct State {
    upstream: Addresses,
    client: reqwest::Client,
    differences: HashSet<Difference>,
    faults: Faults,
    memory: Mutex<Memory>,
    /// The jobs that share a name.
    twins: AtomicU32,
    both_are_here: Barrier,
}

#[derive(Default)]
struct Memory {
    /// The policies by resource.
    policies: BTreeMap<String, Value>,
    /// What the stand-in created and nobody removed.
    resources: BTreeSet<String>,
    /// The jobs that load into the operator's dataset.
    operators_jobs: HashSet<String>,
    /// Of these, those whose names the account has tried.
    hidden_jobs: HashSet<String>,
    /// The load jobs that failed.
    refused_files: HashSet<&'static str>,
    /// Whether a session has changed the row that transactions lock.
    is_locked: bool,
    /// Whether a statement has changed that row since a session began.
    is_changed: bool,
    /// The source of the deployed workflow.
    source: String,
    argument: String,
    /// The bodies of the alert policies.
    alert_policies: Vec<Value>,
    filters: Vec<String>,
}

#[derive(Clone, Copy)]
enum Host {
    Storage,
    BigQuery,
    Others,
}

struct Service {
    host: Host,
    state: Arc<State>,
}

struct Received {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Google {
    pub(crate) fn start(differences: &[Difference]) -> Self {
        let state = Arc::new(State {
            upstream: Addresses::from_environment().unwrap(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            differences: differences.iter().copied().collect(),
            faults: Faults::default(),
            memory: Mutex::default(),
            twins: AtomicU32::new(0),
            both_are_here: Barrier::new(2),
        });
        let listeners = [(); 3].map(|()| Listener::bind(0).unwrap());
        let [storage, bigquery, others] = listeners.each_ref().map(Listener::url);
        let mut hosts = [Host::Storage, Host::BigQuery, Host::Others].into_iter();
        let servers = listeners.map(|listener| {
            let (host, state) = (hosts.next().unwrap(), Arc::clone(&state));
            listener
                .serve("google", Arc::new(Service { host, state }))
                .unwrap()
        });
        Self {
            storage,
            bigquery,
            others,
            state,
            _servers: servers,
        }
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.state.faults.add(fault);
    }

    /// Returns what was created and not removed.
    pub(crate) fn left(&self) -> BTreeSet<String> {
        self.state.memory().resources.clone()
    }

    /// Returns the roles of the project, with their members.
    pub(crate) fn project_roles(&self) -> Value {
        let memory = self.state.memory();
        memory
            .policies
            .get("project")
            .map_or(Value::Null, |policy| policy["bindings"].clone())
    }

    pub(crate) fn alert_policies(&self) -> Vec<Value> {
        self.state.memory().alert_policies.clone()
    }

    pub(crate) fn filters(&self) -> Vec<String> {
        self.state.memory().filters.clone()
    }
}

impl Handler for Service {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let received = Received {
            method: parts.method.clone(),
            target: parts.uri.to_string(),
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        };
        let target = received.target.clone();
        let answer = async {
            match self.host {
                Host::Storage => self.state.storage(received).await,
                Host::BigQuery => self.state.bigquery(received).await,
                Host::Others => Ok(self.state.others(&received)),
            }
        };
        self.state
            .faults
            .answer(&parts.method, &target, answer)
            .await
    }
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether the account of the checks sends it. The jobs send no identity to emulators.
    fn is_of_account(&self) -> bool {
        let bearer = self.headers.get("authorization");
        bearer.is_some_and(|bearer| bearer == "Bearer account")
    }
}

fn answer(status: u16, body: &Value) -> Response<Bytes> {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json");
    response.body(body.to_string().into()).unwrap()
}

/// <https://cloud.google.com/apis/design/errors#http_mapping>
pub(crate) fn refusal(status: u16, reason: &str, message: &str) -> Value {
    let errors = json!([{"domain": "global", "reason": reason, "message": message}]);
    json!({"error": {"code": status, "message": message, "status": reason, "errors": errors}})
}

fn refused(status: u16, reason: &str, message: &str) -> Response<Bytes> {
    answer(status, &refusal(status, reason, message))
}

impl State {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    fn has(&self, difference: Difference) -> bool {
        self.differences.contains(&difference)
    }

    fn refused_files(&self) -> &'static [&'static str] {
        let mut differences = self.differences.iter();
        let files = differences.find_map(|difference| match difference {
            Difference::RefusesFiles(files) => Some(*files),
            _ => None,
        });
        files.unwrap_or_default()
    }

    async fn forward(&self, upstream: &str, received: Received) -> anyhow::Result<Response<Bytes>> {
        let mut headers = received.headers;
        for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let url = format!("{upstream}{}", received.target);
        let request = self.client.request(received.method, url).headers(headers);
        let answered = request.body(received.body).send().await?;
        let mut response = Response::builder().status(answered.status());
        for (name, value) in answered.headers() {
            if ![CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
                response = response.header(name, value);
            }
        }
        Ok(response.body(answered.bytes().await?)?)
    }

    async fn storage(&self, mut received: Received) -> anyhow::Result<Response<Bytes>> {
        let path = received.path().to_owned();
        if path.ends_with("/iam") {
            return Ok(answer(200, &self.policy(&received, &path)));
        }
        if let Some(bucket) = path.strip_suffix("/iam/testPermissions") {
            let roles = ["objectCreator", "objectViewer", "bucketViewer"];
            let policy = self
                .memory()
                .policies
                .get(&format!("{bucket}/iam"))
                .cloned();
            let policy = policy.unwrap_or_default().to_string();
            let granted = roles
                .iter()
                .all(|role| policy.contains(&format!("roles/storage.{role}")));
            let query = received.target.split('?').nth(1).unwrap_or_default();
            let asked: Vec<&str> = query
                .split('&')
                .map(|pair| pair.trim_start_matches("permissions="))
                .collect();
            let permissions = if granted { asked } else { Vec::new() };
            return Ok(answer(200, &json!({"permissions": permissions})));
        }
        if received.is_of_account() {
            let is_allowed = match received.method {
                Method::DELETE => self.has(Difference::Deletes),
                Method::POST => self.has(Difference::Overwrites),
                _ => true,
            };
            if !is_allowed {
                let message = "toronto-311-smoke does not have storage.objects.delete access to the Google Cloud Storage object.";
                return Ok(refused(403, "forbidden", message));
            }
        }
        if self.has(Difference::Replaces) {
            received.target = received.target.replace("ifGenerationMatch=0", "");
        }
        self.forward(&self.upstream.storage, received).await
    }

    async fn bigquery(&self, mut received: Received) -> anyhow::Result<Response<Bytes>> {
        let path = received.path().to_owned();
        let upstream = &self.upstream.bigquery;
        if received.method == Method::GET
            && let Some((_, id)) = path.split_once("/jobs/")
        {
            let memory = self.memory();
            let is_refused = memory.hidden_jobs.contains(id)
                || (received.is_of_account() && memory.operators_jobs.contains(id));
            drop(memory);
            if is_refused && !self.has(Difference::ShowsJobs) {
                let message =
                    format!("Access Denied: Job {id}: Permission bigquery.jobs.get denied");
                return Ok(refused(403, "accessDenied", &message));
            }
        }
        if received.method != Method::POST || !path.ends_with("/jobs") {
            return self.forward(upstream, received).await;
        }
        let mut job = received.json();
        if let Some(answer) = self.of_session(&job) {
            return Ok(answer);
        }
        let id = job["jobReference"]["jobId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let query = job["configuration"]["query"]["query"]
            .as_str()
            .unwrap_or_default();
        if self.memory().is_locked && query.contains("BEGIN TRANSACTION") {
            return Ok(failed_job(&job, "invalidQuery", CONFLICT));
        }
        if query.trim_start().contains("UPDATE") && query.contains("load_lock") {
            self.memory().is_changed = !self.has(Difference::NeverConflicts);
        }
        if self.has(Difference::RefusesModel) && query.contains("candidate_stg_service_requests`") {
            return Ok(refused(
                400,
                "invalidQuery",
                "Unrecognized name: section at [3:5]",
            ));
        }
        let is_operators = job.to_string().contains("_operator");
        let refused = self
            .refused_files()
            .iter()
            .find(|table| id.starts_with(&format!("toronto_311_load_{table}_")));
        if let Some(table) = refused.filter(|_| !is_operators)
            && self.memory().refused_files.insert(table)
        {
            let message =
                "Error while reading data, error message: Parquet encoding is not supported";
            return Ok(failed_job(&job, "invalid", message));
        }
        if is_operators {
            self.memory().operators_jobs.insert(id.clone());
        }
        if self.has(Difference::RunsTwice)
            && id.starts_with("toronto_311_replace_service-requests_2024_")
        {
            let unique = format!("{id}_{:p}", &raw const job);
            job["jobReference"]["jobId"] = json!(unique);
            received.body = job.to_string().into();
            // Otherwise the second may find what the first has done.
            if self.twins.fetch_add(1, Ordering::Relaxed) < 2 {
                self.both_are_here.wait().await;
            }
        }
        let answer = self.forward(upstream, received).await?;
        if answer.status() == 409 && self.memory().operators_jobs.contains(&id) {
            self.memory().hidden_jobs.insert(id);
        }
        Ok(answer)
    }

    /// Returns the answer to a job in a session: <https://cloud.google.com/bigquery/docs/sessions-create>.
    fn of_session(&self, job: &Value) -> Option<Response<Bytes>> {
        let query = &job["configuration"]["query"];
        let done = json!({
            "jobReference": {"projectId": "p", "jobId": "of_session", "location": "l"},
            "status": {"state": "DONE"}, "statistics": {"sessionInfo": {"sessionId": "session"}},
        });
        if query["createSession"] == true {
            self.memory().is_changed = false;
            return Some(answer(200, &done));
        }
        if query["connectionProperties"][0] != json!({"key": "session_id", "value": "session"}) {
            return None;
        }
        let statement = query["query"].as_str().unwrap_or_default();
        if statement.contains("load_lock") && statement.contains("UPDATE") {
            if self.memory().is_changed {
                return Some(failed_job(job, "invalidQuery", CONFLICT));
            }
            self.memory().is_locked = !self.has(Difference::NeverConflicts);
        } else if statement.contains("ROLLBACK") {
            self.memory().is_locked = false;
        }
        Some(answer(200, &done))
    }

    /// Returns the policy of a resource, which the request may replace.
    fn policy(&self, received: &Received, resource: &str) -> Value {
        let first = json!({"etag": "e", "version": 1, "bindings": [{"role": "roles/owner", "members": ["user:operator@example.org"]}]});
        let mut memory = self.memory();
        let policy = memory.policies.entry(resource.to_owned()).or_insert(first);
        match received.json() {
            new if received.method == Method::PUT => *policy = new,
            mut new if new["policy"].is_object() => *policy = new["policy"].take(),
            _ => {}
        }
        policy.clone()
    }

    fn others(&self, received: &Received) -> Response<Bytes> {
        let path = received.path().trim_start_matches('/');
        let (service, path) = path.split_once('/').unwrap_or_default();
        if received.method == Method::DELETE {
            let removed = self.memory().resources.remove(path);
            return if removed {
                answer(200, &json!({}))
            } else {
                refused(404, "NOT_FOUND", "not found")
            };
        }
        let answered = self.identity(service, path, received);
        answered.unwrap_or_else(|| self.service(service, path, received))
    }

    fn created(&self, name: String, body: &Value) -> Response<Bytes> {
        self.memory().resources.insert(name);
        answer(200, body)
    }

    /// Returns the answer of a service of identities and permissions.
    fn identity(&self, service: &str, path: &str, received: &Received) -> Option<Response<Bytes>> {
        let body = received.json();
        let is_post = received.method == Method::POST;
        Some(match (service, path) {
            ("openidconnect.googleapis.com", "v1/userinfo") => {
                answer(200, &json!({"sub": "1", "email": "operator@example.org"}))
            }
            ("iam.googleapis.com", path) if path.ends_with("/serviceAccounts") && is_post => {
                let project = path.split('/').nth(2).unwrap_or_default();
                let id = body["accountId"].as_str().unwrap_or_default();
                let email = format!("{id}@{project}.iam.gserviceaccount.com");
                self.created(format!("{path}/{email}"), &json!({"email": email}))
            }
            ("iam.googleapis.com" | "cloudresourcemanager.googleapis.com", path)
                if path.ends_with("IamPolicy") =>
            {
                let resource = if service.starts_with("iam") {
                    path
                } else {
                    "project"
                };
                answer(200, &self.policy(received, resource))
            }
            ("cloudresourcemanager.googleapis.com", path)
                if path.ends_with(":testIamPermissions") =>
            {
                let roles = self
                    .memory()
                    .policies
                    .get("project")
                    .cloned()
                    .unwrap_or_default();
                let granted = received.is_of_account()
                    && roles.to_string().contains("roles/bigquery.jobUser");
                answer(200, &if granted { body } else { json!({}) })
            }
            ("iamcredentials.googleapis.com", path) if path.ends_with(":generateAccessToken") => {
                answer(
                    200,
                    &json!({"accessToken": "account", "expireTime": "2030-01-01T00:00:00Z"}),
                )
            }
            _ => return None,
        })
    }

    /// Returns the answer of another service.
    fn service(&self, service: &str, path: &str, received: &Received) -> Response<Bytes> {
        let body = received.json();
        let is_post = received.method == Method::POST;
        match (service, path) {
            ("logging.googleapis.com", "v2/entries:list") => {
                self.memory()
                    .filters
                    .extend(body["filter"].as_str().map(str::to_owned));
                if self.has(Difference::RefusesFilters) {
                    return refused(
                        400,
                        "INVALID_ARGUMENT",
                        "Unparseable filter: syntax error at line 1",
                    );
                }
                answer(200, &json!({}))
            }
            ("monitoring.googleapis.com", path) if path.ends_with("/alertPolicies") && is_post => {
                let mut memory = self.memory();
                memory.alert_policies.push(body);
                let number = memory.alert_policies.len();
                drop(memory);
                if self.has(Difference::RefusesFilters) {
                    return refused(404, "NOT_FOUND", "Cannot find metric(s) that match type");
                }
                let name = format!("{}/{number}", path.trim_start_matches("v3/"));
                self.created(format!("v3/{name}"), &json!({"name": name}))
            }
            ("monitoring.googleapis.com", path) if path.ends_with("/alertPolicies") => {
                answer(200, &self.alert_policies_from(path, received))
            }
            ("workflows.googleapis.com", path) if path.ends_with("/workflows") && is_post => {
                let source = body["sourceContents"].as_str().unwrap_or_default();
                let mut memory = self.memory();
                if memory.source.is_empty() {
                    // The first workflow of a project creates the service's agent.
                    source.clone_into(&mut memory.source);
                    return refused(
                        400,
                        "FAILED_PRECONDITION",
                        "Workflows service agent does not exist",
                    );
                }
                drop(memory);
                let id = received
                    .target
                    .split("workflowId=")
                    .nth(1)
                    .unwrap_or_default();
                self.created(
                    format!("{path}/{id}"),
                    &json!({"name": "operations/deployment", "done": false}),
                )
            }
            ("workflows.googleapis.com", "v1/operations/deployment") => {
                let mut operation = json!({"name": "operations/deployment", "done": true});
                if self.has(Difference::RefusesWorkflow) {
                    operation["error"] = json!({"code": 3, "message": "main.yaml:9:9: parse error: in workflow 'main'"});
                }
                answer(200, &operation)
            }
            ("workflowexecutions.googleapis.com", path)
                if path.ends_with("/executions") && is_post =>
            {
                let argument = body["argument"].as_str().unwrap_or_default();
                argument.clone_into(&mut self.memory().argument);
                answer(200, &json!({"name": "executions/1", "state": "ACTIVE"}))
            }
            ("workflowexecutions.googleapis.com", "v1/executions/1") => {
                answer(200, &self.execution())
            }
            _ => refused(
                404,
                "NOT_FOUND",
                &format!("the stand-in has no {} {service}/{path}", received.method),
            ),
        }
    }

    /// Returns a page of one alert policy, if there is one left from the page's number on. The tokens need encoding.
    fn alert_policies_from(&self, path: &str, received: &Received) -> Value {
        let query = received.target.split('?').nth(1).unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let token = pairs.find(|(name, _)| name == "pageToken");
        let first = token.map_or(1, |(_, token)| {
            token.strip_prefix("from=&").unwrap().parse().unwrap()
        });
        let memory = self.memory();
        let name = |number: usize| format!("{}/{number}", path.trim_start_matches("v3/"));
        let exists = |number: &usize| memory.resources.contains(&format!("v3/{}", name(*number)));
        let mut numbers = (first..=memory.alert_policies.len()).filter(exists);
        let Some(number) = numbers.next() else {
            return json!({});
        };
        let title = &memory.alert_policies[number - 1]["displayName"];
        json!({
            "alertPolicies": [{"name": name(number), "displayName": title}],
            "nextPageToken": numbers.next().map(|next| format!("from=&{next}")),
        })
    }

    /// Returns the execution, which fails with what the deployed workflow raises for its argument.
    fn execution(&self) -> Value {
        let ended = "2026-01-01T00:00:00Z";
        if self.has(Difference::Executes) {
            return json!({"name": "executions/1", "state": "SUCCEEDED", "endTime": ended, "result": "{}"});
        }
        let memory = self.memory();
        let argument: Value = serde_json::from_str(&memory.argument).unwrap();
        let raised = r#"raise: ${"from is " + first + " - use "#;
        let rest = memory
            .source
            .split_once(raised)
            .map_or("", |(_, rest)| rest);
        let rest = rest.split_once("\"}").map_or("", |(rest, _)| rest);
        let message = format!(
            "from is {} - use {rest}",
            argument["from"].as_str().unwrap()
        );
        let error = json!({"payload": json!(message).to_string()});
        json!({"name": "executions/1", "state": "FAILED", "endTime": ended, "error": error})
    }
}

/// <https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatus>
fn failed_job(job: &Value, reason: &str, message: &str) -> Response<Bytes> {
    let error = json!({"reason": reason, "location": "query", "message": message});
    let status = json!({"state": "DONE", "errorResult": error, "errors": [error]});
    answer(
        200,
        &json!({"jobReference": job["jobReference"], "status": status}),
    )
}
