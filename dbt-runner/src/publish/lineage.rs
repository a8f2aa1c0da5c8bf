//! The lineage of the published files: what each was written from.

use jiff::Timestamp;
use shared::lineage::{
    ColumnLineage, Dataset, Field, InputFields, OutputStatistics, RunEvent, Schema,
};
use shared::partition::Partition;

use super::boundaries::{Areas, GEOMETRY};
use super::catalog::{PublishedFile, PublishedTable};
use super::{DATA, Publication, address};
use crate::lineage::{self, PublishedFiles};
use crate::mart::Publishable;

impl Publication<'_> {
    /// Returns the events that a mart, whose publication began at a time, is on the site now.
    pub(super) fn lineage_of_mart(
        &self,
        mart: &Publishable,
        published: &PublishedTable,
        began: Timestamp,
    ) -> [RunEvent; 2] {
        let files = PublishedFiles {
            rows: published.rows,
            bytes: published.bytes,
            digests: published.files.iter().map(|file| &file.sha256).collect(),
            began,
            ended: Timestamp::now(),
        };
        let address = address::of_mart(&mart.table.name);
        let place = format!("{}/{DATA}/{address}", self.site.url());
        lineage::of_files(self.lineage, self.tables, mart, &place, &files)
    }

    /// Returns the events that the files of a year were written, which began at a time.
    pub(super) fn lineage_of_year(
        &self,
        year: i16,
        files: [(&PublishedTable, &PublishedFile); 3],
        began: Timestamp,
    ) -> [RunEvent; 2] {
        let partition = Partition::Year(year);
        let [clean, refused] = [
            self.lineage.clean(partition),
            self.lineage.quarantine(partition),
        ];
        let outputs = files.map(|(table, file)| {
            let source = if table.name == super::datasets::REQUESTS {
                &clean
            } else {
                &refused
            };
            self.written(table, file, |_| source)
        });
        let name = format!("dbt.requests.{year}.publish");
        lineage::of_publication(
            self.lineage,
            &name,
            (began, Timestamp::now()),
            &[clean, refused],
            outputs.into(),
        )
    }

    /// Returns the events that the file of areas was written, which began at a time.
    pub(super) fn lineage_of_areas(
        &self,
        areas: &Areas,
        denominators: &Publishable,
        table: &PublishedTable,
        began: Timestamp,
    ) -> [RunEvent; 2] {
        let clean = self.lineage.clean(areas.partition);
        let mart = &denominators.table;
        let mart = self.tables.table(&mart.schema, &mart.name);
        let source = |column: &str| {
            let is_of_boundaries = column == GEOMETRY || areas.named_by.contains(&column);
            if is_of_boundaries { &clean } else { &mart }
        };
        let files = table.files.iter();
        let outputs = files.map(|file| self.written(table, file, source));
        let outputs = outputs.collect();
        let name = format!("dbt.{}.publish", areas.name);
        let inputs = [clean.clone(), mart.clone()];
        let span = (began, Timestamp::now());
        lineage::of_publication(self.lineage, &name, span, &inputs, outputs)
    }

    /// Returns a file at its stable address, each column of which is a copy of that of its source.
    fn written<'s>(
        &self,
        table: &PublishedTable,
        file: &PublishedFile,
        source: impl Fn(&str) -> &'s Dataset,
    ) -> Dataset {
        let address = file.address.as_ref().unwrap_or(&file.path);
        let fields = table.columns.iter().map(|column| Field {
            name: column.name.clone(),
            kind: Some(column.kind.clone()),
            description: column.description.clone(),
        });
        let copies = table.columns.iter().map(|column| {
            let input_fields = vec![source(&column.name).field(&column.name)];
            (column.name.clone(), InputFields { input_fields })
        });
        Dataset::at(&format!("{}/{DATA}/{address}", self.site.url()))
            .with(&Schema {
                fields: fields.collect(),
            })
            .with(&ColumnLineage {
                fields: copies.collect(),
            })
            .version(&file.sha256)
            .with_output(&OutputStatistics {
                row_count: Some(file.rows),
                size: Some(file.bytes),
                file_count: Some(1),
            })
    }
}
