//! The seed of prices: the container of each stage, from Terraform, and the list prices of what it uses.

use std::fmt::Write as _;

use anyhow::Context as _;
use hcl::eval::{Context, Evaluate as _};
use hcl::{Body, Expression, Object, ObjectKey, Value};
use shared::prices::{GIB_SECOND, TIB_BILLED, VCPU_SECOND};

use crate::module::{attributes, key};

const JOBS: &str = include_str!("../../../terraform/jobs.tf");

/// Returns one row per job of `jobs.tf`, which is named after its stage.
pub(crate) fn seed() -> anyhow::Result<String> {
    table(JOBS)
}

fn table(jobs: &str) -> anyhow::Result<String> {
    let locals = locals(&hcl::parse(jobs)?)?;
    let mut context = Context::new();
    // The memory of one job is computed from the limits of its files.
    let mib = locals.get(&key("extract_mib")).context("no extract_mib")?;
    let mut known = hcl::Map::new();
    known.insert("extract_mib".to_owned(), mib.evaluate(&context)?);
    context.declare_var("local", Value::Object(known));

    let Some(Expression::Object(jobs)) = locals.get(&key("jobs")) else {
        anyhow::bail!("jobs is not an object");
    };
    let mut csv = String::from(
        "stage,vcpus,memory_gib,dollars_per_vcpu_second,dollars_per_gib_second,dollars_per_tib_billed\n",
    );
    for (name, job) in jobs {
        let name = name.to_string();
        let Expression::Object(job) = job else {
            anyhow::bail!("{name} is not an object");
        };
        let attribute = |attribute: &str| {
            let value = job
                .get(&key(attribute))
                .map(|value| value.evaluate(&context));
            let value = value.with_context(|| format!("{name} has no {attribute}"))??;
            let text = value.as_str().map(str::to_owned);
            text.with_context(|| format!("{attribute} of {name} is not a text"))
        };
        let stage = name.split('-').next().unwrap_or_default();
        let vcpus: f64 = attribute("cpu")?.parse()?;
        let memory = gib(&attribute("memory")?)?;
        writeln!(
            csv,
            "{stage},{vcpus},{memory},{VCPU_SECOND},{GIB_SECOND},{TIB_BILLED}"
        )?;
    }
    Ok(csv)
}

fn locals(file: &Body) -> anyhow::Result<Object<ObjectKey, Expression>> {
    let mut blocks = file.blocks();
    let block = blocks.find(|block| block.identifier() == "locals");
    Ok(attributes(block.context("no locals")?.body()))
}

/// Parses an amount of memory: `512Mi` or `2Gi`.
fn gib(text: &str) -> anyhow::Result<f64> {
    let (number, mib) = match (text.strip_suffix("Gi"), text.strip_suffix("Mi")) {
        (Some(number), _) => (number, 1024.0),
        (_, Some(number)) => (number, 1.0),
        _ => anyhow::bail!("{text:?} is not in Mi or Gi"),
    };
    let number: f64 = number.parse()?;
    Ok(number * mib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_a_row_with_its_size_and_prices() {
        let jobs = r#"
            locals {
              extract_mib = { memory = 4096 }
              jobs = {
                extract-job = { cpu = "2", memory = "${local.extract_mib.memory}Mi", env = local.unknown }
                load-job    = { cpu = "1", memory = "512Mi" }
              }
            }
        "#;
        let csv = table(jobs).expect("HCL");
        let rows: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(
            rows,
            [
                "extract,2,4,0.000018,0.000002,6.25",
                "load,1,0.5,0.000018,0.000002,6.25"
            ]
        );
    }

    #[test]
    fn a_job_without_a_size_is_refused() {
        for job in [r#"{ cpu = "1" }"#, r#"{ cpu = "1", memory = "512" }"#] {
            let jobs = format!("locals {{\n extract_mib = {{}}\n jobs = {{ a = {job} }}\n}}\n");
            assert!(table(&jobs).is_err(), "{job}");
        }
    }
}
