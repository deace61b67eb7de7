#!/usr/bin/env python3
"""Runs notebooks headless through the kernel "Rust (lgf)" and keeps them, executed and as HTML, under the data root.

A notebook is skipped when nothing it depends on has changed: its own text, the library, the parameters, and the
notebooks before it. A cell that fails ends the run, with notebook, cell and error named.
"""

import argparse
import hashlib
import html
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

import formulas

REPO = Path(__file__).resolve().parent.parent
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# From the network, for formulas and widgets: a copy that is complete in itself has the first drawn, the second not.
REMOTE = re.compile(r'<script[^>]*\bsrc="https?://[^"]*"[^>]*>\s*</script>\s*', re.IGNORECASE)
MATHJAX = re.compile(r"<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->\s*", re.DOTALL)


# What `{:?}` makes of the types that a cell shows.
DEBUG = re.compile(r"(Html|Figure|Grid|Slider|DataFrame|Err|Ok)\b *[({]|shape: \(")


class NotebookFailed(Exception):
    """A notebook that could not be run to its end; the text says where and why."""


def main():
    arguments = parse()
    root = arguments.root.resolve()
    out = (arguments.out or root / "notebooks").resolve()
    notebooks = arguments.notebooks or sorted((REPO / "notebooks").glob("*.ipynb"), key=order)
    notebooks = [path for path in notebooks if order(path)[0][:1] >= [arguments.first]] if arguments.first else notebooks
    if not notebooks:
        sys.exit("run_notebooks: there are no notebooks in notebooks/\n  hint: name some on the command line")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as cause:
        sys.exit(f"run_notebooks: {out} is not writable: {cause.strerror}\n  hint: choose a data root with LGF_ROOT=/path")
    os.environ["LGF_ROOT"] = str(root)
    # Outputs are kept: progress as whole lines.
    os.environ["LGF_PROGRESS"] = "lines"

    rows = []
    shown = json.loads(arguments.shown.read_text()) if arguments.shown else {}
    unlisted = [path.name for path in notebooks if arguments.shown and path.name not in shown]
    if unlisted:
        sys.exit(f"run_notebooks: {arguments.shown} says nothing of {', '.join(unlisted)}\n  hint: list what each notebook shows")
    before = library_hash()
    start = time.monotonic()
    try:
        for path in notebooks:
            if not path.is_file():
                raise NotebookFailed(f"{path} is not there\n  hint: notebooks are in {REPO / 'notebooks'}")
            state = digest(before, path.read_bytes(), json.dumps(shown.get(path.name)))
            done = stamp_of(out, path)
            if not arguments.force and done.get("state") == state and outputs_are_whole(out, done):
                say(f"{path.name}: unchanged, skipped")
                rows.append((path.name, None, None))
            else:
                # Whatever follows is due again, too: it builds on what this one writes.
                rows.append((path.name, *run(path, out, state, arguments.timeout, shown.get(path.name))))
            before = state
    except NotebookFailed as failure:
        print(f"\nFAILED: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nstopped; finished notebooks and finished work are kept", file=sys.stderr)
        sys.exit(130)
    print_table(rows, time.monotonic() - start, out)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/, in their order")
    parser.add_argument("--root", type=Path, default=Path(os.environ.get("LGF_ROOT") or REPO / "data" / "out"), help="data root")
    parser.add_argument("--out", type=Path, help="folder of the executed notebooks (default: ROOT/notebooks)")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds a cell may take (default: 1800)")
    parser.add_argument("--shown", type=Path, help="what each notebook must show, as tests/kernel/shown.json")
    parser.add_argument("--from", type=int, dest="first", metavar="NUMBER", help="without the notebooks before this number")
    parser.add_argument("--force", action="store_true", help="run also what has not changed")
    return parser.parse_args()


def order(path):
    """By number: 5, 5.1 and 5.2 come in this order, and 10 after 9."""
    number = re.match(r"[\d._-]*", path.name).group()
    return [int(part) for part in re.findall(r"\d+", number)], path.name


def say(text):
    print(text, flush=True)


# --- what has changed -------------------------------------------------------------------------------------------------


def digest(*parts):
    hasher = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.hexdigest()


def library_hash():
    """All that a result depends on beside the notebooks: sources, versions, networks, parameters."""
    files = [REPO / "Cargo.toml", REPO / "Cargo.lock"]
    results = {REPO / "data" / "out", REPO / "data" / "real"}
    for folder in ("src", "data"):
        files += [path for path in (REPO / folder).rglob("*") if path.is_file() and not results & set(path.parents)]
    parts = []
    for path in sorted(files):
        parts += [path.relative_to(REPO), path.read_bytes()]
    own = ("LGF_ROOT", "LGF_CACHE", "LGF_STATE", "LGF_REPO", "LGF_BUILD", "LGF_PROGRESS")
    parameters = sorted((key, value) for key, value in os.environ.items() if key.startswith("LGF_") and key not in own)
    return digest(*parts, parameters)


def stamp_path(out, path):
    return out / f".{path.stem}.done.json"


def stamp_of(out, path):
    try:
        return json.loads(stamp_path(out, path).read_text())
    except (OSError, ValueError):
        return {}


def outputs_are_whole(out, stamp):
    return all((out / name).is_file() and (out / name).stat().st_size == size for name, size in stamp["files"].items())


def write(path, text):
    """Writes beside and renames: a file is whole or not there."""
    part = path.with_name(path.name + ".tmp")
    part.write_text(text, encoding="utf-8")
    part.rename(path)
    return path


# --- one notebook -----------------------------------------------------------------------------------------------------


class Client(NotebookClient):
    """Tells of each cell as it ends."""

    def __init__(self, notebook, name, **settings):
        super().__init__(notebook, **settings)
        self.name = name
        self.numbers = {id(cell): n for n, cell in enumerate((c for c in notebook.cells if is_code(c)), 1)}
        self.current = 0
        self.memory = PeakMemory()

    def create_kernel_manager(self):
        manager = super().create_kernel_manager()
        manager.memory = self.memory
        return manager

    async def async_execute_cell(self, cell, cell_index, **settings):
        if not is_code(cell):
            return cell
        self.current = self.numbers[id(cell)]
        first_line = cell.source.strip().splitlines()[0]
        start = time.monotonic()
        try:
            return await super().async_execute_cell(cell, cell_index, **settings)
        finally:
            seconds = time.monotonic() - start
            say(f"{self.name}: cell {self.current} of {len(self.numbers)}, {seconds:5.1f} s  {first_line[:60]}")


def is_code(cell):
    return cell.cell_type == "code" and cell.source.strip()


class PeakMemory(threading.Thread):
    """Samples the memory of a process (`pid`) and all its children, and keeps the largest sum."""

    def __init__(self):
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = None, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.5):
            try:
                kernel = psutil.Process(self.pid)
                family = [kernel, *kernel.children(recursive=True)]
            except psutil.Error:
                continue
            total = 0
            for process in family:
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    pass
            self.peak = max(self.peak, total)


class Manager(AsyncKernelManager):
    """A kernel manager that has the kernel it starts measured, by its `memory`."""

    async def _async_start_kernel(self, **settings):
        await super()._async_start_kernel(**settings)
        self.memory.pid = self.provisioner.pid
        self.memory.start()

    start_kernel = _async_start_kernel


def run(path, out, state, timeout, shown=None):
    """Runs a notebook and writes it, its HTML copy and, last, its stamp; gives seconds and peak memory in bytes."""
    start, began = time.monotonic(), time.time()
    stamp_path(out, path).unlink(missing_ok=True)
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as cause:
        raise NotebookFailed(f"{path} is not a notebook: {cause}") from cause
    # Output shown in the file is this run's or nobody's.
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = Client(
        notebook,
        path.name,
        kernel_name="lgf",
        kernel_manager_class=Manager,
        shutdown_kernel="immediate",
        timeout=timeout,
        startup_timeout=600,
        interrupt_on_timeout=False,
        resources={"metadata": {"path": str(REPO / "notebooks")}},
    )
    failure = None
    try:
        client.execute()
    except CellExecutionError:
        failure = ""
    except CellTimeoutError:
        failure = f"it took longer than {timeout} s\n  hint: --timeout SECONDS allows more"
    except DeadKernelError:
        failure = "the kernel died\n  hint: was there memory enough? `make doctor` says how much there is"
    except RuntimeError as error:
        failure = f"the kernel did not start: {error}\n  hint: make doctor says what is missing"
    finally:
        client.memory.ended.set()
    executed = write(out / path.name, nbformat.writes(notebook) + "\n")
    page = write(out / f"{path.stem}.html", as_html(notebook, path.stem))
    if failure is not None:
        raise NotebookFailed(describe(path, client, failure, executed))
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        if any(DEBUG.match(output.get("data", {}).get("text/plain", "")) for output in cell.outputs):
            raise NotebookFailed(
                f"{path.name}, cell {number}: its result is shown as debug text\n"
                "  hint: evcxr does that when the cell moves a variable that it has just made; borrow it, or name no variable"
            )
    if shown is not None:
        check_shown(path.name, notebook, shown, Path(os.environ["LGF_ROOT"]) / "figures", began)
    seconds, peak = time.monotonic() - start, client.memory.peak
    files = {file.name: file.stat().st_size for file in (executed, page)}
    stamp = {"state": state, "seconds": round(seconds, 1), "peak_bytes": peak, "files": files}
    write(stamp_path(out, path), json.dumps(stamp, indent=1) + "\n")
    say(f"{path.name}: done in {seconds:.0f} s")
    return seconds, peak


def check_shown(name, notebook, shown, figures, began):
    """What the notebook's prose promises is there: each figure drawn in this run, each text shown, nothing left out."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    # The data of an output is a text or, from some front-ends, its lines.
    data = ["".join(text) for output in outputs for text in output.get("data", {}).values() if isinstance(text, (str, list))]
    texts = "\n".join(data + ["".join(output.get("text", "")) for output in outputs])
    texts += html.unescape(re.sub(r"<[^>]*>", " ", texts))
    for what in shown["texts"]:
        if not re.search(what, texts):
            raise NotebookFailed(f"{name} does not show {what!r}\n  hint: see tests/kernel/shown.json")
    left_out = [text for text in data if "lgf-said" in text]
    if left_out:
        said = re.sub(r"<[^>]*>", " ", left_out[0]).strip()
        raise NotebookFailed(f"{name}: a cell has nothing to show: {said}")
    for figure in shown["figures"]:
        for ending in ("svg", "png", "pdf"):
            file = figures / f"{figure}.{ending}"
            if not file.is_file() or file.stat().st_size == 0 or file.stat().st_mtime < began - 1:
                raise NotebookFailed(f"{name}: {file} was not drawn in this run")


def describe(path, client, failure, executed):
    """Notebook, cell, what the cell printed as its errors, and what the runner itself found."""
    if client.current == 0:
        return f"{path.name}: {failure}"
    cell = next(cell for cell in client.nb.cells if client.numbers.get(id(cell)) == client.current)
    lines = [f"{path.name}, cell {client.current} of {len(client.numbers)}:", *indented(cell.source, "  | ")]
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            lines += indented(output.text)
        elif output.output_type == "error":
            lines += indented("\n".join(output.traceback) or output.evalue)
    lines += [*indented(failure), f"  the notebook up to there: {executed}"]
    return "\n".join(lines)


def indented(text, margin="  "):
    return [margin + line for line in COLOURS.sub("", text).strip().splitlines()]


def as_html(notebook, title):
    exporter = formulas.Exporter()
    exporter.mermaid_js_url = exporter.mermaid_layout_elk_js_url = exporter.require_js_url = ""
    body, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return REMOTE.sub("", MATHJAX.sub("", body))


def print_table(rows, total, out):
    width = max(len(name) for name, *_ in rows)
    say(f"\n{'notebook':<{width}}  seconds  peak memory")
    for name, seconds, peak in rows:
        if seconds is None:
            say(f"{name:<{width}}        -  (unchanged)")
        else:
            say(f"{name:<{width}}  {seconds:7.1f}  {peak / 2**30:.2f} GiB")
    peak = max((peak for *_, peak in rows if peak), default=0)
    say(f"{'in all':<{width}}  {total:7.1f}  {peak / 2**30:.2f} GiB")
    ran = sum(seconds is not None for _, seconds, _ in rows)
    say(f"\n{len(rows)} notebooks: {ran} run, {len(rows) - ran} unchanged, 0 failed; executed copies and HTML in {out}")


if __name__ == "__main__":
    main()
