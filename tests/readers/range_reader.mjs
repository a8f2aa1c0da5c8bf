/**
 * Reads a part of a Parquet file over HTTP, by ranges.
 * `node range_reader.mjs FILE WARD FROM TO` serves FILE on loopback, and prints the number of requests of the ward created
 * from FROM until before TO, the bytes that were fetched for it, and those of the file.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";

import { asyncBufferFromUrl, parquetMetadataAsync, parquetQuery } from "hyparquet";
import { compressors } from "hyparquet-compressors";

const [file, ward, from, to] = process.argv.slice(2);
const { size } = statSync(file);
let fetched = 0;
let ranges = 0;

const server = createServer((request, response) => {
  if (request.method === "HEAD") {
    response.writeHead(200, { "Content-Length": size, "Accept-Ranges": "bytes" }).end();
    return;
  }
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "bytes=0-") ?? [];
  const end = last ? Math.min(Number(last), size - 1) : size - 1;
  fetched += end - Number(first) + 1;
  ranges += 1;
  response.writeHead(206, {
    "Content-Length": end - Number(first) + 1,
    "Content-Range": `bytes ${first}-${end}/${size}`,
  });
  createReadStream(file, { start: Number(first), end }).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const url = `http://127.0.0.1:${server.address().port}/requests.parquet`;
const buffer = await asyncBufferFromUrl({ url });
const metadata = await parquetMetadataAsync(buffer, { initialFetchSize: 1 << 15 });
const rows = await parquetQuery({
  file: buffer,
  metadata,
  compressors,
  columns: ["created_at", "ward_id", "service_request_type"],
  filter: { ward_id: { $eq: Number(ward) }, created_at: { $gte: new Date(from), $lt: new Date(to) } },
  useOffsetIndex: true,
});
server.closeAllConnections();
server.close();
console.log(JSON.stringify({ rows: rows.length, ranges, fetched, bytes: size }));
