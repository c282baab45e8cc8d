# SPDX-License-Identifier: Apache-2.0
"""Records in the Confluent wire format, with a registry that is well, sick, slow or away."""

import collections
import http.server
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

import cdrs
import harness

PRESENT, FIRST, NEWER, OTHER, ABSENT = 1, 2, 70_000, 4, 99
UNREADY_S = 15  # of the processor: as long without progress, and /readyz says so


class Registry:
    """GET /schemas/ids/{id}, in a mode that the test sets."""

    def __init__(self):
        self.schemas = {}
        self.mode = "well"
        self.port = 0
        self.server = None
        self.asked = collections.Counter()
        self.authorization = None

    def start(self):
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                registry.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def answer(self, request):
        self.asked[request.path] += 1
        self.authorization = request.headers.get("Authorization")
        if self.mode == "silent":
            time.sleep(5)
            return
        if self.mode == "well":
            number = int(request.path.removeprefix("/schemas/ids/"))
            if number in self.schemas:
                status, body = 200, json.dumps({"schema": json.dumps(self.schemas[number])})
            else:
                status, body = 404, '{"error_code":40403,"message":"Schema not found"}'
        else:
            status, body = {"500": (500, "{}"), "html": (200, "<html>Log in</html>")}[self.mode]
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body.encode())


@pytest.fixture
def registry():
    made = Registry().start()
    made.schemas = {
        PRESENT: cdrs.CDR.json,
        FIRST: cdrs.Writer.of("history/call_detail_record.1.avsc").json,
        NEWER: cdrs.unknown_enum_schema(),
        OTHER: cdrs.OTHER_SCHEMA,
    }
    yield made
    made.stop()


def wire(registry, number, record):
    """A message of the writer of that schema."""
    writer = cdrs.Writer(registry.schemas[number])
    names = {field["name"] for field in writer.json["fields"]}
    body = writer.encode({k: v for k, v in record.items() if k in names})[10:]
    return b"\0" + number.to_bytes(4, "big") + body


@pytest.fixture
def registry_world(new_world, registry):
    def make(login="", settings=None, **options):
        url = f"http://{login}127.0.0.1:{registry.port}"
        own = {"schema_registry": {"url": url, "timeout_ms": "1s"}}
        world = new_world(settings=harness.merged(own, settings or {}), **options).make()
        world.numbered_schemas = {
            number: schema for number, schema in registry.schemas.items() if number != OTHER
        }
        return world

    return make


def send(world, registry, count, number=PRESENT):
    records = [world.calls.good() for _ in range(count)]
    world.produce(
        (b"key", wire(registry, number, record), world.calls.pick_of(record["account_id"]))
        for record in records
    )


def reasons(world):
    return dict(world.query("SELECT reason, count(*) FROM dead_letter GROUP BY reason"))


@pytest.mark.smoke
def test_records_of_every_known_writer_are_settled(registry, registry_world):
    world = registry_world(settings={"workers": 2})
    world.produce(world.calls.stream(200, malformed=0))
    for number in (PRESENT, FIRST, NEWER):
        send(world, registry, 200, number)
    world.produce(world.calls.stream(200, malformed=0))
    world.drain()
    assert world.assert_books()["settled"] > 800
    assert registry.asked == {f"/schemas/ids/{n}": 1 for n in (PRESENT, FIRST, NEWER)}


def test_what_no_schema_can_read_is_a_dead_letter(registry, registry_world):
    world = registry_world()
    good = wire(registry, PRESENT, world.calls.answered())
    cases = {
        b"\0" + ABSENT.to_bytes(4, "big") + good[5:]: "schema id 99: ",
        wire(registry, OTHER, {"x": 1}): "schema id 4: it is of the record Other",
    }
    world.produce((b"key", value, 0) for value in (*cases, good))
    world.drain()
    rows = world.query('SELECT reason, message FROM dead_letter ORDER BY "offset"')
    assert [reason for reason, _ in rows] == ["unknown_schema"] * 2
    for (_, message), words in zip(rows, cases.values(), strict=True):
        assert words in message
    assert world.assert_books()["settled"] == 1


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as err:
        assert err.code == 503
        return False


@pytest.mark.parametrize("mode", ["away", "500", "silent", "html"])
def test_while_the_registry_is_sick_records_wait(registry, registry_world, mode):
    """And what does not need it is settled; nothing is a dead letter, nothing begins anew."""
    world = registry_world()
    world.produce(world.calls.stream(100, duplicates=0, malformed=0))
    processor = world.run()
    world.wait_settled(alive=processor)
    settled = world.settled_offsets()
    if mode == "away":
        registry.stop()
    else:
        registry.mode = mode
    send(world, registry, 100)
    harness.wait_for("it waits", lambda: processor.said("waits_for_schema"), 20)
    time.sleep(3)
    assert world.settled_offsets() == settled
    assert sum(registry.asked.values()) < 10
    registry.mode = "well"
    if mode == "away":
        registry.start()
    world.wait_settled(alive=processor)
    assert processor.said("schema_found") and not processor.said("begin_anew")
    processor.stop()
    assert reasons(world) == {}
    world.assert_books()


def test_readiness_tells_that_records_wait(registry, registry_world):
    port = free_port()
    world = registry_world(settings={"http": {"listen": f"127.0.0.1:{port}"}})
    registry.stop()
    processor = world.run()
    harness.wait_for("ready", lambda: processor.said("started") and ready(port), 20)
    send(world, registry, 50)
    harness.wait_for("not ready", lambda: not ready(port), UNREADY_S + 10, every=0.5)
    registry.start()
    world.wait_settled(alive=processor)
    harness.wait_for("ready again", lambda: ready(port), 10)
    processor.stop()
    assert reasons(world) == {}


def test_a_processor_that_waits_can_be_stopped(registry, registry_world):
    world = registry_world()
    registry.mode = "silent"
    send(world, registry, 50)
    processor = world.run()
    harness.wait_for("it waits", lambda: processor.said("waits_for_schema"), 20)
    processor.stop()
    registry.mode = "well"
    world.drain()
    assert world.assert_books()["settled"] == 50


def test_a_restart_needs_no_registry(registry, registry_world, tmp_path):
    cache = tmp_path / "schemas"
    world = registry_world(settings={"schema_registry": {"cache_dir": str(cache)}})
    send(world, registry, 50)
    world.drain()
    registry.stop()
    assert len(list(cache.iterdir())) == 1
    send(world, registry, 50)
    world.drain(name="again")
    assert world.assert_books()["settled"] == 100


def test_the_password_is_sent_and_never_told(registry, registry_world):
    world = registry_world(login="ann:geheim@")
    shown = world.tollstream("check-config").stdout
    registry.mode = "500"
    send(world, registry, 10)
    processor = world.run()
    harness.wait_for("it waits", lambda: processor.said("waits_for_schema"), 20)
    registry.mode = "well"
    world.wait_settled(alive=processor)
    processor.stop()
    assert registry.authorization == "Basic YW5uOmdlaGVpbQ=="
    assert "127.0.0.1" in shown and "geheim" not in shown + processor.log


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "registry:8081"}, "schema_registry.url"),
        ({"cache_dir": "/dev/null/schemas"}, "schema_registry.cache_dir"),
    ],
)
def test_settings_that_can_not_work_are_refused(registry_world, settings, words):
    world = registry_world(settings={"schema_registry": settings})
    processor = world.run()
    assert processor.wait(30) == 2
    assert words in processor.log
