"""Writes fsa_wards.csv: the wards of each forward sortation area, with their shares of its ground.

Usage: python3 fsa_wards.py DIRECTORY > fsa_wards.csv, with `city-wards.geojson` and `forward-sortation-areas.geojson`
in DIRECTORY (tests/fixtures/city/boundaries).

Along lines of latitude some 50 metres apart it takes the stretches that lie in an area and in a ward at once; a share
is the length of an area's stretches in a ward over the length of all of them. Shares below one percent are slivers of
two files that do not fit exactly, and are dropped.

The file also names a ward of the 44-ward model for each pair. Without polygons of those wards, it is the one whose
centre, read off a map, is nearest to the middle of the stretches: an approximation, which puts each pair in one ward
only.
"""

import json
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

STEP = 0.00045
"""Degrees of latitude between two lines."""

SLIVER = 0.01

CENTRES_44 = {
    1: (43.735, -79.600), 2: (43.700, -79.570), 3: (43.650, -79.585), 4: (43.675, -79.530), 5: (43.640, -79.530),
    6: (43.605, -79.510), 7: (43.745, -79.535), 8: (43.765, -79.500), 9: (43.735, -79.475), 10: (43.765, -79.445),
    11: (43.695, -79.510), 12: (43.695, -79.475), 13: (43.650, -79.475), 14: (43.640, -79.440), 15: (43.705, -79.450),
    16: (43.720, -79.410), 17: (43.675, -79.455), 18: (43.655, -79.435), 19: (43.650, -79.410), 20: (43.655, -79.395),
    21: (43.690, -79.425), 22: (43.695, -79.390), 23: (43.775, -79.425), 24: (43.785, -79.390), 25: (43.740, -79.390),
    26: (43.710, -79.355), 27: (43.675, -79.380), 28: (43.655, -79.365), 29: (43.685, -79.345), 30: (43.665, -79.340),
    31: (43.695, -79.310), 32: (43.675, -79.290), 33: (43.785, -79.345), 34: (43.745, -79.325), 35: (43.715, -79.280),
    36: (43.705, -79.250), 37: (43.755, -79.275), 38: (43.765, -79.235), 39: (43.800, -79.310), 40: (43.785, -79.285),
    41: (43.815, -79.265), 42: (43.820, -79.200), 43: (43.755, -79.190), 44: (43.785, -79.150),
}  # fmt: skip
"""Latitude and longitude."""


def shapes(path: Path, name: str) -> dict[str, list[list[tuple[float, float]]]]:
    """Returns the rings of each feature by a property."""
    found = {}
    for feature in json.loads(path.read_text())["features"]:
        geometry = feature["geometry"]
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        rings = [[tuple(at[:2]) for at in ring] for polygon in polygons for ring in polygon]
        found[str(feature["properties"][name])] = rings
    return found


def stretches(rings: list[list[tuple[float, float]]]) -> dict[int, list[float]]:
    """Returns the longitudes at which the rings cross each line, in order: the ground is between every other pair."""
    lines = defaultdict(list)
    for ring in rings:
        for (x1, y1), (x2, y2) in pairwise(ring):
            low, high = sorted((y1 / STEP, y2 / STEP))
            for line in range(int(low) + 1, int(high) + 1):
                lines[line].append(x1 + (line * STEP - y1) / (y2 - y1) * (x2 - x1))
    return {line: sorted(crossings) for line, crossings in lines.items()}


def nearest_of_44(latitude: float, longitude: float) -> int:
    """Returns the ward of the 44-ward model whose centre is nearest."""

    def distance(ward: int) -> float:
        y, x = CENTRES_44[ward]
        # Here a degree of longitude is 0.72 of a degree of latitude.
        return (y - latitude) ** 2 + (0.72 * (x - longitude)) ** 2

    return min(CENTRES_44, key=distance)


def main() -> None:
    folder = Path(sys.argv[1])
    ward_shapes = shapes(folder / "city-wards.geojson", "AREA_SHORT_CODE")
    wards = {int(ward): stretches(rings) for ward, rings in ward_shapes.items()}
    print(
        "# Written by fsa_wards.py from the boundaries of wards and forward sortation areas; "
        "it documents what the shares are."
    )
    print("fsa,ward_25,ward_44,share")
    for fsa, rings in sorted(shapes(folder / "forward-sortation-areas.geojson", "CFSAUID").items()):
        pieces = defaultdict(list)
        for line, area in stretches(rings).items():
            for ward, lines in wards.items():
                crossings = lines.get(line, ())
                for west, east in zip(area[::2], area[1::2]):
                    for left, right in zip(crossings[::2], crossings[1::2]):
                        if max(west, left) < min(east, right):
                            pieces[ward].append((line * STEP, max(west, left), min(east, right)))
        lengths = {ward: sum(east - west for _, west, east in of_ward) for ward, of_ward in pieces.items()}
        total = sum(lengths.values())
        kept = {ward: length for ward, length in lengths.items() if length >= SLIVER * total}
        for ward, length in sorted(kept.items()):
            latitude, longitude = (
                sum(value * (east - west) for value, west, east in values) / length
                for values in (
                    [(line, west, east) for line, west, east in pieces[ward]],
                    [((west + east) / 2, west, east) for _, west, east in pieces[ward]],
                )
            )
            print(f"{fsa},{ward},{nearest_of_44(latitude, longitude)},{length / sum(kept.values()):.4f}")


if __name__ == "__main__":
    main()
