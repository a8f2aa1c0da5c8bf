use super::Position;

/// Why rings are not polygons.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RingError {
    #[error("has a ring with fewer than four points, or one that is not closed")]
    Open,
    #[error("has a hole outside of its areas")]
    Orphan,
}

/// Groups the `rings` of a shape, whose outer rings are clockwise and holes counter-clockwise, into polygons: an outer
/// ring, then its holes. The result is wound as in RFC 7946, the other way round.
pub(super) fn polygons(rings: Vec<Vec<Position>>) -> Result<Vec<Vec<Vec<Position>>>, RingError> {
    let mut polygons: Vec<(f64, Vec<Vec<Position>>)> = Vec::new();
    let mut holes = Vec::new();
    for mut ring in rings {
        if ring.len() < 4 || ring.first() != ring.last() {
            return Err(RingError::Open);
        }
        let area = signed_area(&ring);
        ring.reverse();
        if area <= 0.0 {
            polygons.push((-area, vec![ring]));
        } else {
            holes.push(ring);
        }
    }
    for hole in holes {
        polygons
            .iter_mut()
            .filter(|(_, polygon)| encloses(&polygon[0], &hole))
            // If outer rings are nested in holes of others, use the innermost.
            .min_by(|(one, _), (other, _)| one.total_cmp(other))
            .ok_or(RingError::Orphan)?
            .1
            .push(hole);
    }
    Ok(polygons.into_iter().map(|(_, polygon)| polygon).collect())
}

/// Returns the area within `ring`, positive if it is counter-clockwise.
fn signed_area(ring: &[Position]) -> f64 {
    // Computed relative to the first point, so that large coordinates lose no precision.
    let [x0, y0] = ring[0];
    let cross = |pair: &[Position]| {
        (pair[0][0] - x0) * (pair[1][1] - y0) - (pair[1][0] - x0) * (pair[0][1] - y0)
    };
    ring.windows(2).map(cross).sum::<f64>() / 2.0
}

/// Whether `inner` lies within `outer`. Rings of one shape do not cross, but may touch in points, which are undecided,
/// so the majority of points decides.
fn encloses(outer: &[Position], inner: &[Position]) -> bool {
    let inside = inner
        .iter()
        .filter(|point| contains(outer, **point))
        .count();
    2 * inside > inner.len()
}

/// Whether a ray from `point` crosses `ring` an odd number of times.
fn contains(ring: &[Position], [x, y]: Position) -> bool {
    let crosses = |edge: &&[Position]| {
        let ([x1, y1], [x2, y2]) = (edge[0], edge[1]);
        (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
    };
    ring.windows(2).filter(crosses).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a clockwise square.
    fn square(x: f64, y: f64, side: f64) -> Vec<Position> {
        vec![
            [x, y],
            [x, y + side],
            [x + side, y + side],
            [x + side, y],
            [x, y],
        ]
    }

    fn reversed(mut ring: Vec<Position>) -> Vec<Position> {
        ring.reverse();
        ring
    }

    #[test]
    fn a_hole_belongs_to_the_innermost_ring_around_it() {
        let island_in_lake = square(40.0, 40.0, 20.0);
        let pond_on_island = square(45.0, 45.0, 5.0);
        let elsewhere = square(200.0, 0.0, 10.0);
        let lake = square(20.0, 20.0, 60.0);
        let land = square(0.0, 0.0, 100.0);
        let rings = vec![
            reversed(pond_on_island.clone()),
            land.clone(),
            elsewhere.clone(),
            reversed(lake.clone()),
            island_in_lake.clone(),
        ];
        let expected = vec![
            vec![reversed(land), lake],
            vec![reversed(elsewhere)],
            vec![reversed(island_in_lake), pond_on_island],
        ];
        assert_eq!(polygons(rings), Ok(expected.clone()));
        assert!(signed_area(&expected[0][0]) > 0.0, "counter-clockwise");
        assert!(signed_area(&expected[0][1]) < 0.0, "clockwise");
    }

    #[test]
    fn a_hole_may_touch_its_outer_ring() {
        let touching = vec![[0.0, 0.0], [5.0, 1.0], [5.0, 2.0], [0.0, 0.0]];
        let rings = vec![square(0.0, 0.0, 10.0), touching];
        let grouped = polygons(rings).expect("a polygon");
        assert_eq!(grouped.len(), 1);
        assert_eq!(grouped[0].len(), 2);
    }

    #[test]
    fn rings_that_are_not_polygons_are_refused() {
        let orphan = reversed(square(50.0, 50.0, 5.0));
        assert_eq!(
            polygons(vec![square(0.0, 0.0, 10.0), orphan]),
            Err(RingError::Orphan)
        );
        let mut open = square(0.0, 0.0, 10.0);
        open.pop();
        assert_eq!(polygons(vec![open]), Err(RingError::Open));
    }
}
