//! The area of polygons on the ellipsoid.

use geojson::{Geometry, GeometryValue, Position};
use proj4rs::Proj;
use proj4rs::transform::transform;

const WGS84: &str = "+proj=longlat +datum=WGS84";
/// An equal-area projection, in metres: <https://proj.org/en/stable/operations/projections/cea.html>.
const EQUAL_AREA: &str = "+proj=cea +datum=WGS84";

/// Returns the area of a polygon or of several, without their holes, in square metres.
///
/// # Errors
/// If it is another geometry, or a position cannot be projected.
pub(super) fn square_metres(geometry: &Geometry) -> anyhow::Result<f64> {
    let polygons = match &geometry.value {
        GeometryValue::Polygon { coordinates } => std::slice::from_ref(coordinates),
        GeometryValue::MultiPolygon { coordinates } => coordinates.as_slice(),
        _ => anyhow::bail!("is neither a Polygon nor a MultiPolygon"),
    };
    let from = Proj::from_proj_string(WGS84)?;
    let to = Proj::from_proj_string(EQUAL_AREA)?;
    let mut total = 0.0;
    for rings in polygons {
        for (index, ring) in rings.iter().enumerate() {
            let within = within(ring, &from, &to)?;
            total += if index == 0 { within } else { -within };
        }
    }
    Ok(total)
}

/// Returns the area within a ring, by the trapezoids between each of its lines and its first position.
fn within(ring: &[Position], from: &Proj, to: &Proj) -> anyhow::Result<f64> {
    let mut projected = Vec::with_capacity(ring.len());
    for position in ring {
        let mut point = (position[0].to_radians(), position[1].to_radians(), 0.0);
        transform(from, to, &mut point)?;
        projected.push([point.0, point.1]);
    }
    let Some(&[_, base]) = projected.first() else {
        return Ok(0.0);
    };
    let trapezoid = |line: &[[f64; 2]]| {
        (line[1][0] - line[0][0]) * ((line[1][1] - base) + (line[0][1] - base)) / 2.0
    };
    Ok(projected.windows(2).map(trapezoid).sum::<f64>().abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(geojson: &str) -> f64 {
        square_metres(&geojson.parse().expect("GeoJSON")).expect("polygons")
    }

    /// A cell of a hundredth of a degree, by the closed formula for the ellipsoid.
    #[test]
    fn a_cell_has_its_area_and_a_hole_has_none() {
        let cell = "[[-79.4,43.645],[-79.39,43.645],[-79.39,43.655],[-79.4,43.655],[-79.4,43.645]]";
        let one = area(&format!(r#"{{"type":"Polygon","coordinates":[{cell}]}}"#));
        assert!((one - 896_356.02).abs() < 0.01, "{one}");
        let hole = area(&format!(
            r#"{{"type":"Polygon","coordinates":[{cell},{cell}]}}"#
        ));
        assert!(hole.abs() < 1e-6, "{hole}");
        let two = area(&format!(
            r#"{{"type":"MultiPolygon","coordinates":[[{cell}],[{cell}]]}}"#
        ));
        assert!((two - 2.0 * one).abs() < 1e-6, "{two}");
    }

    #[test]
    fn other_geometries_have_no_area() {
        let point = r#"{"type":"Point","coordinates":[-79.4,43.6]}"#;
        let refused = square_metres(&point.parse().expect("GeoJSON")).expect_err("a point");
        assert_eq!(
            refused.to_string(),
            "is neither a Polygon nor a MultiPolygon"
        );
    }
}
