//! The partitions and clusters of the tables that statements create, which the emulator does not keep.

use std::collections::HashMap;

/// `partition by … cluster by …` of each table, by its name.
#[derive(Clone, Default)]
pub(super) struct Layouts(HashMap<String, String>);

impl Layouts {
    /// Executes the statements of a script that create and drop tables.
    ///
    /// # Errors
    /// BigQuery's message if a statement replaces a table by one with another layout:
    /// <https://github.com/dbt-labs/dbt-core/issues/2000>.
    pub(super) fn execute(&mut self, script: &str) -> Result<(), String> {
        for statement in script.split(';') {
            let statement = without_comments(statement).to_lowercase();
            let after = |start: &str| statement.strip_prefix(start).map(split_name);
            if let Some((table, definition)) = after("create or replace table ") {
                let new = layout(definition);
                if let Some(existing) = self.0.get(&table).filter(|existing| **existing != new) {
                    return Err(format!(
                        "Cannot replace a table with a different partitioning spec. Instead, DROP the table, and then \
                         recreate it. New partitioning spec is {new:?} and existing spec is {existing:?}"
                    ));
                }
                self.0.insert(table, new);
            } else if let Some((table, definition)) =
                after("create table if not exists ").or(after("create table "))
            {
                self.0.entry(table).or_insert_with(|| layout(definition));
            } else if let Some((table, _)) = after("drop table if exists ").or(after("drop table "))
            {
                self.drop_table(&table);
            }
        }
        Ok(())
    }

    pub(super) fn drop_table(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// Returns a statement from its first word on.
fn without_comments(statement: &str) -> &str {
    let rest = statement.trim_start();
    let after = |begin: &str, end: &str| {
        let comment = rest.strip_prefix(begin)?;
        comment.split_once(end).map(|(_, after)| after)
    };
    match after("/*", "*/").or(after("--", "\n")) {
        Some(after) => without_comments(after),
        None => rest,
    }
}

/// Splits `` `project`.`dataset`.`table` (…) … `` after the name, which is returned without backticks.
fn split_name(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let end = text.find(|character: char| character.is_whitespace() || character == '(');
    let (name, definition) = text.split_at(end.unwrap_or(text.len()));
    (name.replace('`', ""), definition)
}

/// Returns `partition by … cluster by …`, which follows the columns.
fn layout(definition: &str) -> String {
    let mut depth = 0;
    let end_of_columns = |character: char| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    };
    let definition = definition.trim_start();
    let columns = definition.starts_with('(');
    let rest = definition.find(end_of_columns).filter(|_| columns);
    let rest = rest.map_or(definition, |end| &definition[end + 1..]);
    let words = rest.split_whitespace();
    let words = words.take_while(|word| *word != "as" && !word.starts_with("options"));
    words.collect::<Vec<_>>().join(" ").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_only_replaced_by_one_that_is_stored_alike() {
        const BY_MONTH: &str = "partition by date_trunc(`day`, month) cluster by `ward`";
        let mut layouts = Layouts::default();
        let mut executed =
            |script: &str| layouts.execute(script).map_err(|error| error.len() > 100);
        let created = format!(
            "/* {{\"app\": \"dbt\"}} */\n create or replace table `p`.`marts`.`a`\n\n {BY_MONTH}\n\n OPTIONS()\n as (\n select 1)"
        );
        assert_eq!(executed(&created), Ok(()));
        let columns = "`day` date not null, `ward` numeric(3, 1)";
        let again =
            format!("create or replace table `p.marts.a` ({columns}) {BY_MONTH} as select 1");
        assert_eq!(executed(&again), Ok(()));
        for other in ["", "cluster by ward", "partition by day"] {
            let other = format!(
                "select 1; create or replace table `p.marts.a` ({columns}) {other} as select 1"
            );
            assert_eq!(executed(&other), Err(true));
            assert_eq!(
                executed(&format!("drop table if exists `p.marts.a`; {other}")),
                Ok(())
            );
            assert_eq!(executed(&again), Err(true));
            assert_eq!(
                executed(&format!("DROP TABLE p.marts.a;\n-- again\n{again}")),
                Ok(())
            );
        }
    }
}
