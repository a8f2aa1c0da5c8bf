"""Emulates the APIs that the workflow calls: Cloud Run executes the jobs' real binaries, Workflows remembers
executions, and Cloud Storage is its emulator. Requests were checked against the discovery documents."""

import json
import os
import re
import subprocess
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import emulator
from conftest import MODULE, ROOT

PROJECT, LOCATION, WORKFLOW = "toronto-311-test", "northamerica-northeast1", "toronto-311"
PARENT = f"projects/{PROJECT}/locations/{LOCATION}"
BINARIES = ROOT / "target" / "debug"


def result_of(code: int | None) -> dict:
    """At most one of exitCode and termSignal is set, and neither if it is zero or if the container did not start:
    https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs.executions.tasks#TaskAttemptResult"""
    if code is None:
        return {"status": {"code": 5, "message": "Image not found"}}
    if code < 0:
        return {"termSignal": -code, "status": {"code": 13, "message": "Memory limit of 4096 MiB exceeded"}}
    return {"exitCode": code} if code else {}


class Cloud:
    """A project with four jobs, whose environments are planned; `settings` replace and add to them."""

    def __init__(
        self, storage: str, bucket: str, workflow_environment: dict[str, str], environments: dict[str, dict[str, str]]
    ) -> None:
        self.storage = storage
        self.bucket = bucket
        self.workflow_environment = workflow_environment
        self.environments = environments
        # Builds have been rolled out to all jobs.
        self.images = {job: f"images/{job}@sha256:1" for job in environments}
        self.settings: dict[str, dict[str, str]] = {job: {} for job in environments}
        self.binaries = {job: BINARIES / job for job in environments}
        # The content type of the lake's objects; the emulator has another default.
        self.content_type = "application/json"
        # Tasks that are killed before they end, and that cannot be started.
        self.killed: set[tuple[str, int]] = set()
        self.unstarted: set[tuple[str, int]] = set()
        # The executions, in order: the job, its exit codes, negative for a signal and none without a start, and the
        # environment that the request gave.
        self.executed: list[tuple[str, list[int | None], dict[str, str]]] = []
        self.logs: list[str] = []
        self.executions: dict[str, dict] = {}
        self.successes: list[dict] = []
        self.slept: list[float] = []
        # Called while the workflow waits for a retry.
        self.meanwhile = lambda: None
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def run(self, arguments: dict | None = None) -> dict:
        """Executes the workflow and remembers its success. Raises `emulator.Failed`."""
        execution = str(uuid.uuid4())
        environment = {
            "GOOGLE_CLOUD_PROJECT_ID": PROJECT,
            "GOOGLE_CLOUD_LOCATION": LOCATION,
            "GOOGLE_CLOUD_WORKFLOW_ID": WORKFLOW,
            "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": execution,
            **self.workflow_environment,
            "LAKE_BUCKET": self.bucket,
        }
        result = emulator.execute(MODULE / "workflow.yaml", self.address, environment, arguments, self.sleep)
        name = f"{PARENT}/workflows/{WORKFLOW}/executions/{execution}"
        self.successes.insert(0, {"name": name, "state": "SUCCEEDED", "result": json.dumps(result)})
        return result

    def stages_since(self, count: int) -> list[str]:
        return [job for job, _, _ in self.executed[count:]]

    def sleep(self, seconds: float) -> None:
        """Records a pause without waiting."""
        self.slept.append(seconds)
        if seconds >= 60:
            self.meanwhile()
        else:
            time.sleep(0.05)

    # Cloud Run

    def run_job(self, job: str, body: dict) -> dict:
        overrides = body["overrides"]
        count = overrides["taskCount"]
        given = {item["name"]: item["value"] for item in overrides["containerOverrides"][0]["env"]}
        name = f"{PARENT}/jobs/{job}/executions/{job}-{uuid.uuid4().hex[:5]}"
        log = f"https://console.cloud.google.com/logs/{name.rsplit('/', 1)[1]}"
        self.executions[name] = {"name": name, "taskCount": count, "runningCount": count, "logUri": log, "tasks": []}
        threading.Thread(target=self.execute, args=(name, job, count, given), daemon=True).start()
        metadata = {"@type": "type.googleapis.com/google.cloud.run.v2.Execution", "name": name, "logUri": log}
        return {"name": f"{PARENT}/operations/{uuid.uuid4()}", "metadata": metadata, "done": False}

    def execute(self, name: str, job: str, count: int, given: dict[str, str]) -> None:
        with ThreadPoolExecutor(count) as pool:
            codes = list(pool.map(lambda index: self.execute_task(name, job, index, count, given), range(count)))
        with self.lock:
            self.executed.append((job, codes, given))
            succeeded = codes.count(0)
            # Cloud Run omits zeros.
            counts = {"succeededCount": succeeded, "failedCount": count - succeeded}
            self.executions[name] |= {field: number for field, number in counts.items() if number}
            self.executions[name] |= {
                "completionTime": "2026-11-01T11:00:00Z",
                "runningCount": 0,
                "tasks": [
                    {"name": f"{name}/tasks/{index}", "lastAttemptResult": result_of(code)}
                    for index, code in enumerate(codes)
                ],
            }

    def execute_task(self, name: str, job: str, index: int, count: int, given: dict[str, str]) -> int | None:
        environment = {
            **self.environments[job],
            **self.settings[job],
            **given,
            "PATH": os.environ["PATH"],
            "CLOUD_RUN_JOB": job,
            "CLOUD_RUN_EXECUTION": name.rsplit("/", 1)[1],
            "CLOUD_RUN_TASK_INDEX": str(index),
            "CLOUD_RUN_TASK_COUNT": str(count),
        }
        if (job, index) in self.unstarted:
            return None
        if (job, index) in self.killed:
            return -9
        binary = self.binaries[job]
        # Cloud Run kills a task at its timeout as well; without it, the workflow would watch the execution forever.
        try:
            done = subprocess.run([binary], env=environment, capture_output=True, text=True, timeout=1800, check=False)
        except subprocess.TimeoutExpired:
            return -9
        self.logs.append(done.stdout)
        return done.returncode

    # The requests

    def answer(self, path: str, query: dict, body: dict) -> dict | bytes | None:
        """A resource, the content of an object, or nothing if there is no such method."""
        # A page may be empty although others follow, so every list starts with one.
        if "pageSize" in query or "prefix" in query:
            page = query.pop("pageToken", "")
            if not page:
                return {"nextPageToken": "first"}
            if page != "first":
                query["pageToken"] = page
        if match := re.fullmatch(rf"/run/v2/{PARENT}/jobs/([\w-]+)", path):
            return {"template": {"template": {"containers": [{"image": self.images[match[1]]}]}}}
        if match := re.fullmatch(rf"/run/v2/{PARENT}/jobs/([\w-]+):run", path):
            return self.run_job(match[1], body)
        if match := re.fullmatch(r"/run/v2/(.+/executions/[^/]+)/tasks", path):
            return {"tasks": self.executions[match[1]]["tasks"]}
        if match := re.fullmatch(r"/run/v2/(.+/executions/[^/]+)", path):
            with self.lock:
                return {field: value for field, value in self.executions[match[1]].items() if field != "tasks"}
        if path == f"/storage/storage/v1/b/{self.bucket}/o":
            url = f"{self.storage}/storage/v1/b/{self.bucket}/o?{urlencode(query)}"
            with urllib.request.urlopen(url, timeout=60) as response:
                return json.loads(response.read())
        if match := re.fullmatch(rf"/storage/storage/v1/b/{self.bucket}/o/(.+)", path):
            assert query == {"alt": "media"}, "without it the content is omitted"
            url = f"{self.storage}/storage/v1/b/{self.bucket}/o/{quote(match[1], safe='')}?alt=media"
            with urllib.request.urlopen(url, timeout=60) as response:
                return response.read()
        if path == f"/workflowexecutions/v1/{PARENT}/workflows/{WORKFLOW}/executions":
            assert query["filter"] == 'state="SUCCEEDED"'
            assert query["view"] == "FULL", "without it the results are omitted"
            # Each page has one execution, and the token is the index of the next.
            start = int(query.get("pageToken", 0))
            found = {"executions": self.successes[start : start + 1]} if self.successes[start:] else {}
            return found | ({"nextPageToken": str(start + 1)} if self.successes[start + 1 :] else {})
        return None

    def handler(self) -> type[BaseHTTPRequestHandler]:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                answer = cloud.answer(unquote(url.path), query, body)
                is_object = isinstance(answer, bytes)
                missing = {"error": f"no such method: {self.path}"}
                content = answer if is_object else json.dumps(missing if answer is None else answer).encode()
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Type", cloud.content_type if is_object else "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        return Handler
