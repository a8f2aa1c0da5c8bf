//! What the checks need in the project, created for them and removed at the end: a bucket, two datasets, and a service
//! account with the roles that load-job would have.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use anyhow::Context as _;
use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::endpoints::{BIGQUERY, MONITORING, STORAGE, USERS};
use crate::google::{By, Google, Refusal, Request};
use crate::module;
use crate::report::NotAsked;
use crate::settings::Settings;

const IAM: &str = "iam.googleapis.com";
const RESOURCE_MANAGER: &str = "cloudresourcemanager.googleapis.com";
const BIGQUERY_ADMIN: &str = "bigquery.admin";
const STORAGE_ADMIN: &str = "storage.admin";
pub(crate) const ALERT_POLICY_EDITOR: &str = "monitoring.alertPolicyEditor";
const PROJECT_IAM_ADMIN: &str = "resourcemanager.projectIamAdmin";
/// The job whose roles the account has.
const JOB: &str = "load-job";
/// What those roles allow, without which nothing else can be asked.
const BUCKET_PERMISSIONS: [&str; 2] = ["storage.objects.create", "storage.objects.get"];
const PROJECT_PERMISSIONS: [&str; 1] = ["bigquery.jobs.create"];

/// The names of what is created. A later process has others.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) bucket: String,
    /// The dataset into which the account loads.
    pub(crate) dataset: String,
    /// The dataset into which the operator loads.
    pub(crate) operators_dataset: String,
    pub(crate) workflow: String,
    account_id: String,
    pub(crate) account: String,
}

/// The service account of the checks.
pub(crate) struct Account {
    /// Its access token, valid for an hour.
    pub(crate) token: String,
    /// A file of credentials that make a process act as the account.
    pub(crate) credentials: PathBuf,
}

/// What has to be removed.
enum Made {
    Resource {
        what: String,
        removal: Request,
    },
    /// It is named by Cloud Monitoring, and known by its display name until the answer arrives.
    AlertPolicy {
        title: String,
    },
    Bucket {
        name: String,
    },
    Role {
        role: String,
        member: String,
    },
}

/// Everything that was created, in order. An entry is added before its request is sent, which may take effect although
/// its answer is lost.
#[derive(Default)]
pub(crate) struct Cleanup(Vec<Made>);

impl Names {
    pub(crate) fn of(settings: &Settings) -> Self {
        let Settings { project, id, .. } = settings;
        let account_id = format!("toronto-311-smoke-{id}");
        Self {
            bucket: format!("{project}-smoke-{id}"),
            dataset: format!("toronto_311_smoke_{id}"),
            operators_dataset: format!("toronto_311_smoke_{id}_operator"),
            workflow: format!("toronto-311-smoke-{id}"),
            account: format!("{account_id}@{project}.iam.gserviceaccount.com"),
            account_id,
        }
    }
}

/// Creates the account, and allows the operator to act as it.
pub(crate) async fn create_account(
    google: &Google,
    settings: &Settings,
    names: &Names,
    cleanup: &mut Cleanup,
) -> Result<(), NotAsked> {
    let operator = operator(google).await?;
    let accounts = format!("v1/projects/{}/serviceAccounts", settings.project);
    let account = format!("{accounts}/{}", names.account);
    let role = "iam.serviceAccountAdmin";
    cleanup.resource(
        format!("service account {}", names.account),
        Request::delete(IAM, &account, role),
    );
    let display = json!({"displayName": "Toronto 311 smoke test"});
    let body = json!({"accountId": names.account_id, "serviceAccount": display});
    let create = Request::post(IAM, &accounts, role, body);
    cleanup.settle(1, google.send(By::Operator, &create).await)?;
    // An owner may not act as an account unless it is granted:
    // https://cloud.google.com/iam/docs/service-account-permissions#token-creator-role
    let roles = ["iam.serviceAccountTokenCreator", "iam.serviceAccountUser"];
    let bindings =
        roles.map(|role| json!({"role": format!("roles/{role}"), "members": [operator]}));
    let body = json!({"policy": {"bindings": bindings}});
    let grant = Request::post(IAM, format!("{account}:setIamPolicy"), role, body);
    google
        .send_until_known(By::Operator, &grant, |refusal| refusal.has_status(&[404]))
        .await?;
    Ok(())
}

/// Returns the operator as a member of a policy.
async fn operator(google: &Google) -> Result<String, Refusal> {
    let user = google
        .send(By::Operator, &Request::get(USERS, "v1/userinfo", "viewer"))
        .await?;
    let email = user["email"].as_str().unwrap_or_default();
    let kind = if email.ends_with(".gserviceaccount.com") {
        "serviceAccount"
    } else {
        "user"
    };
    Ok(format!("{kind}:{email}"))
}

/// Creates the bucket and the datasets, and grants the account the roles of `access.yaml` on them. Returns the account once
/// its roles have taken effect.
pub(crate) async fn create_storage(
    google: &Google,
    settings: &Settings,
    names: &Names,
    cleanup: &mut Cleanup,
    scratch: &Path,
) -> Result<Account, NotAsked> {
    let failed = |error: anyhow::Error| NotAsked::because(format!("{error:#}"));
    let granted = module::roles(JOB).map_err(failed)?;
    let on = |resource: &str| -> Vec<String> {
        let roles = granted.iter().filter(|grant| grant.resource == resource);
        roles.map(|grant| grant.role.clone()).collect()
    };
    let member = format!("serviceAccount:{}", names.account);

    create_bucket(google, settings, &names.bucket, cleanup).await?;
    let policy = format!("storage/v1/b/{}/iam", names.bucket);
    let read = Request::get(STORAGE, &policy, STORAGE_ADMIN);
    let change = |policy| {
        let mut request = Request::new(Method::PUT, STORAGE, read.path.clone(), STORAGE_ADMIN);
        request.body = Some(policy);
        request
    };
    grant(google, &read, change, &on("bucket lake"), &member).await?;

    let of_account = on("dataset toronto_311")
        .into_iter()
        .map(|role| json!({"role": role, "userByEmail": names.account}));
    create_dataset(
        google,
        settings,
        &names.dataset,
        of_account.collect(),
        cleanup,
    )
    .await?;
    create_dataset(
        google,
        settings,
        &names.operators_dataset,
        Vec::new(),
        cleanup,
    )
    .await?;

    let roles = on("project");
    cleanup.0.extend(roles.iter().map(|role| Made::Role {
        role: role.clone(),
        member: member.clone(),
    }));
    let (read, change) = project_policy(settings);
    let granted = grant(google, &read, change, &roles, &member).await;
    cleanup.settle(roles.len(), granted)?;

    let token = token(google, names).await?;
    wait_for_roles(google, settings, names, &token).await?;
    let credentials = scratch.join("credentials.json");
    write_credentials(&credentials, &names.account, &settings.project).map_err(failed)?;
    Ok(Account { token, credentials })
}

async fn create_bucket(
    google: &Google,
    settings: &Settings,
    name: &str,
    cleanup: &mut Cleanup,
) -> Result<(), Refusal> {
    cleanup.0.push(Made::Bucket {
        name: name.to_owned(),
    });
    let body = json!({
        "name": name,
        "location": settings.region,
        "labels": {"app": "toronto-311-smoke"},
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": true}, "publicAccessPrevention": "enforced",
        },
        // What a process that was killed leaves is removed after a day.
        "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]},
        "softDeletePolicy": {"retentionDurationSeconds": "0"},
    });
    let path = format!("storage/v1/b?project={}", settings.project);
    let create = Request::post(STORAGE, path, STORAGE_ADMIN, body);
    cleanup.settle(1, google.send(By::Operator, &create).await)?;
    Ok(())
}

async fn create_dataset(
    google: &Google,
    settings: &Settings,
    name: &str,
    of_account: Vec<Value>,
    cleanup: &mut Cleanup,
) -> Result<(), Refusal> {
    let datasets = format!("bigquery/v2/projects/{}/datasets", settings.project);
    let path = format!("{datasets}/{name}?deleteContents=true");
    cleanup.resource(
        format!("dataset {name}"),
        Request::delete(BIGQUERY, path, BIGQUERY_ADMIN),
    );
    let mut access = vec![json!({"role": "OWNER", "specialGroup": "projectOwners"})];
    access.extend(of_account);
    let body = json!({
        "datasetReference": {"projectId": settings.project, "datasetId": name},
        "location": settings.region,
        "labels": {"app": "toronto-311-smoke"},
        "defaultTableExpirationMs": "86400000",
        "access": access,
    });
    let create = Request::post(BIGQUERY, datasets, BIGQUERY_ADMIN, body);
    // 400, as long as the account is not known there.
    let created = google.send_until_known(By::Operator, &create, |refusal| {
        refusal.has_status(&[400, 404])
    });
    cleanup.settle(1, created.await)?;
    Ok(())
}

/// Returns the requests that read and replace the project's policy.
fn project_policy(settings: &Settings) -> (Request, impl Fn(Value) -> Request) {
    let project = format!("v1/projects/{}", settings.project);
    // Conditional bindings, which a policy of an older version would lose, have version 3:
    // https://cloud.google.com/iam/docs/policies#versions
    let body = json!({"options": {"requestedPolicyVersion": 3}});
    let read = Request::post(
        RESOURCE_MANAGER,
        format!("{project}:getIamPolicy"),
        PROJECT_IAM_ADMIN,
        body,
    );
    let change = move |policy| {
        let path = format!("{project}:setIamPolicy");
        Request::post(
            RESOURCE_MANAGER,
            path,
            PROJECT_IAM_ADMIN,
            json!({"policy": policy}),
        )
    };
    (read, change)
}

/// Adds bindings of `member` to a policy. The policy's etag makes a concurrent change a conflict, after which it is read
/// again: <https://cloud.google.com/iam/docs/policies#etag>.
async fn grant(
    google: &Google,
    read: &Request,
    change: impl Fn(Value) -> Request,
    roles: &[String],
    member: &str,
) -> Result<(), Refusal> {
    alter(google, read, change, |bindings| {
        bindings.extend(
            roles
                .iter()
                .map(|role| json!({"role": role, "members": [member]})),
        );
    })
    .await
}

async fn alter(
    google: &Google,
    read: &Request,
    change: impl Fn(Value) -> Request,
    edit: impl Fn(&mut Vec<Value>),
) -> Result<(), Refusal> {
    const ATTEMPTS: u32 = 20;
    let mut attempt = 1;
    loop {
        let mut policy = google.send(By::Operator, read).await?;
        let mut bindings = policy["bindings"].as_array().cloned().unwrap_or_default();
        edit(&mut bindings);
        policy["bindings"] = bindings.into();
        match google.send(By::Operator, &change(policy)).await {
            // A new account is not known everywhere at once: 400.
            Err(refusal)
                if attempt < ATTEMPTS && matches!(refusal.status, Some(400 | 409 | 412)) =>
            {
                attempt += 1;
                sleep(Duration::from_secs(2)).await;
            }
            answer => return answer.map(|_| ()),
        }
    }
}

/// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
async fn token(google: &Google, names: &Names) -> Result<String, Refusal> {
    let path = format!(
        "v1/projects/-/serviceAccounts/{}:generateAccessToken",
        names.account
    );
    let body = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"]});
    let request = Request::post(
        "iamcredentials.googleapis.com",
        path,
        "iam.serviceAccountTokenCreator",
        body,
    );
    // 403, until the role that was just granted takes effect.
    let answer = google
        .send_until_known(By::Operator, &request, |refusal| {
            refusal.has_status(&[403, 404])
        })
        .await?;
    Ok(answer["accessToken"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

/// Waits until the account's roles have taken effect, usually two minutes:
/// <https://cloud.google.com/iam/docs/access-change-propagation>. The time limit of the caller ends it.
async fn wait_for_roles(
    google: &Google,
    settings: &Settings,
    names: &Names,
    token: &str,
) -> Result<(), Refusal> {
    let asked = BUCKET_PERMISSIONS
        .map(|permission| format!("permissions={permission}"))
        .join("&");
    let bucket = format!("storage/v1/b/{}/iam/testPermissions?{asked}", names.bucket);
    let on_bucket = Request::get(STORAGE, bucket, STORAGE_ADMIN);
    let project = format!("v1/projects/{}:testIamPermissions", settings.project);
    let body = json!({"permissions": PROJECT_PERMISSIONS});
    let on_project = Request::post(RESOURCE_MANAGER, project, PROJECT_IAM_ADMIN, body);
    for (request, permissions) in [
        (on_bucket, BUCKET_PERMISSIONS.len()),
        (on_project, PROJECT_PERMISSIONS.len()),
    ] {
        loop {
            let answer = google
                .send_until_known(By::Account(token), &request, |refusal| {
                    refusal.has_status(&[401, 403])
                })
                .await?;
            if answer["permissions"].as_array().map_or(0, Vec::len) == permissions {
                break;
            }
            sleep(Duration::from_secs(2)).await;
        }
    }
    Ok(())
}

/// Writes the operator's credentials as those of somebody who acts as the account, as
/// `gcloud auth application-default login --impersonate-service-account` does:
/// <https://cloud.google.com/docs/authentication/use-service-account-impersonation>.
fn write_credentials(path: &Path, account: &str, project: &str) -> anyhow::Result<()> {
    let file = if let Some(file) = env::var_os("GOOGLE_APPLICATION_CREDENTIALS") {
        PathBuf::from(file)
    } else {
        let home = env::var_os("HOME").context("HOME is not set")?;
        PathBuf::from(home).join(".config/gcloud/application_default_credentials.json")
    };
    let what = || {
        format!(
            "cannot read your credentials in {}: {}",
            file.display(),
            crate::google::SIGN_IN
        )
    };
    let mut source: Value =
        serde_json::from_str(&fs::read_to_string(&file).with_context(what)?).with_context(what)?;
    // The project of a person's file may not have the API by which the account's token is requested.
    if source["type"] == "authorized_user" {
        source["quota_project_id"] = project.into();
    }
    let url = format!(
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    );
    let credentials = json!({
        "type": "impersonated_service_account",
        "delegates": [],
        "service_account_impersonation_url": url,
        "source_credentials": source,
    });
    // The directory is readable by its owner only.
    fs::write(path, credentials.to_string())
        .with_context(|| format!("cannot write {}", path.display()))
}

impl Cleanup {
    /// Takes the answer to the requests that create the latest `number` entries, which are forgotten if the service
    /// refused them.
    pub(crate) fn settle<T>(
        &mut self,
        number: usize,
        answer: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        answer.inspect_err(|refusal| {
            if matches!(refusal.status, Some(400..500)) {
                self.0.truncate(self.0.len().saturating_sub(number));
            }
        })
    }

    pub(crate) fn resource(&mut self, what: String, removal: Request) {
        self.0.push(Made::Resource { what, removal });
    }

    pub(crate) fn alert_policy(&mut self, title: String) {
        self.0.push(Made::AlertPolicy { title });
    }

    /// Names the latest entry, an alert policy.
    pub(crate) fn alert_policy_is_named(&mut self, name: &str) {
        self.0.pop();
        self.resource(format!("alert policy {name}"), alert_policy_removal(name));
    }

    /// Removes everything, the latest first. Returns what is removed, and what could not be removed with the reason.
    pub(crate) async fn run(self, google: &Google, settings: &Settings) -> (usize, Vec<String>) {
        let (mut removed, mut left) = (0, Vec::new());
        for made in self.0.into_iter().rev() {
            let (what, outcome) = match made {
                Made::Resource { what, removal } => {
                    let answer = google.send(By::Operator, &removal).await;
                    (what, answer.map(|_| 1))
                }
                Made::AlertPolicy { title } => {
                    let outcome = remove_alert_policy(google, settings, &title).await;
                    (format!("alert policy {title:?}"), outcome)
                }
                Made::Bucket { name } => {
                    let outcome = remove_bucket(google, &name).await;
                    (format!("bucket {name}"), outcome.map(|()| 1))
                }
                Made::Role { role, member } => {
                    let (read, change) = project_policy(settings);
                    let outcome = alter(google, &read, change, |bindings| {
                        without(bindings, &role, &member);
                    })
                    .await;
                    (format!("role {role} of {member}"), outcome.map(|()| 1))
                }
            };
            match outcome {
                Ok(number) => removed += number,
                // It was not created.
                Err(refusal) if refusal.status == Some(404) => {}
                Err(refusal) => left.push(format!("{what} is left, remove it: {refusal}")),
            }
        }
        (removed, left)
    }
}

/// Removes `member` from the unconditional bindings of `role`.
fn without(bindings: &mut Vec<Value>, role: &str, member: &str) {
    for binding in &mut *bindings {
        if binding["role"] == role
            && binding["condition"].is_null()
            && let Some(members) = binding["members"].as_array_mut()
        {
            members.retain(|other| other != member);
        }
    }
    bindings.retain(|binding| {
        binding["members"]
            .as_array()
            .is_some_and(|members| !members.is_empty())
    });
}

fn alert_policy_removal(name: &str) -> Request {
    Request::delete(MONITORING, format!("v3/{name}"), ALERT_POLICY_EDITOR)
}

/// Removes the alert policies with this title, and returns their number.
async fn remove_alert_policy(
    google: &Google,
    settings: &Settings,
    title: &str,
) -> Result<usize, Refusal> {
    let policies = format!("v3/projects/{}/alertPolicies", settings.project);
    let policies = all(
        google,
        MONITORING,
        &policies,
        "alertPolicies",
        ALERT_POLICY_EDITOR,
    )
    .await?;
    let of_title = policies
        .iter()
        .filter(|policy| policy["displayName"] == title);
    let names: Vec<&str> = of_title
        .filter_map(|policy| policy["name"].as_str())
        .collect();
    for name in &names {
        google
            .send(By::Operator, &alert_policy_removal(name))
            .await?;
    }
    Ok(names.len())
}

async fn remove_bucket(google: &Google, name: &str) -> Result<(), Refusal> {
    for (object, _) in objects(google, name, "").await? {
        let path = object_path(name, &object);
        match google
            .send(By::Operator, &Request::delete(STORAGE, path, STORAGE_ADMIN))
            .await
        {
            Err(refusal) if refusal.status != Some(404) => return Err(refusal),
            _ => {}
        }
    }
    let bucket = format!("storage/v1/b/{name}");
    google
        .send(
            By::Operator,
            &Request::delete(STORAGE, bucket, STORAGE_ADMIN),
        )
        .await?;
    Ok(())
}

/// Returns the names and generations of the objects below `prefix`.
pub(crate) async fn objects(
    google: &Google,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<(String, String)>, Refusal> {
    let path = format!("storage/v1/b/{bucket}/o?prefix={}", encoded(prefix));
    let objects = all(google, STORAGE, &path, "items", STORAGE_ADMIN).await?;
    let text = |object: &Value, field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let objects = objects.iter();
    Ok(objects
        .map(|object| (text(object, "name"), text(object, "generation")))
        .collect())
}

/// Returns the `items` of all pages of a list.
async fn all(
    google: &Google,
    service: &'static str,
    list: &str,
    items: &str,
    role: &'static str,
) -> Result<Vec<Value>, Refusal> {
    let (mut found, mut path) = (Vec::new(), list.to_owned());
    loop {
        let mut page = google
            .send(By::Operator, &Request::get(service, path, role))
            .await?;
        if let Value::Array(items) = page[items].take() {
            found.extend(items);
        }
        let Some(next) = page["nextPageToken"]
            .as_str()
            .filter(|next| !next.is_empty())
        else {
            return Ok(found);
        };
        let separator = if list.contains('?') { '&' } else { '?' };
        path = format!("{list}{separator}pageToken={}", encoded(next));
    }
}

/// Returns the path of an object in the JSON API.
pub(crate) fn object_path(bucket: &str, object: &str) -> String {
    format!("storage/v1/b/{bucket}/o/{}", encoded(object))
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
