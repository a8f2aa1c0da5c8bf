//! `few-marts TARGET` writes the dbt project with few marts to a temporary folder, which the caller removes, and prints its
//! path: for tests in other languages.

#![allow(clippy::print_stdout, reason = "the output of a command")]

use std::env;

use anyhow::Context as _;
use shared::testing::project_of_few_marts;

fn main() -> anyhow::Result<()> {
    let target = env::args().nth(1).context("usage: few-marts TARGET")?;
    let project = project_of_few_marts(&target, &[]);
    println!("{}", project.keep().display());
    Ok(())
}
