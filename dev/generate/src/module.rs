//! The table of the Terraform module's variables.

use std::fmt::Write as _;

use anyhow::Context as _;
use hcl::{Body, Expression, Object, ObjectKey};

const VARIABLES: &str = include_str!("../../../terraform/variables.tf");

/// Returns one row per variable, in the order of `variables.tf`.
pub(crate) fn variables_table() -> anyhow::Result<String> {
    table(VARIABLES)
}

fn table(variables: &str) -> anyhow::Result<String> {
    let mut table = String::from("| variable | type | default | meaning |\n|---|---|---|---|\n");
    for block in hcl::parse(variables)?.blocks() {
        let name = block.labels().first().context("a variable has a name")?;
        let name = name.as_str();
        let attributes = attributes(block.body());
        let attribute = |name| attributes.get(&key(name));
        let required = |key| attribute(key).with_context(|| format!("{name} has no {key}"));
        let Expression::String(description) = required("description")? else {
            anyhow::bail!("the description of {name} is not a text");
        };
        let kind = hcl::format::to_string(required("type")?)?;
        let default = match attribute("default") {
            Some(default) => format!("`{}`", hcl::format::to_string(default)?),
            None => "required".to_owned(),
        };
        writeln!(table, "| `{name}` | {kind} | {default} | {description} |")?;
    }
    Ok(table)
}

/// Returns the attributes of a block by name.
pub(crate) fn attributes(block: &Body) -> Object<ObjectKey, Expression> {
    let attributes = block.attributes();
    let attributes = attributes.map(|found| (key(found.key()), found.expr().clone()));
    attributes.collect()
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::from(hcl::Identifier::unchecked(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_a_row() {
        let variables = r#"
            variable "emails" {
              description = "Who is mailed."
              type        = set(string)
              default     = []
            }
            variable "project" {
              description = "The project."
              type        = string
            }
        "#;
        let table = table(variables).expect("HCL");
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| `emails` | set(string) | `[]` | Who is mailed. |",
                "| `project` | string | required | The project. |"
            ]
        );
    }

    #[test]
    fn a_variable_without_a_description_is_refused() {
        assert!(table("variable \"x\" {\n  type = string\n}\n").is_err());
    }
}
