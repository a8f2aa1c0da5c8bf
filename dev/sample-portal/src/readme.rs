//! The data dictionary that the City publishes with the yearly files, a workbook with one sheet.

use std::fmt::Write as _;

use crate::server::zip_of;

const COLUMNS: [(&str, &str); 10] = [
    ("Column", "Description"),
    ("Creation Date", "Date and time the request was created"),
    (
        "Status",
        "Status of the request when the file was published",
    ),
    (
        "First 3 Chars of Postal Code",
        "Forward sortation area, Intersection or Unknown",
    ),
    ("Intersection Street 1", "First street of an intersection"),
    ("Intersection Street 2", "Second street of an intersection"),
    ("Ward", "Name and number of the ward"),
    ("Service Request Type", "What was requested"),
    ("Division", "Division in charge"),
    ("Section", "Section of the division"),
];

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
const SPREADSHEET: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// Returns the workbook as an XLSX file.
pub(crate) fn workbook() -> Vec<u8> {
    let mut rows = String::new();
    for (column, description) in COLUMNS {
        let cell = |text: &str| format!(r#"<c t="inlineStr"><is><t>{text}</t></is></c>"#);
        // Writing to a String cannot fail.
        let _ = write!(rows, "<row>{}{}</row>", cell(column), cell(description));
    }
    let office = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let files = [
        (
            "[Content_Types].xml",
            format!(
                r#"<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{office}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{office}.worksheet+xml"/></Types>"#
            ),
        ),
        (
            "_rels/.rels",
            format!(
                r#"<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{RELATIONSHIPS}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                r#"<workbook xmlns="{SPREADSHEET}" xmlns:r="{RELATIONSHIPS}"><sheets><sheet name="Data dictionary" sheetId="1" r:id="rId1"/></sheets></workbook>"#
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                r#"<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{RELATIONSHIPS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!(
                r#"<worksheet xmlns="{SPREADSHEET}"><sheetData>{rows}</sheetData></worksheet>"#
            ),
        ),
    ];
    zip_of(&files.map(|(name, content)| (name.to_owned(), format!("{DECLARATION}{content}"))))
}
