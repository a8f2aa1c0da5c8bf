// Fails if files import each other in a circle, types included: node tools/circles.mjs FOLDER...
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

/** The files that each file imports, by path. Every import of this project is written with its extension. */
function readImports(folders) {
  const sources = folders
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)))
    .filter((path) => /\.tsx?$/.test(path));
  return new Map(
    sources.map((path) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(path, "utf8"));
      const local = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith("."));
      const imported = local.map((name) => join(dirname(path), name));
      const missing = imported.find((file) => !existsSync(file));
      if (missing) throw new Error(`${path} imports ${missing}, which does not exist`);
      return [path, imported.filter((file) => sources.includes(file))];
    }),
  );
}

/** The circles, each as the paths from a file back to itself. */
function circlesIn(imports) {
  const circles = [];
  const done = new Set();
  const visit = (path, trail) => {
    const start = trail.indexOf(path);
    if (start >= 0) circles.push([...trail.slice(start), path]);
    if (start >= 0 || done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return circles;
}

const circles = circlesIn(readImports(process.argv.slice(2)));
for (const circle of circles) console.error(`import circle: ${circle.join(" -> ")}`);
process.exitCode = circles.length > 0 ? 1 : 0;
