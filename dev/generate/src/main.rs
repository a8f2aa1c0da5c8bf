#![doc = include_str!("../README.md")]

mod access;
mod marts;
mod module;
mod outputs;
mod prices;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use outputs::Output;

/// Runs `generate`, which writes, or `generate --check`, which only compares.
fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.as_slice() {
        [] => false,
        [argument] if argument == "--check" => true,
        _ => bail!("cannot read the arguments {arguments:?}: generate [--check]"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut stale = Vec::new();
    for output in outputs::all()? {
        let path = root.join(output.path());
        let before = fs::read_to_string(&path).unwrap_or_default();
        let after = content(&output, &before)
            .with_context(|| format!("cannot generate {}", output.path()))?;
        if before == after {
            continue;
        }
        stale.push(output.path());
        if !check {
            fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
            fs::write(&path, after).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    report(&stale, check);
    Ok(if check && !stale.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

#[expect(clippy::print_stdout, reason = "a command for people")]
fn report(stale: &[&str], check: bool) {
    for path in stale {
        if check {
            println!("{path} differs from its source: run make generate");
        } else {
            println!("{path}");
        }
    }
}

/// Returns the whole content of an output's file, which has `before` now.
fn content(output: &Output, before: &str) -> anyhow::Result<String> {
    let (name, text) = match output {
        Output::File { text, .. } => return Ok(text.clone()),
        Output::Part { name, text, .. } => (name, text),
    };
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let marker = format!("generated: {name}");
    let start = lines.iter().position(|line| line.contains(&marker));
    let (above, below) =
        lines.split_at(1 + start.with_context(|| format!("the marker {marker:?} is missing"))?);
    let end = below.iter().position(|line| is_end(line));
    let end = end.with_context(|| format!("no line `end` follows {marker:?}"))?;
    Ok(above.concat() + text + &below[end..].concat())
}

fn is_end(line: &str) -> bool {
    matches!(line.trim(), "<!-- end -->" | "# end" | "-- end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_between_its_markers() {
        let part = |name| Output::Part {
            path: "a.md",
            name,
            text: "new\n".to_owned(),
        };
        let before = "a\n<!-- generated: x -->\nold\nolder\n<!-- end -->\nb\n";
        let after = content(&part("x"), before).expect("markers");
        assert_eq!(after, "a\n<!-- generated: x -->\nnew\n<!-- end -->\nb\n");
        assert!(content(&part("y"), before).is_err());
        assert!(content(&part("x"), "<!-- generated: x -->\nno end\n").is_err());
    }
}
