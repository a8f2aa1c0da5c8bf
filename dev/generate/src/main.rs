#![doc = include_str!("../README.md")]

mod outputs;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};

use outputs::Output;

/// Runs `generate`, which writes, or `generate --check`, which only compares.
fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => bail!("cannot read the arguments {arguments:?}: generate [--check]"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut stale = Vec::new();
    for output in outputs::all() {
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
    let marker = format!("generated: {name}");
    let (start, rest) = split_after_line(before, &marker)?;
    let end = rest
        .lines()
        .find(|line| is_end(line))
        .with_context(|| format!("no line `end` follows {marker:?}"))?;
    let at = rest.find(end).context("the line was found")?;
    ensure!(!start.is_empty(), "the marker has no line");
    Ok(format!("{start}{text}{}", &rest[at..]))
}

fn is_end(line: &str) -> bool {
    matches!(line.trim(), "<!-- end -->" | "# end")
}

/// Splits `text` after the line that has `marker`.
fn split_after_line<'a>(text: &'a str, marker: &str) -> anyhow::Result<(&'a str, &'a str)> {
    let at = text
        .find(marker)
        .with_context(|| format!("the marker {marker:?} is missing"))?;
    let end = text[at..]
        .find('\n')
        .context("a marker is a line of its own")?;
    Ok(text.split_at(at + end + 1))
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
