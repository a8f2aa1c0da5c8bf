use proj4rs::Proj;
use proj4rs::transform::transform;

use super::Position;

/// Statistics Canada Lambert, EPSG:3347. NAD83 is treated as WGS84, as is usual: they differ by less than the accuracy
/// of the boundaries.
const STATISTICS_CANADA: &str = "+proj=lcc +lat_1=49 +lat_2=77 +lat_0=63.390675 +lon_0=-91.86666666666666 \
     +x_0=6200000 +y_0=3000000 +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m";
const WGS84: &str = "+proj=longlat +datum=WGS84";

/// The same projection in a `.prj` file. Names are compared without case.
const PARAMETERS: [(&str, f64); 6] = [
    ("false_easting", 6_200_000.0),
    ("false_northing", 3_000_000.0),
    ("central_meridian", -91.866_666_666_666_66),
    ("standard_parallel_1", 49.0),
    ("standard_parallel_2", 77.0),
    ("latitude_of_origin", 63.390_675),
];
/// Semi-major axis and inverse flattening of GRS 1980.
const SPHEROID: [f64; 2] = [6_378_137.0, 298.257_222_101];

/// Why a point cannot be reprojected.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProjectionError {
    #[error("the .prj has {found} where EPSG:3347, Statistics Canada Lambert, has {expected}")]
    Other { found: String, expected: String },
    #[error("cannot reproject: {0}")]
    Library(proj4rs::errors::Error),
}

/// Reprojects Statistics Canada Lambert to WGS84.
pub(super) struct Reprojection {
    from: Proj,
    to: Proj,
}

impl Reprojection {
    /// Returns the reprojection for the reference system in the text `prj`.
    ///
    /// # Errors
    /// Describes the difference if it is not EPSG:3347.
    pub(super) fn of(prj: &str) -> Result<Self, ProjectionError> {
        check(prj)?;
        Ok(Self {
            from: Proj::from_proj_string(STATISTICS_CANADA).map_err(ProjectionError::Library)?,
            to: Proj::from_proj_string(WGS84).map_err(ProjectionError::Library)?,
        })
    }

    /// Returns the longitude and latitude of `position`, in degrees.
    pub(super) fn reproject(&self, position: Position) -> Result<Position, ProjectionError> {
        let mut point = (position[0], position[1], 0.0);
        transform(&self.from, &self.to, &mut point).map_err(ProjectionError::Library)?;
        Ok([point.0.to_degrees(), point.1.to_degrees()])
    }
}

fn check(prj: &str) -> Result<(), ProjectionError> {
    let differs = |found: Option<String>, expected: String| {
        Err(ProjectionError::Other {
            found: found.unwrap_or_else(|| "nothing".to_owned()),
            expected,
        })
    };
    let text = prj.to_ascii_lowercase();
    let projection = arguments(&text, "projection").next();
    let name = projection.as_ref().map(|arguments| arguments[0].clone());
    if !name
        .as_deref()
        .is_some_and(|name| name.starts_with("lambert_conformal_conic"))
    {
        return differs(name, "the projection Lambert_Conformal_Conic".to_owned());
    }
    for (name, expected) in PARAMETERS {
        let found = arguments(&text, "parameter")
            .find(|arguments| arguments[0] == name)
            .and_then(|arguments| arguments.get(1).cloned());
        if !found
            .as_deref()
            .is_some_and(|found| equals(found, expected))
        {
            return differs(found, format!("{name} {expected}"));
        }
    }
    let spheroid: Vec<String> = arguments(&text, "spheroid").next().unwrap_or_default();
    if spheroid.len() < 3
        || !equals(&spheroid[1], SPHEROID[0])
        || !equals(&spheroid[2], SPHEROID[1])
    {
        return differs(Some(spheroid.join(" ")), "the spheroid GRS 1980".to_owned());
    }
    // The last unit is the projection's; the one before it is that of its angles.
    let unit: Vec<String> = arguments(&text, "unit").last().unwrap_or_default();
    if unit.len() < 2 || !equals(&unit[1], 1.0) {
        return differs(Some(unit.join(" ")), "the unit metre".to_owned());
    }
    Ok(())
}

/// Returns the content of the brackets after each `keyword` of a well-known text, up to the first inner bracket.
fn arguments<'a>(wkt: &'a str, keyword: &'a str) -> impl Iterator<Item = Vec<String>> + 'a {
    wkt.match_indices(keyword).filter_map(move |(at, _)| {
        let before = wkt[..at].chars().next_back();
        let inside = wkt[at + keyword.len()..].trim_start().strip_prefix('[')?;
        if before.is_some_and(|character| character.is_ascii_alphanumeric() || character == '_') {
            return None;
        }
        let inside = &inside[..inside.find(['[', ']'])?];
        let clean = |argument: &str| argument.trim().trim_matches('"').to_owned();
        Some(inside.split(',').map(clean).collect())
    })
}

fn equals(text: &str, expected: f64) -> bool {
    text.parse()
        .is_ok_and(|value: f64| (value - expected).abs() <= 1e-9 * expected.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRJ: &str = r#"PROJCS["PCS_Lambert_Conformal_Conic",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",6200000.0],PARAMETER["False_Northing",3000000.0],PARAMETER["Central_Meridian",-91.86666666666666],PARAMETER["Standard_Parallel_1",49.0],PARAMETER["Standard_Parallel_2",77.0],PARAMETER["Latitude_Of_Origin",63.390675],UNIT["Meter",1.0]]"#;

    #[test]
    fn points_are_where_proj_puts_them() {
        let reprojection = Reprojection::of(PRJ).expect("EPSG:3347");
        for (metres, degrees) in [
            (
                [6_200_000.0, 3_000_000.0],
                [-91.866_666_666_666_66, 63.390_675],
            ),
            (
                [7_216_000.0, 940_000.0],
                [-79.461_388_766_207_38, 43.765_711_131_618_59],
            ),
            (
                [7_233_123.25, 921_456.5],
                [-79.301_833_069_355_45, 43.576_518_399_035_145],
            ),
        ] {
            let found = reprojection.reproject(metres).expect("in the domain");
            for (found, expected) in found.iter().zip(degrees) {
                assert!((found - expected).abs() < 1e-10, "{found} for {expected}");
            }
        }
    }

    #[test]
    fn other_reference_systems_are_refused() {
        assert!(check(&PRJ.replace("Conic\"]", "Conic_2SP\"]").replace(',', ", ")).is_ok());
        for (from, to, expected) in [
            (
                "PROJECTION[\"Lambert_Conformal_Conic",
                "PROJECTION[\"Mercator",
                "has mercator",
            ),
            ("77.0", "76.0", "standard_parallel_2 77"),
            ("-91.86666666666666", "-95.0", "central_meridian -91.86"),
            ("6200000.0", "0.0", "has 0.0 where EPSG:3347"),
            ("GRS_1980\",6378137.0", "Clarke\",6378206.4", "GRS 1980"),
            ("Meter\",1.0", "Foot_US\",0.3048006096", "metre"),
            ("Latitude_Of_Origin", "Latitude_Of_Centre", "has nothing"),
        ] {
            let message = check(&PRJ.replace(from, to)).expect_err(to).to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(check("").is_err());
        assert!(check("PROJECTION[").is_err());
    }
}
