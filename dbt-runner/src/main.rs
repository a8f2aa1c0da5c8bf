//! See the crate's README.

use std::process::ExitCode;

use shared::run::Stage;

fn main() -> ExitCode {
    shared::job::main(Stage::Dbt, dbt_runner::stage::run)
}
