"""What all drills share: a small study, calls of `lgf` on it, and whether a data root is as it should be."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

# Longest that a call may take: what takes longer hangs.
PATIENCE = 240
# One thread of each pool, so that the n-th call of one run is that of the next.
ONE_THREAD = {"RAYON_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
# What stands for a data root in what links lead to.
ROOT = "DRILL:ROOT"
WRONG_WORDS = ("panicked", "Traceback", "RUST_BACKTRACE", "stack backtrace", "terminate called")


@dataclass
class Done:
    """A call that is over: its exit code (negative: the signal), what it said, its seconds."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Failure(Exception):
    """What was wrong, in words."""

    words: str


class Skipped(Exception):
    """Why a drill cannot be done here."""


@dataclass
class Drill:
    """One drill: the line of the table that it counts in, how many of its kind there are, what one needs to do it again, and
    what it does on a bench; it gives the exit code of the disturbed call."""

    row: str
    points: int
    how: str
    work: Callable


@dataclass
class Row:
    """A line of the table at the end."""

    points: int = 0
    tried: int = 0
    # Of these the calls that ended with an error in words.
    refused: int = 0
    seconds: float = 0.0


@dataclass
class Tally:
    """What passed and what did not."""

    passed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)
    rows: dict = field(default_factory=dict)
    # Seconds of processor time of all calls.
    busy: float = 0.0

    def do(self, drill, bench):
        """Does one drill."""
        row, began = self.rows.setdefault(drill.row, Row()), time.monotonic()
        row.points = max(row.points, drill.points)
        try:
            row.refused += drill.work(bench) == 1
            self.passed += 1
        except Skipped as why:
            self.skipped += 1
            print(f"skipped {drill.row}, {drill.how}: {why}", flush=True)
        except Failure as failure:
            self.fail(f"{drill.row}, {drill.how}: {failure.words}")
        row.tried += 1
        row.seconds += time.monotonic() - began

    def fail(self, words):
        """Counts a failure and says it."""
        self.failures.append(words)
        print(f"FAILED {words}", flush=True)

    def add(self, other):
        """What another process did."""
        self.passed += other.passed
        self.skipped += other.skipped
        self.busy += other.busy
        self.failures += other.failures
        for name, row in other.rows.items():
            own = self.rows.setdefault(name, Row())
            own.points, own.tried = max(own.points, row.points), own.tried + row.tried
            own.refused, own.seconds = own.refused + row.refused, own.seconds + row.seconds


def once(content, known={}):
    """The same object for the same bytes: most files of one root are those of the next."""
    return known.setdefault(hashlib.sha256(content).digest(), content)


def tree(root):
    """The bytes of every file below a folder by its name; of links where they lead; None for folders that hold nothing."""
    found, root = {}, str(root)
    for folder, folders, files in os.walk(root):
        inner = os.path.relpath(folder, root)
        at = "" if inner == "." else inner + "/"
        for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[at + name] = os.readlink(path).replace(root, ROOT, 1)
            else:
                with open(path, "rb") as file:
                    found[at + name] = once(file.read())
        if not folders and not files and at:
            found[at] = None
    return found


def restore(root, wanted):
    """Makes a folder what `tree` found."""
    root = Path(root)
    now = tree(root) if root.exists() else {}
    for name in now.keys() - wanted.keys():
        path = root / name
        path.rmdir() if name.endswith("/") else path.unlink()
    for folder, _, _ in os.walk(root, topdown=False):
        if not os.listdir(folder) and folder != str(root):
            os.rmdir(folder)
    root.mkdir(parents=True, exist_ok=True)
    for name, content in wanted.items():
        path = root / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        elif name not in now or now[name] != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Other names of the same file, as an ablation's, keep what they have.
            path.unlink(missing_ok=True)
            if isinstance(content, str):
                path.symlink_to(content.replace(ROOT, str(root), 1))
            else:
                path.write_bytes(content)


def is_temporary(name):
    """Whether a name says that it is not a result: a temporary name, or a folder of one."""
    return any(part.startswith(".") and part.endswith(".part") for part in name.split("/"))


def is_kept(name):
    """Whether a file is appended to, or goes on growing: each of its records, or the whole, is checked by its reader."""
    if name.startswith("manifests/parts"):
        return True
    return name.startswith("downloads/") and name.endswith((".part", ".part.json"))


def is_table(content):
    """Whether this is a table to its end."""
    return content.endswith(b"PAR1") if content.startswith(b"PAR1") else content.endswith(b"\n")


def results(files):
    """Without what holds times."""
    passing = ("manifests/measured/",)
    return {name: content for name, content in files.items() if is_temporary(name) or not any(part in name for part in passing)}


def check_whole(root, step):
    """Every file with a final name is what it was, or what it will be; what a new manifest lists is there."""
    now, before = results(tree(root)), step.before
    for name, content in now.items():
        if content is None or is_temporary(name) or is_kept(name):
            continue
        if name in step.twice and is_table(content):
            continue
        if content not in [files[name] for files in (before, step.after, step.between) if name in files]:
            raise Failure(f"{name}: {len(content)} bytes that were never to be there")
    for name, content in now.items():
        if name.startswith("manifests/") and name.endswith(".json") and not is_kept(name) and before.get(name) != content:
            check_manifest(now, name, content)


def check_manifest(now, name, content):
    """Every file that a manifest lists is there with its hash."""
    for listed in json.loads(content).get("files", []):
        found = now.get(listed["name"])
        if not isinstance(found, bytes) or hashlib.sha256(found).hexdigest() != listed["sha256"]:
            raise Failure(f"{name} lists {listed['name']}, which is {'another' if found else 'not there'}")


def check_same(root, after):
    """The root is byte for byte that of a run that nothing disturbed."""
    now, after = results(tree(root)), results(after)
    left, missing = sorted(now.keys() - after.keys()), sorted(after.keys() - now.keys())
    other = sorted(name for name in now.keys() & after.keys() if now[name] != after[name])
    for what, names in (("left over", left), ("missing", missing), ("of other bytes", other)):
        if names:
            raise Failure(f"{what}: {', '.join(names[:4])}{f' and {len(names) - 4} more' if len(names) > 4 else ''}")


def check_words(done, codes=(1,), words=()):
    """A call ended with one of some codes and, if not 0, with one error in a few lines."""
    text = done.err.strip()
    if done.code not in codes:
        raise Failure(f"exit code {done.code}, expected {codes}: {text[-600:]}")
    wrong = [word for word in WRONG_WORDS if word in done.err + done.out]
    if wrong:
        raise Failure(f"says {wrong[0]!r}: {text[-600:]}")
    if done.code == 1 and not 1 <= len(text.splitlines()) <= 4:
        raise Failure(f"{len(text.splitlines())} lines of error: {text[-600:]}")
    if done.code == 1 and not all(word in text for word in words):
        raise Failure(f"does not say {words}: {text[-600:]}")


def check_ok(done):
    """A call ended well."""
    check_words(done, (0,))


class Bench:
    """A folder with a data root of the small study, and the calls on it."""

    def __init__(self, lgf, shim, folder, number=0):
        self.lgf, self.shim, self.folder, self.number = lgf, shim, Path(folder), number
        self.root, self.log = self.folder / "root", self.folder / "calls"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.plain = {name: value for name, value in os.environ.items() if not name.startswith(("LGF_", "SLURM_"))}

    def fault(self, mode, **more):
        """The environment in which the shim does that."""
        names = {"DRILL_PROGRAM": self.lgf, "DRILL_ROOT": str(self.root), "DRILL_LOG": str(self.log), "DRILL_MODE": mode}
        return {"LD_PRELOAD": self.shim, **names, **more}

    def start(self, arguments, env=None, limits=(), before=(), closed=(), **more):
        """Starts a call, in a group of processes of its own, some of its files closed."""

        def prepare():
            os.setsid()
            for number in closed:
                os.close(number)
            for which, most in limits:
                resource.setrlimit(which, (most, most))

        command = [*before, self.lgf, *arguments, "--root", str(self.root)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        environment = {**self.plain, **ONE_THREAD, **(env or {})}
        return subprocess.Popen(command, env=environment, preexec_fn=prepare, cwd=self.folder, **pipes)

    def end(self, process, began):
        """Waits for the end of a call."""
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failure(f"not over after {PATIENCE} s") from None
        text = [(bytes_ or b"").decode(errors="replace") for bytes_ in (out, err)]
        return Done(process.returncode, *text, time.monotonic() - began)

    def call(self, arguments, env=None, **more):
        """A call, to its end."""
        began = time.monotonic()
        return self.end(self.start(arguments, env, **more), began)

    def calls(self):
        """What the shim wrote of the last call: number, kind, path below the root."""
        text = self.log.read_text() if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        lines = [line.split("\t") for line in text.splitlines()]
        return [(int(number), kind, os.path.relpath(path, self.root)) for number, kind, path in lines]
