//! Requests to Google's REST APIs, by the operator and by the account of the checks.

use std::time::Duration;

use anyhow::Context as _;
use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Extensions, Method};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::endpoints::{BIGQUERY, Endpoints, USERS};
use crate::report::{Answer, Asked, NotAsked};
use crate::settings::Settings;

/// The longest wait for the answer to one request.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// The e-mail address is whom to allow to act as the account of the checks.
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
];

/// A request to a service.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The service's host, which is also its name among the APIs of a project.
    pub(crate) service: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// A role that allows it.
    pub(crate) role: &'static str,
}

/// Why a request had no successful answer.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    request: String,
    service: &'static str,
    role: &'static str,
    pub(crate) status: Option<u16>,
    /// The reason and the message of the error, in the format of either generation of Google's APIs.
    error: String,
    /// Whether the project does not use the API.
    is_off: bool,
    project: String,
}

impl Refusal {
    pub(crate) fn has_status(&self, statuses: &[u16]) -> bool {
        self.status.is_some_and(|status| statuses.contains(&status))
    }

    /// Whether the error contains `words`.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.error.contains(words)
    }
}

/// The header of the project to which a request is counted.
const QUOTA_PROJECT: &str = "x-goog-user-project";

/// Who sends a request.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    /// The person who runs the program.
    Operator,
    /// A service account, by its access token.
    Account(&'a str),
}

pub(crate) struct Google {
    http: reqwest::Client,
    endpoints: Endpoints,
    project: String,
    /// `None` on emulators.
    operator: Option<Credentials>,
}

impl Request {
    pub(crate) fn new(
        method: Method,
        service: &'static str,
        path: impl Into<String>,
        role: &'static str,
    ) -> Self {
        Self {
            method,
            service,
            path: path.into(),
            body: None,
            role,
        }
    }

    pub(crate) fn get(service: &'static str, path: impl Into<String>, role: &'static str) -> Self {
        Self::new(Method::GET, service, path, role)
    }

    pub(crate) fn post(
        service: &'static str,
        path: impl Into<String>,
        role: &'static str,
        body: Value,
    ) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::POST, service, path, role)
        }
    }

    pub(crate) fn delete(
        service: &'static str,
        path: impl Into<String>,
        role: &'static str,
    ) -> Self {
        Self::new(Method::DELETE, service, path, role)
    }
}

impl Refusal {
    /// Returns why the question could not be asked and what helps, or the answer, if this is one.
    pub(crate) fn not_asked(self) -> Result<NotAsked, String> {
        let why = self.to_string();
        let Self {
            service,
            role,
            status,
            is_off,
            project,
            ..
        } = self;
        let remedy = match status {
            Some(403) if is_off => format!("gcloud services enable {service} --project={project}"),
            Some(403) => format!(
                "gcloud projects add-iam-policy-binding {project} --member=user:YOUR_ADDRESS --role=roles/{role}"
            ),
            Some(401) => SIGN_IN.to_owned(),
            Some(408 | 429 | 500..) | None => {
                "make smoke # again: the service did not answer".to_owned()
            }
            Some(_) => return Err(why),
        };
        Ok(NotAsked {
            why,
            remedy: Some(remedy),
        })
    }
}

/// The command without which there are no credentials.
pub(crate) const SIGN_IN: &str = "gcloud auth application-default login";

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self
            .status
            .map_or(String::new(), |status| format!("{status} "));
        write!(f, "{}: {status}{}", self.request, self.error)
    }
}

/// Returns what a service answered, which is expected unless it refuses.
pub(crate) fn accepted(answer: Result<Value, Refusal>, got: &str) -> Asked {
    match answer.map_err(Refusal::not_asked) {
        Ok(_) => Ok(Answer::AsExpected(got.to_owned())),
        Err(Ok(not_asked)) => Err(not_asked),
        Err(Err(refusal)) => Ok(Answer::Other(refusal)),
    }
}

impl From<Refusal> for NotAsked {
    /// For a request that only prepares a question: its refusal leaves the question open.
    fn from(refusal: Refusal) -> Self {
        refusal.not_asked().unwrap_or_else(Self::because)
    }
}

impl Google {
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let operator = if settings.endpoints.is_emulated() {
            None
        } else {
            let built = Builder::default().with_scopes(SCOPES).build();
            Some(built.with_context(|| format!("there are no credentials: {SIGN_IN}"))?)
        };
        Ok(Self {
            http: reqwest::Client::new(),
            endpoints: settings.endpoints.clone(),
            project: settings.project.clone(),
            operator,
        })
    }

    /// Sends a request and returns the answer's JSON, null if it has none.
    pub(crate) async fn send(&self, by: By<'_>, request: &Request) -> Result<Value, Refusal> {
        let Request {
            method,
            service,
            path,
            body,
            role,
        } = request;
        let refusal = |status, reason: &str, message: &str| Refusal {
            request: format!(
                "{method} {service}/{}",
                path.split('?').next().unwrap_or_default()
            ),
            service,
            role,
            status,
            error: format!("{reason} {message}"),
            is_off: ["SERVICE_DISABLED", "accessNotConfigured"].contains(&reason),
            project: self.project.clone(),
        };
        let headers = self.headers(by, service).await;
        let headers =
            headers.map_err(|error| refusal(Some(401), "credentials", &error.to_string()))?;
        let url = self.endpoints.url(service, path);
        let mut sent = self.http.request(method.clone(), url).headers(headers);
        if let Some(body) = body {
            sent = sent.json(body);
        }
        let lost = |error: reqwest::Error| refusal(None, "unreachable", &error.to_string());
        let answer = sent.timeout(LONGEST_SILENCE).send().await.map_err(lost)?;
        let status = answer.status();
        let text = answer.text().await.map_err(lost)?;
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(json);
        }
        let error = &json["error"];
        let mut details = error["details"].as_array().into_iter().flatten();
        let reason = details
            .find_map(|detail| detail["reason"].as_str())
            .or_else(|| error["errors"][0]["reason"].as_str())
            .or_else(|| error["status"].as_str());
        let message = error["message"].as_str().unwrap_or(&text);
        Err(refusal(
            Some(status.as_u16()),
            reason.unwrap_or_default(),
            message,
        ))
    }

    /// Sends a request, again every two seconds, for five minutes, while the answer `is_early`: what was just made may not
    /// be known everywhere. <https://cloud.google.com/iam/docs/access-change-propagation>
    pub(crate) async fn send_until_known(
        &self,
        by: By<'_>,
        request: &Request,
        is_early: impl Fn(&Refusal) -> bool,
    ) -> Result<Value, Refusal> {
        const ATTEMPTS: u32 = 150;
        let mut attempt = 1;
        loop {
            match self.send(by, request).await {
                Err(refusal) if attempt < ATTEMPTS && !refusal.is_off && is_early(&refusal) => {
                    attempt += 1;
                    sleep(Duration::from_secs(2)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn headers(&self, by: By<'_>, service: &str) -> anyhow::Result<HeaderMap> {
        let bearer = |token: &str| anyhow::Ok(HeaderValue::from_str(&format!("Bearer {token}"))?);
        let mut headers = HeaderMap::new();
        match (by, &self.operator) {
            (By::Account(token), _) => {
                headers.insert(AUTHORIZATION, bearer(token)?);
            }
            (By::Operator, None) => {
                headers.insert(AUTHORIZATION, bearer("operator")?);
            }
            (By::Operator, Some(credentials)) => {
                let found = credentials.headers(Extensions::new()).await?;
                let CacheableResource::New { data, .. } = found else {
                    anyhow::bail!("the credentials returned no headers");
                };
                headers.extend(data);
                // A person's credentials belong to no project, and some APIs need one to count the request to:
                // https://cloud.google.com/docs/quotas/quota-project. The one that knows the person refuses it.
                headers.remove(QUOTA_PROJECT);
                if service != USERS {
                    headers.insert(QUOTA_PROJECT, HeaderValue::from_str(&self.project)?);
                }
            }
        }
        Ok(headers)
    }

    /// Runs a query job and waits for its end. The outer error is of the request, the inner one of the job.
    pub(crate) async fn query(
        &self,
        location: &str,
        query: Value,
    ) -> Result<Result<Value, String>, Refusal> {
        const ROLE: &str = "bigquery.admin";
        let path = format!("bigquery/v2/projects/{}/jobs", self.project);
        let body =
            json!({"jobReference": {"location": location}, "configuration": {"query": query}});
        let mut job = self
            .send(By::Operator, &Request::post(BIGQUERY, &path, ROLE, body))
            .await?;
        while job["status"]["state"] != "DONE" {
            sleep(Duration::from_millis(500)).await;
            let id = job["jobReference"]["jobId"].as_str().unwrap_or_default();
            let get = Request::get(BIGQUERY, format!("{path}/{id}?location={location}"), ROLE);
            job = self.send(By::Operator, &get).await?;
        }
        Ok(match &job["status"]["errorResult"]["message"] {
            Value::String(message) => Err(message.clone()),
            _ => Ok(job),
        })
    }

    /// Returns the number that a query returns.
    pub(crate) async fn count(&self, location: &str, query: &str) -> Result<u64, Refusal> {
        let body = json!({"query": query, "useLegacySql": false, "location": location, "timeoutMs": 50_000});
        let path = format!("bigquery/v2/projects/{}/queries", self.project);
        let answer = self
            .send(
                By::Operator,
                &Request::post(BIGQUERY, path, "bigquery.admin", body),
            )
            .await?;
        let cell = answer["rows"][0]["f"][0]["v"].as_str();
        Ok(cell.and_then(|text| text.parse().ok()).unwrap_or_default())
    }
}
