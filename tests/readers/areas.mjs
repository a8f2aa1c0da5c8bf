/**
 * Reads a GeoParquet file of areas. `node areas.mjs FILE NAME` prints the coordinates of each area by the column NAME, the
 * file's metadata, and the box around all coordinates.
 */
import { readFileSync } from "node:fs";

import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

const bytes = readFileSync(process.argv[2]);
const name = process.argv[3];
const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const metadata = parquetMetadata(file);
const geo = JSON.parse(metadata.key_value_metadata.find(({ key }) => key === "geo").value);
const rows = await parquetReadObjects({ file, metadata, compressors });
const positions = rows.flatMap(({ geometry }) =>
  geometry.type === "Polygon" ? geometry.coordinates.flat() : geometry.coordinates.flat(2),
);
const [longitudes, latitudes] = [0, 1].map((axis) => positions.map((position) => position[axis]));
const smallest = (values) => values.reduce((one, other) => Math.min(one, other));
const largest = (values) => values.reduce((one, other) => Math.max(one, other));
console.log(
  JSON.stringify({
    areas: Object.fromEntries(rows.map((row) => [row[name], row.geometry.coordinates])),
    types: [...new Set(rows.map(({ geometry }) => geometry.type))].sort(),
    people: rows.reduce((sum, { population }) => sum + population, 0),
    box: [smallest(longitudes), smallest(latitudes), largest(longitudes), largest(latitudes)],
    geo,
  }),
);
