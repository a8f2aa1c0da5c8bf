"""Reads a part of a Parquet file over HTTP with DuckDB, which asks for ranges.

`python range_reader.py FILE WARD FROM TO` serves FILE on loopback, and prints the number of requests of the ward
created from FROM until before TO, the ranges and bytes that were fetched for it, and the bytes of the file.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import duckdb

COUNT = "select count(*) from read_parquet(?) where ward_id = ? and created_at >= ? and created_at < ?"


class Server(ThreadingHTTPServer):
    """Serves one file, and counts what is fetched of it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.lock = Lock()
        self.ranges: list[int] = []


class Handler(BaseHTTPRequestHandler):
    """Answers with a range (RFC 9110, section 14), or the whole file."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_HEAD(self) -> None:
        self.answer(200, len(self.server.content))

    def do_GET(self) -> None:
        content = self.server.content
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            first, last = int(asked[1]), int(asked[2] or len(content) - 1)
            part = content[first : last + 1]
            self.answer(206, len(part), f"bytes {first}-{first + len(part) - 1}/{len(content)}")
        else:
            part = content
            self.answer(200, len(part))
        with self.server.lock:
            self.server.ranges.append(len(part))
        self.wfile.write(part)

    def answer(self, status: int, length: int, content_range: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(length))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main(file: str, ward: str, start: str, end: str) -> None:
    content = Path(file).read_bytes()
    with Server(content) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/requests.parquet"
        rows = duckdb.connect().execute(COUNT, [url, int(ward), start, end]).fetchall()[0][0]
        server.shutdown()
    fetched = {"ranges": len(server.ranges), "fetched": sum(server.ranges)}
    print(json.dumps({"rows": rows, **fetched, "bytes": len(content)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
