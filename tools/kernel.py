"""A notebook kernel from a script: start it, run cells, press stop. Used by the kernel tests and by the cell bench."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

from jupyter_client.manager import KernelManager

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
# The kernel as evcxr has it passes standard error on after the end of a cell.
PLAIN_IS_LATE = 0.3  # seconds
SETUP = ':dep local-global-features = { path = ".." }\nuse lgf::prelude::*;'


@dataclass
class Cell:
    """What one cell gave: its status, its printed lines, its display bundles, how long it took and how long it ran."""

    status: str = "ok"
    stdout: str = ""
    stderr: str = ""
    bundles: list = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0
    # The part of these in which the cell itself ran; none where the kernel does not say.
    ran: float | None = None

    def check(self):
        if self.status != "ok":
            raise RuntimeError(f"the cell failed: {self.error or self.stderr}")
        return self

    def text(self):
        """The plain text of what the cell shows."""
        return self.check().bundles[0]["text/plain"].strip()


class Kernel:
    """One running kernel, started in the notebooks folder as JupyterLab does."""

    def __init__(self, environment=None):
        start = time.monotonic()
        self.manager = KernelManager(kernel_name="lgf")
        arguments = {"env": environment} if environment else {}
        self.late = PLAIN_IS_LATE if (environment or {}).get("LGF_KERNEL") == "plain" else 0
        self.manager.start_kernel(cwd=str(NOTEBOOKS), **arguments)
        self.connect()
        self.start_seconds = time.monotonic() - start

    def connect(self):
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def restart(self):
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self.connect()

    def interrupt(self):
        self.manager.interrupt_kernel()

    def send(self, code):
        """Starts a cell and returns at once; `collect` waits for it."""
        self.started = time.monotonic()
        return self.client.execute(code, allow_stdin=False)

    def collect(self, request, timeout=600):
        """Waits for the end of a cell."""
        cell = Cell()
        deadline = time.monotonic() + timeout
        ended = False
        while True:
            patience = self.late if ended else max(0.1, min(5, deadline - time.monotonic()))
            try:
                message = self.client.get_iopub_msg(timeout=patience)
            except Empty:
                if ended:
                    return self.with_reply(cell, request)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the cell did not end within {timeout} s") from None
                if not self.manager.is_alive():
                    raise RuntimeError("the kernel died") from None
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                setattr(cell, content["name"], getattr(cell, content["name"]) + content["text"])
            elif kind in ("execute_result", "display_data"):
                cell.bundles.append(content["data"])
            elif kind == "error":
                cell.status = "error"
                cell.error = "\n".join(content.get("traceback") or [content.get("evalue", "")])
            elif kind == "status" and content["execution_state"] == "idle":
                cell.seconds = time.monotonic() - self.started
                ended = True

    def with_reply(self, cell, request):
        """Adds what the reply says of a cell."""
        while True:
            try:
                message = self.client.get_shell_msg(timeout=5)
            except Empty:
                return cell
            if message["parent_header"].get("msg_id") == request:
                cell.ran = message["content"].get("lgf", {}).get("ran")
                return cell

    def run(self, code, timeout=600):
        return self.collect(self.send(code), timeout)

    def replies(self, *cells, timeout=120):
        """Sends several cells at once, as Run All does, and gives the status of each reply."""
        requests = [self.client.execute(code, allow_stdin=False) for code in cells]
        statuses = {}
        while len(statuses) < len(requests):
            message = self.client.get_shell_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") in requests:
                statuses[message["parent_header"]["msg_id"]] = message["content"]["status"]
        return [statuses[request] for request in requests]

    def ask(self, kind, code, cursor=None, timeout=60):
        """Asks for completions (`complete`) or documentation (`inspect`) at a place, by default the end."""
        request = getattr(self.client, kind)(code, len(code) if cursor is None else cursor)
        while True:
            message = self.client.get_shell_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") == request:
                return message["content"]
