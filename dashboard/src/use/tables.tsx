import { DATA } from "../data/catalog.ts";
import { format, text } from "../strings.ts";
import type { DescribedCatalog, DescribedFile, DescribedTable } from "./catalog.ts";

/** Every table with its size, files and columns. */
export function Tables({ catalog }: { catalog: DescribedCatalog }) {
  return (
    <section class="panel" aria-labelledby="tables">
      <h2 id="tables">{text.use.tables}</h2>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll it */}
      <div class="scroll-x" tabIndex={0} role="group" aria-labelledby="tables">
        <table class="tables">
          <thead>
            <tr>
              <th scope="col">{text.use.table}</th>
              <th scope="col" class="number">
                {text.use.rows}
              </th>
              <th scope="col" class="number">
                {text.use.size}
              </th>
              <th scope="col">{text.use.files}</th>
            </tr>
          </thead>
          <tbody>
            {[...(catalog.datasets ?? []), ...catalog.marts].map((table) => (
              <Row key={table.name} table={table} />
            ))}
          </tbody>
        </table>
      </div>
      <p>
        <a href="docs/index.html">{text.use.dictionary}</a>
      </p>
    </section>
  );
}

function Row({ table }: { table: DescribedTable }) {
  const { name, description, rows, bytes, columns = [], files } = table;
  return (
    <tr>
      <th scope="row">
        <code>{name}</code>
        <p>{description.replaceAll("`", "")}</p>
        {columns.length > 0 && (
          <details>
            <summary>{text.use.columns(columns.length)}</summary>
            <dl class="columns-of">
              {columns.map((column) => (
                <div key={column.name}>
                  <dt>
                    <code>{column.name}</code> {column.type}
                  </dt>
                  <dd>{column.description.replaceAll("`", "")}</dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </th>
      <td class="number">{format.integer(rows)}</td>
      <td class="number">{text.use.bytes(bytes)}</td>
      <td class="files">
        {table.address !== undefined && <a href={DATA + table.address}>{text.use.whole("parquet")}</a>}
        {files.map((file) => (
          <FileLink key={file.path} file={file} isWhole={table.address !== undefined} />
        ))}
        <a href={`${DATA}contracts/${name}.odcs.json`}>{text.use.contract}</a>
      </td>
    </tr>
  );
}

/** A link to a file, at its stable address if it has one. */
function FileLink({ file, isWhole }: { file: DescribedFile; isWhole: boolean }) {
  const kind = file.path.endsWith(".csv.gz") ? "csv" : "parquet";
  // The address of the table has the content of its only file.
  if (file.year === undefined && isWhole) return null;
  const name = file.year === undefined ? text.use.whole(kind) : text.use.year(file.year, kind);
  return <a href={DATA + (file.address ?? file.path)}>{name}</a>;
}
