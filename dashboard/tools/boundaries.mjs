// Makes the boundaries of the map: node tools/boundaries.mjs WARDS.geojson FSAS.geojson
//
// Reads the City's wards and Statistics Canada's forward sortation areas as extract-job stores them, simplifies them with
// their common borders kept, and writes public/boundaries/{wards,fsas}.topo.json. Their names and areas are in
// src/data/areas.json, because the first figures need those without the boundaries. The area is that of the full polygon.
import { readFileSync, writeFileSync } from "node:fs";
import { geoArea } from "d3-geo";
import { quantize } from "topojson-client";
import { topology } from "topojson-server";
import { presimplify, simplify } from "topojson-simplify";

const EARTH_RADIUS_KM = 6371.0088;
/** The ground of the corners that simplification removes, in square metres: 25 m, or 4 pixels of the largest zoom. */
const CORNER = 300;
/** The square metres of a degree by a degree, at the latitude of Toronto. */
const SQUARE_DEGREE = ((EARTH_RADIUS_KM * 1000 * Math.PI) / 180) ** 2 * Math.cos((43.7 * Math.PI) / 180);
const GRID = 1e4;
/** Fine enough to change nothing, coarse enough for common borders to be the same points. */
const SNAP = 1e6;

/** Writes the boundaries of a file, and returns the id, name and area of each. */
function write(name, path, describe) {
  const { features } = JSON.parse(readFileSync(path, "utf8"));
  const described = features.map(({ properties, geometry }) => ({ ...describe(properties), geometry }));
  described.sort((a, b) => (a.id < b.id ? -1 : 1));
  const areas = described.map(({ id, geometry }) => ({ type: "Feature", id, properties: {}, geometry }));
  const detailed = presimplify(topology({ areas: { type: "FeatureCollection", features: areas } }, SNAP));
  const simple = quantize(simplify(detailed, CORNER / SQUARE_DEGREE), GRID);
  writeFileSync(`public/boundaries/${name}.topo.json`, `${JSON.stringify(simple)}\n`);
  return described.map(({ id, name, geometry }) => ({
    id: String(id),
    name,
    km2: Number((geoArea(geometry) * EARTH_RADIUS_KM ** 2).toFixed(3)),
  }));
}

const [wards, fsas] = process.argv.slice(2);
const areas = {
  ward: write("wards", wards, ({ AREA_SHORT_CODE, AREA_NAME }) => ({
    id: Number(AREA_SHORT_CODE),
    name: AREA_NAME,
  })),
  fsa: write("fsas", fsas, ({ CFSAUID }) => ({ id: CFSAUID, name: CFSAUID })),
};
writeFileSync("src/data/areas.json", `${JSON.stringify(areas, null, 2)}\n`);
