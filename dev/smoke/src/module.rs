//! What the Terraform module would deploy, read from its files: the filters, alert policies, roles and the workflow.

use std::fs;

use anyhow::Context as _;
use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use hcl::{Block, Body, Expression, Map, Value};
use serde::Deserialize;

const FILES: [&str; 5] = [
    include_str!("../../../terraform/alerts.tf"),
    include_str!("../../../terraform/jobs.tf"),
    include_str!("../../../terraform/metrics.tf"),
    include_str!("../../../terraform/variables.tf"),
    include_str!("../../../terraform/workflow.tf"),
];
const ACCESS: &str = include_str!("../../../terraform/access.yaml");
const WORKFLOW: &str = include_str!("../../../terraform/workflow.yaml");
/// The variables of the operator, from the top of the repository.
const TFVARS: &str = "terraform/terraform.tfvars";
/// The locals that the resources read here need, each after those that it refers to.
const LOCALS: [&str; 8] = [
    "placeholder_image",
    "stage_log",
    "executions",
    "succeeded",
    "default_thresholds",
    "thresholds",
    "log_alerts",
    "metric_alerts",
];

pub(crate) struct Module {
    blocks: Vec<Block>,
    context: Context<'static>,
    /// The values of the variables: those of `terraform.tfvars`, or else their defaults.
    variables: Map<String, Value>,
}

/// A role of `access.yaml` and the resource on which it is granted: `bucket lake`.
pub(crate) struct Grant {
    pub(crate) role: String,
    pub(crate) resource: String,
}

#[derive(Deserialize)]
struct Access {
    grants: Vec<AccountGrant>,
}

#[derive(Deserialize)]
struct AccountGrant {
    account: String,
    role: String,
    resource: Resources,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Resources {
    One(String),
    Several(Vec<String>),
}

impl Module {
    /// Reads the module, with the values of its variables if `terraform.tfvars` has them.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut blocks = Vec::new();
        for file in FILES {
            blocks.extend(hcl::parse(file)?.into_blocks());
        }
        let mut module = Self {
            blocks,
            context: functions(),
            variables: Map::new(),
        };
        module.declare_variables()?;
        module.declare_locals()?;
        Ok(module)
    }

    fn declare_variables(&mut self) -> anyhow::Result<()> {
        let given = match fs::read_to_string(TFVARS) {
            Ok(text) => hcl::parse(&text).with_context(|| format!("cannot read {TFVARS}"))?,
            Err(_) => Body::default(),
        };
        let mut variables = Map::new();
        for block in self.of_type("variable") {
            let name = label(block, 0)?;
            let value = attribute(&given, name).or(attribute(&block.body, "default"));
            let value = value.map(|value| value.evaluate(&self.context));
            variables.insert(name.to_owned(), value.transpose()?.unwrap_or(Value::Null));
        }
        self.context.declare_var("var", variables.clone());
        self.variables = variables;
        Ok(())
    }

    /// Declares the locals, and the name of the workflow, to which they refer.
    fn declare_locals(&mut self) -> anyhow::Result<()> {
        let workflow = self
            .resources("google_workflows_workflow")
            .next()
            .context("no workflow")?;
        let name = attribute(&workflow.body, "name").context("a workflow has a name")?;
        let name = Map::from_iter([("name".to_owned(), name.evaluate(&self.context)?)]);
        let this = Map::from_iter([("this".to_owned(), Value::Object(name))]);
        self.context.declare_var("google_workflows_workflow", this);

        // Only the names of the jobs are used.
        let Expression::Object(jobs) = self.local("jobs")? else {
            anyhow::bail!("local.jobs is not an object");
        };
        let names = jobs.keys().map(|key| (key.to_string(), Value::Null));
        let mut locals = Map::from_iter([("jobs".to_owned(), Value::Object(names.collect()))]);
        for name in LOCALS {
            self.context.declare_var("local", locals.clone());
            let value = self.local(name)?.evaluate(&self.context);
            locals.insert(
                name.to_owned(),
                value.with_context(|| format!("cannot evaluate local.{name}"))?,
            );
        }
        self.context.declare_var("local", locals);
        Ok(())
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks
            .iter()
            .filter(move |block| block.identifier() == kind)
    }

    fn resources<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.of_type("resource")
            .filter(move |block| label(block, 0).is_ok_and(|label| label == kind))
    }

    fn local(&self, name: &str) -> anyhow::Result<&Expression> {
        let found = self
            .of_type("locals")
            .find_map(|block| attribute(&block.body, name));
        found.with_context(|| format!("the module has no local.{name}"))
    }

    /// Returns the region of `terraform.tfvars`, if it is there.
    pub(crate) fn region(&self) -> Option<String> {
        let region = self.variables.get("region")?;
        region.as_str().map(str::to_owned)
    }

    /// Returns the name and the filter of every metric from the logs.
    pub(crate) fn log_metrics(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut metrics = Vec::new();
        for block in self.resources("google_logging_metric") {
            let filter = attribute(&block.body, "filter").context("a metric has a filter")?;
            let filter = filter.evaluate(&self.context)?;
            let filter = filter.as_str().context("a filter is a text")?;
            metrics.push((label(block, 1)?.to_owned(), filter.to_owned()));
        }
        Ok(metrics)
    }

    /// Returns the name and the request body of every alert policy, disabled, without its channels and documentation.
    /// <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies>
    pub(crate) fn alert_policies(&self) -> anyhow::Result<Vec<(String, serde_json::Value)>> {
        let mut policies = Vec::new();
        for block in self.resources("google_monitoring_alert_policy") {
            let alerts = attribute(&block.body, "for_each").context("policies have a for_each")?;
            let Value::Object(alerts) = alerts.evaluate(&self.context)? else {
                anyhow::bail!("for_each of the policies is not an object");
            };
            for (name, alert) in alerts {
                let mut context = self.context.clone();
                let key = Value::from(name.clone());
                context.declare_var(
                    "each",
                    Map::from_iter([("key".to_owned(), key), ("value".to_owned(), alert)]),
                );
                let mut policy = request_body(&block.body, &context)?;
                policy.insert("enabled".to_owned(), false.into());
                policies.push((name, policy.into()));
            }
        }
        Ok(policies)
    }

    /// Returns the workflow's source, and its environment for the bucket `lake`.
    pub(crate) fn workflow(&self, lake: &str) -> anyhow::Result<(&'static str, serde_json::Value)> {
        let workflow = self
            .resources("google_workflows_workflow")
            .next()
            .context("no workflow")?;
        let mut context = self.context.clone();
        let name = Map::from_iter([("name".to_owned(), Value::from(lake))]);
        context.declare_var(
            "google_storage_bucket",
            Map::from_iter([("lake".to_owned(), Value::Object(name))]),
        );
        let variables =
            attribute(&workflow.body, "user_env_vars").context("a workflow has variables")?;
        Ok((
            WORKFLOW,
            serde_json::to_value(variables.evaluate(&context)?)?,
        ))
    }
}

/// Returns the roles of `account`, a job.
pub(crate) fn roles(account: &str) -> anyhow::Result<Vec<Grant>> {
    let access: Access = serde_saphyr::from_str(ACCESS)?;
    let of_account = access
        .grants
        .into_iter()
        .filter(|grant| [account, "every job"].contains(&grant.account.as_str()));
    let grants = of_account.flat_map(|grant| {
        let resources = match grant.resource {
            Resources::One(resource) => vec![resource],
            Resources::Several(resources) => resources,
        };
        let role = format!("roles/{}", grant.role);
        resources.into_iter().map(move |resource| Grant {
            role: role.clone(),
            resource,
        })
    });
    Ok(grants.collect())
}

/// Returns the functions of Terraform that the files use.
fn functions() -> Context<'static> {
    type Call = fn(FuncArgs) -> Result<Value, String>;
    let mut context = Context::new();
    let any = || ParamType::Any;
    let one: [(&str, Call); 3] = [
        ("floor", |arguments| {
            let number = arguments[0]
                .as_number()
                .and_then(hcl::Number::as_f64)
                .ok_or("not a number")?;
            // The thresholds are far below 2^53.
            #[expect(clippy::cast_possible_truncation, reason = "a floor is a whole number")]
            Ok(Value::from(number.floor() as i64))
        }),
        ("keys", |arguments| {
            let object = arguments[0].as_object().ok_or("not an object")?;
            // Terraform sorts them.
            let mut names: Vec<String> = object.keys().cloned().collect();
            names.sort();
            Ok(Value::from(names))
        }),
        ("tostring", |arguments| match &arguments[0] {
            Value::String(text) => Ok(Value::from(text.clone())),
            other => Ok(Value::from(other.to_string())),
        }),
    ];
    for (name, call) in one {
        context.declare_func(name, FuncDef::new(call, [any()]));
    }
    let join: Call = |arguments| {
        let separator = arguments[0].as_str().ok_or("not a text")?;
        let parts = arguments[1].as_array().ok_or("not a list")?;
        let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
        Ok(Value::from(
            parts.ok_or("not a list of texts")?.join(separator),
        ))
    };
    context.declare_func("join", FuncDef::new(join, [any(), any()]));
    let merge: Call = |arguments| {
        let object = |index: usize| arguments[index].as_object().ok_or("not an object");
        let (mut merged, later) = (object(0)?.clone(), object(1)?.clone());
        merged.extend(later);
        Ok(Value::Object(merged))
    };
    context.declare_func("merge", FuncDef::new(merge, [any(), any()]));
    let format: Call = |arguments| {
        let template = arguments[0].as_str().ok_or("not a text")?.to_owned();
        let texts = arguments
            .iter()
            .skip(1)
            .map(|value| value.as_str().ok_or("not a text"));
        let filled = texts.collect::<Result<Vec<_>, _>>()?.into_iter();
        Ok(Value::from(
            filled.fold(template, |text, part| text.replacen("%s", part, 1)),
        ))
    };
    context.declare_func(
        "format",
        FuncDef::builder()
            .param(any())
            .variadic_param(any())
            .build(format),
    );
    context
}

/// Returns a resource's attributes and blocks as its API has them. What refers to other resources is left out.
fn request_body(
    body: &Body,
    context: &Context<'_>,
) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
    const LEFT_OUT: [&str; 4] = [
        "depends_on",
        "documentation",
        "for_each",
        "notification_channels",
    ];
    let mut json = serde_json::Map::new();
    for attribute in body
        .attributes()
        .filter(|attribute| !LEFT_OUT.contains(&attribute.key()))
    {
        let value = attribute.expr().evaluate(context)?;
        json.insert(camel_case(attribute.key()), serde_json::to_value(value)?);
    }
    for block in body
        .blocks()
        .filter(|block| !LEFT_OUT.contains(&block.identifier()))
    {
        let inner = serde_json::Value::from(request_body(&block.body, context)?);
        let is_list = block.identifier() == "conditions";
        let inner = if is_list { vec![inner].into() } else { inner };
        json.insert(camel_case(block.identifier()), inner);
    }
    Ok(json)
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_uppercase() + rest
    })
}

fn attribute<'a>(body: &'a Body, key: &str) -> Option<&'a Expression> {
    body.attributes()
        .find(|found| found.key() == key)
        .map(hcl::Attribute::expr)
}

fn label(block: &Block, index: usize) -> anyhow::Result<&str> {
    let label = block.labels().get(index).map(hcl::BlockLabel::as_str);
    label.with_context(|| format!("a {} has no name", block.identifier()))
}
