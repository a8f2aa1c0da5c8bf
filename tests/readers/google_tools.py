"""Google's command-line tools, where a machine has them: whether they list and read what the pipeline wrote.

google_tools.py BUCKET SITE PROJECT DATASET TABLE    prints one JSON object:
    missing    the tools that are not installed
    gcloud     the SHA-256 of every object of the bucket, as `gcloud storage` copies them
    site       the same of the site at BUCKET/PREFIX, as docs/deploy.md has it copied
    gsutil     the same by `gsutil`
    bq         the tables of the dataset, and the number of rows of the table

The emulators are named by STORAGE_EMULATOR_HOST and BIGQUERY_EMULATOR_HOST. No tool has an account, and each has five
minutes. gsutil speaks TLS only, so that a relay decrypts what it sends.
"""

import asyncio
import contextlib
import datetime
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PATIENCE = 300


def run(scratch: Path, *command: str, **variables: str) -> str:
    """Returns what a tool prints. It sees the machine's PATH, and no configuration or account of its user."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "CLOUDSDK_CONFIG": str(scratch / "config"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        **variables,
    }
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# https://cloud.google.com/sdk/gcloud/reference/topic/configurations
GCLOUD = {
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{os.environ['STORAGE_EMULATOR_HOST']}/storage/v1/",
    "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
    "CLOUDSDK_CORE_PROJECT": "emulated",
}


def gcloud(scratch: Path, bucket: str) -> dict[str, str]:
    folder = scratch / "copied"
    folder.mkdir()
    run(scratch, *["gcloud", "storage", "rsync", "--recursive", f"gs://{bucket}", str(folder)], **GCLOUD)
    return digests(folder)


def site(scratch: Path, published: str) -> dict[str, str]:
    deploy = (Path(__file__).parents[2] / "docs/deploy.md").read_text()
    (command,) = re.findall(r"`(\S.*-site.*) && make serve`", deploy)
    folder = scratch / "site"
    for documented, here in {"gs://$PROJECT-toronto-311-site": f"gs://{published}", ".local/site": str(folder)}.items():
        assert documented in command
        command = command.replace(documented, here)
    run(scratch, "bash", "-euc", command, **GCLOUD)
    return digests(folder)


def gsutil(scratch: Path, bucket: str) -> dict[str, str]:
    # https://cloud.google.com/storage/docs/boto-gsutil
    folder = scratch / "copied"
    folder.mkdir()
    with relay(scratch, os.environ["STORAGE_EMULATOR_HOST"]) as port:
        config = scratch / "boto.cfg"
        config.write_text(
            f"[Credentials]\ngs_json_host = 127.0.0.1\ngs_json_port = {port}\n"
            "[Boto]\nhttps_validate_certificates = False\n"
            "[GSUtil]\ncheck_hashes = if_fast_else_skip\nparallel_process_count = 1\n"
            f"state_dir = {scratch / 'state'}\n"
        )
        command = ["gsutil", "-q", "-m", "rsync", "-r", f"gs://{bucket}", str(folder)]
        run(scratch, *command, BOTO_CONFIG=str(config), CLOUDSDK_AUTH_DISABLE_CREDENTIALS="true")
    return digests(folder)


def bq(scratch: Path, project: str, dataset: str, table: str) -> dict:
    # https://cloud.google.com/bigquery/docs/reference/bq-cli-reference
    root = Path(shutil.which("bq")).resolve().parents[1]
    described = root / "platform/bq/discovery_next/bigquery.json"
    common = [
        "bq",
        f"--api={os.environ['BIGQUERY_EMULATOR_HOST']}",
        f"--discovery_file={described}",
        "--oauth_access_token=none",
        f"--project_id={project}",
        "--format=json",
    ]
    listed = json.loads(run(scratch, *common, "ls", "--max_results=1000", f"{project}:{dataset}"))
    query = f"SELECT COUNT(*) AS n FROM `{project}.{dataset}.{table}`"  # noqa: S608, the test's own names
    counted = json.loads(run(scratch, *common, "query", "--use_legacy_sql=false", query))
    tables = sorted(found["tableReference"]["tableId"] for found in listed)
    return {"tables": tables, "rows": int(counted[0]["n"])}


@contextlib.contextmanager
def relay(scratch: Path, url: str) -> Iterator[int]:
    """Relays TLS connections to the plain ones of `url`. Returns the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(scratch))
    upstream = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = await asyncio.open_connection(upstream.hostname, upstream.port)
        with contextlib.suppress(OSError):
            await asyncio.gather(copy(reader, to_server[1]), copy(to_server[0], writer))

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def certificate(scratch: Path) -> Path:
    """Returns a file with a new key and its certificate, for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    valid = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    signed = valid.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path = scratch / "certificate.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + signed.public_bytes(pem))
    return path


def main(bucket: str, published: str, project: str, dataset: str, table: str) -> None:
    tools: dict[str, Callable[[Path], dict]] = {
        "gcloud": lambda scratch: gcloud(scratch, bucket),
        "site": lambda scratch: site(scratch, published),
        "gsutil": lambda scratch: gsutil(scratch, bucket),
        "bq": lambda scratch: bq(scratch, project, dataset, table),
    }
    installed = [name for name in tools if shutil.which({"site": "gcloud"}.get(name, name))]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        found = {}
        for name in installed:
            scratch = Path(folder, name)
            scratch.mkdir()
            found[name] = pool.submit(tools[name], scratch)
        result = {name: future.result() for name, future in found.items()}
    json.dump({"missing": [name for name in tools if name not in installed], **result}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
