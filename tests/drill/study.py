"""The small study that is drilled: two photographs, two networks, two stimuli; and the root before and after each step."""

import collections
import functools
import hashlib
import http.server
import io
import json
import re
import sys
import tarfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

from bench import Failure, check_ok, restore, results, tree

PROJECT = Path(__file__).resolve().parents[2]
STIMULI = ("tench1-englishspringer1.png", "englishspringer1-tench1.png")


@dataclass
class Step:
    """A call, the root before and after it undisturbed, and what has to be called for that root where it was disturbed."""

    name: str
    call: list
    before: dict
    after: dict
    finish: list
    env: dict
    # Files that are there only on the way, whole.
    between: dict
    # The calls of an undisturbed run that change the disk: number, kind, path.
    calls: list

    @functools.cached_property
    def twice(self):
        """Files that the step writes more than once: tables that grow."""
        written = collections.Counter(path for _, kind, path in self.calls if kind == "rename")
        return {path for path, count in written.items() if count > 1}


class Server:
    """Files on loopback, by ranges too."""

    def __init__(self, files):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = files.get(self.path.strip("/"), b"")
                asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                start = int(asked[1]) if asked else 0
                self.send_response(206 if asked else 200)
                self.send_header("ETag", '"1"')
                self.send_header("Content-Length", str(len(body) - start))
                if asked:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.end_headers()
                try:
                    self.wfile.write(body[start:])
                except OSError:
                    pass  # The one that asked was killed.

            def log_message(self, *_):
                pass

        self.files = files
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def downloads(wheels):
    """A file, an archive and a wheel to be fetched; the server of the first two, and the list that names all three."""
    blob = bytes(number * number % 251 for number in range(700_000))
    packed = io.BytesIO()
    names = [f"cat/cat{number}-dog1.png" for number in range(6)]
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(f"set-1/stimuli/{name}")
            member.size = 3000
            archive.addfile(member, io.BytesIO(blob[:3000]))
    listed = "".join(f"stimuli/{name} {sha256(blob[:3000])}\n" for name in sorted(names))
    wheel = wheels / "drill_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.write(PROJECT / "tests/golden/slim-resnet50.pth", "drill_weights/weights.pth")
        file.writestr("drill_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: drill-weights\nVersion: 1.0\n")
        file.writestr("drill_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("drill_weights-1.0.dist-info/RECORD", "")
    server = Server({"blob.bin": blob, "set.tar.gz": packed.getvalue()})
    archive = {"url": f"{server.address}/set.tar.gz", "take": [["stimuli", "stimuli"]], "files": len(names)}
    package = {"package": "drill-weights", "version": "1.0", "sha256": sha256(wheel.read_bytes())}
    registry = [
        {"name": "drill-file", "files": [{"url": f"{server.address}/blob.bin", "sha256": sha256(blob)}]},
        {"name": "drill-archive", "archive": {**archive, "sha256": sha256(listed.encode())}},
        {
            "name": "drill-wheel",
            "architecture": "slim-resnet50",
            "wheel": {**package, "member": "drill_weights/weights.pth"},
        },
    ]
    return server, json.dumps(registry).encode()


def cut(sample, given):
    """A study of two photographs out of the drawn sample, which is written to a folder of its own: its `study.json`."""
    names = ["Annotation.tar.gz", "networks/resnet50.safetensors", "networks/sin-resnet50.safetensors"]
    names += [f"conflict/{name}" for name in STIMULI]
    files = {name: sample[f"sample/{name}"] for name in names}
    for number in (10, 11):
        name = f"val/n90000001/n90000001_{number}.JPEG"
        files[name] = sample[f"sample/imagenette2/{name}"]
    for name, content in sample.items():
        if name.startswith("sample/decisions/"):
            lines = content.decode().splitlines()
            kept = lines[:1] + [line for line in lines if line.endswith(STIMULI)]
            files[name.removeprefix("sample/")] = ("\n".join(kept) + "\n").encode()
    restore(given, files)
    study = json.loads(sample["study.json"])
    networks = [
        {**network, "weights": network["weights"].replace("sample", str(given), 1)}
        for network in study["networks"]
        if network["name"] in ("resnet50", "sin-resnet50")
    ]
    own = {"name": "drill", "images": [f"{given}/val"], "split": "", "annotations": f"{given}/Annotation.tar.gz"}
    own |= {"conflict": f"{given}/conflict", "networks": networks, "images_per_class": 1}
    own["decisions"] = [{**decisions, "folder": f"{given}/decisions"} for decisions in study["decisions"]]
    return {"study.json": json.dumps({**study, **own}).encode()}


def undisturbed(bench, name, call, before, prepare=(), finish=(), env=None, between=None):
    """A step, done once: after some calls before it, followed by those that finish it."""
    restore(bench.root, before)
    for earlier in prepare:
        check_ok(bench.call(earlier, env))
    start = results(tree(bench.root))
    bench.calls()
    check_ok(bench.call(call, {**(env or {}), **bench.fault("list")}))
    calls = bench.calls()
    check_seen(start, results(tree(bench.root)), calls)
    for one in finish:
        check_ok(bench.call(one, env))
    return Step(name, call, start, results(tree(bench.root)), [call, *finish], env or {}, between or {}, calls)


def check_seen(before, after, calls):
    """Every file that a step made is among the calls that are counted, or in a folder that was renamed as a whole."""
    seen = {path for _, _, path in calls}
    renamed = tuple(f"{path}/" for _, kind, path in calls if kind == "rename")
    for name, content in after.items():
        if content is not None and before.get(name) != content and name not in seen and not name.startswith(renamed):
            raise Failure(f"{name} was made by calls that are not counted")


def sequence(bench, begun):
    """Steps 1 to 6, each on what those before it left."""
    calls = [["boxes"], ["subset"], ["edges"], ["datasets"], ["observe"], ["run"], ["features"], ["convert"]]
    calls += [["relevance"], ["overlap"], ["analyse"], ["ablate", "D6"]]
    steps, now = [], begun
    for number, call in zip("1 2 3 4 5 5 5 5.1 5.2 5.3 6 6".split(), calls):
        steps.append(undisturbed(bench, f"{number} {call[0]}", call, now))
        now = steps[-1].after
    return steps


def variants(bench, steps):
    """Steps anew by another protocol, shards, and what joins them."""
    found = []
    for step in (step for step in steps if step.call[0] in ("edges", "datasets")):
        found.append(undisturbed(bench, f"{step.name} anew", [*step.call, "--protocol", "published"], step.after))
    for step in (step for step in steps if step.call[0] in ("edges", "run")):
        name = step.call[0]
        shards, merge = [[name, "--shard", f"{index}/2"] for index in (0, 1)], ["merge", name]
        found.append(undisturbed(bench, f"{step.name}, shard", shards[0], step.before, finish=[shards[1], merge]))
        found.append(undisturbed(bench, f"{step.name}, merge", merge, step.before, prepare=shards))
    for step in (step for step in steps if step.call[0] == "overlap"):
        # Its merge goes on with what is not shared out, since all others are done.
        shards = [["overlap", "--shard", f"{index}/2"] for index in (0, 1)]
        found.append(undisturbed(bench, f"{step.name}, merge", ["merge", "overlap"], step.before, prepare=shards))
    return found


def fetched(bench, wheels):
    """Downloads; the server, which has to live as long as they are drilled, is on loopback."""
    server, registry = downloads(wheels)
    # No word of a person's own settings of pip.
    env = {"LGF_PYTHON": sys.executable, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": "/dev/null"}
    between = {"downloads/drill-archive.tar.gz": server.files["set.tar.gz"]}
    root = {"networks.json": registry}
    return [
        undisturbed(bench, f"fetch {name}", ["fetch", f"drill-{name}"], root, env=env, between=between)
        for name in ("file", "archive", "wheel")
    ]


def sampled(bench):
    """Step 0: the drawn sample, and annotations as ImageNet's."""
    call = ["sample", "--annotations", "imagenet", "--share", "0.001"]
    return [undisturbed(bench, "0 sample", ["sample"], {}), undisturbed(bench, "0 annotations", call, {})]


def whole(bench, begun):
    """All steps in one call."""
    return undisturbed(bench, "all", ["all"], begun)
