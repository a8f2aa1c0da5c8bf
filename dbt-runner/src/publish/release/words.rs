//! What the citation and the description say alike.

/// What a release is.
pub(super) const DESCRIPTION: &str = "Every customer-initiated 311 service request that the City of Toronto has published, \
     cleaned, typed and traceable to its line in the published file, with the rows that could not be read and why, the areas \
     with their people, homes and land, and tables that add the requests up. Built from the City's files alone: the same files \
     and the same commit lead to the same bytes.";

/// What is said of generated data in place of the City's attribution.
pub(super) const GENERATED: &str = "Generated sample data: not the City's, and not real requests.";

/// Returns what the data are, and whose.
pub(super) fn subject(generated: bool) -> (&'static str, &'static str) {
    if generated {
        (
            "Generated sample of Toronto 311 service requests",
            "Toronto 311 pipeline",
        )
    } else {
        ("Toronto 311 service requests", "City of Toronto")
    }
}
