//! `llms.txt`, which agents read: what there is and how to query it. Its format: <https://llmstxt.org>.

use std::fmt::Write as _;

use super::{GENERATED, Published, contract_path};

/// A program that answers a question from the data, which the tests execute as it is.
const EXAMPLE: &str = include_str!("example.py");

pub(super) fn of(published: &Published<'_>) -> String {
    let (catalog, links) = (published.catalog, &published.links);
    let mut text = format!(
        "# {}\n\n> {}\n\n",
        published.title(),
        published.description()
    );
    let licence = match &catalog.licence {
        Some(licence) => format!("- Licence: {} ({})", licence.name, licence.url),
        None => format!("- {GENERATED}. There is no licence of the City"),
    };
    let facts = [
        catalog
            .data_through
            .as_ref()
            .map(|day| format!("- Requests to: {day}")),
        catalog
            .as_of
            .as_ref()
            .map(|time| format!("- Newest file of the City: {time}")),
        Some(licence),
        Some(format!("- Cite as: {}", published.citation())),
    ];
    for fact in facts.into_iter().flatten() {
        line(&mut text, &fact);
    }
    line(&mut text, METHOD);
    line(&mut text, &format!("```python\n{EXAMPLE}```\n"));

    line(&mut text, "## Start here\n");
    for (name, path, note) in PAGES {
        line(
            &mut text,
            &format!("- [{name}]({}): {note}", links.page(path)),
        );
    }
    line(&mut text, "\n## Tables\n");
    for table in catalog.tables() {
        let address = links.page(&contract_path(&table.name));
        let rows = table.rows;
        line(
            &mut text,
            &format!(
                "- [{}]({address}): {} {rows} rows",
                table.name, table.description
            ),
        );
    }
    line(&mut text, "\n## Optional\n");
    for (name, path, note) in OPTIONAL {
        line(
            &mut text,
            &format!("- [{name}]({}): {note}", links.page(path)),
        );
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

const METHOD: &str = "
There is no query service: the data are Parquet files, which DuckDB and others query where they are, by ranges of bytes. To answer a
question, read `data/catalog.json`, choose a table by its description and columns, and query its files. Prefer the smallest table
that has the answer. Compare wards within one `ward_model` only: Toronto had 44 wards until November 2018, and has 25 since. The last
month is incomplete if `data_through` is not its last day. A status is that of the day when the file was published. This program
answers \"Which wards made the most requests in the latest year?\"; its argument is the address of this file without `llms.txt`:
";

const PAGES: &[(&str, &str, &str)] = &[
    (
        "Catalog",
        "data/catalog.json",
        "every table with its columns, files, sizes and digests",
    ),
    (
        "Use the data",
        "use.html",
        "the same for people, with lines for DuckDB, pandas, Polars, R and JavaScript",
    ),
    (
        "Dictionary",
        "docs/index.html",
        "dbt's documentation: every model, column, test and their lineage",
    ),
    (
        "Changes",
        "data/changes.json",
        "what the City changed in each publication, and request types that are new",
    ),
];

const OPTIONAL: &[(&str, &str, &str)] = &[
    ("Data Package", "data/datapackage.json", "Frictionless Data"),
    ("Croissant", "data/croissant.json", "MLCommons"),
    ("DCAT-AP", "data/dcat.jsonld", "for catalogues of open data"),
    (
        "Publications",
        "feeds/publications.atom",
        "an Atom feed of what the City changed",
    ),
    ("Dashboard", "index.html", "maps, rankings and trends"),
];
