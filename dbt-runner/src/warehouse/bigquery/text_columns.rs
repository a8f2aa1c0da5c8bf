//! Converts BigQuery's text to Arrow columns, with the types that DuckDB returns.

use std::str::FromStr;
use std::sync::Arc;

use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use shared::exit::{Exit, Failure, OrFail as _};
use shared::warehouse::bigquery::model::TableFieldSchema;

use crate::mart::Publishable;

const UTC: &str = "UTC";

/// A column and its Arrow type.
#[derive(Debug)]
pub(super) struct TextColumn {
    pub(super) name: String,
    kind: DataType,
}

/// Matches the mart's columns to the `fields` of its table.
///
/// # Errors
/// [`Exit::Contract`] if the table lacks a column or its type cannot be published.
pub(super) fn of(
    mart: &Publishable,
    fields: &[TableFieldSchema],
) -> Result<Vec<TextColumn>, Failure> {
    let described = mart.columns.iter().map(|column| {
        let name = column.name.clone();
        let field = fields.iter().find(|field| field.name == name);
        // Emulators repeat the type in whatever case the table was created with.
        let kind = field.map(|field| field.r#type.to_ascii_uppercase());
        let kind = match kind.as_deref() {
            Some("INTEGER" | "INT64") => DataType::Int64,
            Some("FLOAT" | "FLOAT64") => DataType::Float64,
            Some("BOOLEAN" | "BOOL") => DataType::Boolean,
            Some("STRING") => DataType::Utf8,
            Some("DATE") => DataType::Date32,
            Some("TIMESTAMP") => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            other => {
                return Err(Failure::contract(anyhow::anyhow!(
                    "cannot publish {}.{name}: its type is {}",
                    mart.table,
                    other.unwrap_or("missing, as the column is")
                )));
            }
        };
        Ok(TextColumn { name, kind })
    });
    described.collect()
}

impl TextColumn {
    /// Returns the expression that casts `column` to text that [`batch`] reads. A double survives the round trip:
    /// GoogleSQL casts it with `RoundTripDoubleToString`.
    pub(super) fn expression(&self, column: &str) -> String {
        match self.kind {
            DataType::Date32 => format!("CAST(UNIX_DATE({column}) AS STRING)"),
            DataType::Timestamp(..) => format!("CAST(UNIX_MICROS({column}) AS STRING)"),
            _ => format!("CAST({column} AS STRING)"),
        }
    }

    fn array<'a>(&self, cells: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef, Failure> {
        Ok(match self.kind {
            DataType::Int64 => Arc::new(self.numbers::<Int64Type>(cells)?),
            DataType::Float64 => Arc::new(self.numbers::<Float64Type>(cells)?),
            DataType::Date32 => Arc::new(self.numbers::<Date32Type>(cells)?),
            DataType::Timestamp(..) => {
                let numbers = self.numbers::<TimestampMicrosecondType>(cells)?;
                Arc::new(numbers.with_timezone(UTC))
            }
            DataType::Boolean => {
                let values = cells.map(|cell| self.value(cell));
                Arc::new(values.collect::<Result<BooleanArray, _>>()?)
            }
            _ => Arc::new(cells.collect::<StringArray>()),
        })
    }

    fn numbers<'a, T: ArrowPrimitiveType<Native: FromStr>>(
        &self,
        cells: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<PrimitiveArray<T>, Failure> {
        cells.map(|cell| self.value(cell)).collect()
    }

    fn value<T: FromStr>(&self, cell: Option<&str>) -> Result<Option<T>, Failure> {
        let parsed = |text: &str| {
            text.parse().map_err(|_| {
                let TextColumn { name, kind } = self;
                Failure::contract(anyhow::anyhow!("{name} is {text:?}, which is not a {kind}"))
            })
        };
        cell.map(parsed).transpose()
    }
}

/// Returns the batch of rows, each with one text per column.
pub(super) fn batch(
    columns: &[TextColumn],
    rows: &[Vec<Option<String>>],
) -> Result<RecordBatch, Failure> {
    let fields = columns
        .iter()
        .map(|column| Field::new(&column.name, column.kind.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns
        .iter()
        .enumerate()
        .map(|(index, column)| column.array(rows.iter().map(|row| row.get(index)?.as_deref())));
    RecordBatch::try_new(schema, arrays.collect::<Result<_, _>>()?).or_fail(Exit::Bug)
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;

    use super::*;

    fn column(kind: DataType) -> TextColumn {
        let name = "column".to_owned();
        TextColumn { name, kind }
    }

    #[test]
    fn texts_are_values_of_their_columns() {
        let columns = [
            DataType::Int64,
            DataType::Float64,
            DataType::Boolean,
            DataType::Utf8,
            DataType::Date32,
            DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        ]
        .map(column);
        let texts = ["-7", "0.1", "true", "", "-1", "1793512800000001"];
        let values = texts.map(|text| Some(text.to_owned())).to_vec();
        let batch = batch(&columns, &[values, vec![None; 6]]).expect("a batch");
        assert_eq!(batch.num_rows(), 2);
        let column = |index: usize| batch.column(index);
        assert_eq!(column(0).as_primitive::<Int64Type>().value(0), -7);
        assert!((column(1).as_primitive::<Float64Type>().value(0) - 0.1).abs() < f64::EPSILON);
        assert!(column(2).as_boolean().value(0));
        assert_eq!(column(3).as_string::<i32>().value(0), "");
        assert_eq!(column(4).as_primitive::<Date32Type>().value(0), -1);
        assert_eq!(
            column(5)
                .as_primitive::<TimestampMicrosecondType>()
                .value(0),
            1_793_512_800_000_001
        );
        assert!(batch.columns().iter().all(|array| array.is_null(1)));
    }

    #[test]
    fn a_text_that_is_not_a_value_is_refused() {
        let refused = batch(&[column(DataType::Int64)], &[vec![Some("7.5".to_owned())]]);
        let refused = refused.expect_err("not an integer").to_string();
        assert!(refused.contains("column is \"7.5\""), "{refused}");
    }
}
