"""JupyterLab as `make lab` starts it, and what a person does in it, for the browser's tests."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import nbformat

REPO = Path(__file__).resolve().parents[2]
# The two differ only where a test of one checkout is tried on the set-up of another.
PROJECT = Path(os.environ["LGF_REPO"])
LGF = Path(os.environ["CARGO_TARGET_DIR"]) / os.environ.get("CARGO_BUILD_TARGET", "") / "debug" / "lgf"
WORK = "work-browser-test"
PICTURES = PROJECT / ".lgf/browser"
SETUP = ':dep local-global-features = { path = ".." }\nuse lgf::prelude::*;\nlet run = lgf::open()?;'
# Seconds: a kernel starts, a cell of the notebooks runs, JupyterLab answers a key or a click.
START, CELL, ANSWER = 60, 60, 15
CHROMIUM = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium():
    """The system's Chromium, or what LGF_CHROMIUM names; None where there is none."""
    return next(filter(None, map(shutil.which, [os.environ.get("LGF_CHROMIUM") or "", *CHROMIUM])), None)


class Server:
    """`make lab` with a data root, settings and a folder of copies of its own, on a free port of this machine."""

    def __init__(self, folder):
        self.work = PROJECT / WORK
        self.originals = self.read_originals()
        shutil.rmtree(self.work, ignore_errors=True)
        own = {
            "LGF_ROOT": folder / "out",
            "LGF_WORK": WORK,
            "JUPYTER_PATH": os.environ["JUPYTER_DATA_DIR"],
            "JUPYTER_DATA_DIR": folder / "data",
            "JUPYTER_CONFIG_DIR": folder / "config",
            "JUPYTER_RUNTIME_DIR": folder / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        }
        for step in ("sample", "boxes", "subset"):
            subprocess.run([LGF, "--root", folder / "out", step], check=True, capture_output=True, timeout=120)
        environment = {**os.environ, **{name: str(value) for name, value in own.items()}}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "JUPYTER_TOKEN"):
            environment.pop(name, None)
        python = PROJECT / ".lgf/venv/bin/python"
        # The app is shown to the page, so that the tests can ask it for what no element tells.
        command = [python, REPO / "tools/lab.py", "--port", "0", "--LabApp.expose_app_in_browser=True"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said, self.address = [], None
        threading.Thread(target=self.listen, daemon=True).start()
        deadline = time.monotonic() + START
        while self.address is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("make lab gave no address:\n" + "".join(self.said))
            time.sleep(0.1)

    def listen(self):
        for line in self.process.stdout:
            self.said.append(line)
            found = re.match(r"JupyterLab: (http://127\.0\.0\.1:\d+)(\S*)", line)
            if found:
                self.origin, self.address = found[1], found[1] + found[2]
                self.token = self.address.split("token=")[1]

    def url(self, notebook):
        return f"{self.origin}/lab/tree/{WORK}/{notebook}?token={self.token}"

    def read_originals(self):
        return {path.name: path.read_bytes() for path in sorted((PROJECT / "notebooks").glob("*.ipynb"))}

    def listing(self, folder):
        """What the file browser shows of a folder below that of the copies."""
        with urlopen(f"{self.origin}/api/contents/{WORK}/{folder}?token={self.token}") as answer:
            return [entry["name"] for entry in json.load(answer)["content"]]

    def write_notebook(self, name, *sources):
        notebook = nbformat.read(PROJECT / "notebooks/3_canny_edges.ipynb", as_version=4)
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(notebook, self.work / name)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.work, ignore_errors=True)


class Lab:
    """One tab of the browser with JupyterLab in it; what is done and seen concerns the notebook in front."""

    def __init__(self, page, server):
        self.page, self.server = page, server
        page.set_default_timeout(ANSWER * 1000)

    def open(self, notebook):
        self.page.goto(self.server.url(notebook))
        self.wait_for_notebook(notebook)

    def open_from_browser(self, notebook):
        """By a double click in the list of files, beside what is open."""
        self.page.locator(f'.jp-DirListing-item[title*="{notebook}"]').dblclick()
        self.wait_for_notebook(notebook)

    def wait_for_notebook(self, notebook):
        self.page.locator(f'.lm-TabBar-tab.jp-mod-current:has-text("{notebook}")').wait_for(timeout=START * 1000)
        self.panel.locator(".jp-CodeCell").first.wait_for()
        self.wait_until_idle(START)

    def switch_to(self, notebook):
        self.page.locator(f'#jp-main-dock-panel .lm-TabBar-tab:has-text("{notebook}")').click()
        self.page.locator(f'.lm-TabBar-tab.jp-mod-current:has-text("{notebook}")').wait_for()

    @property
    def panel(self):
        return self.page.locator(".jp-NotebookPanel:visible")

    def cell(self, place):
        """A cell of code, by its place among them; negative from the end."""
        cells = self.panel.locator(".jp-CodeCell")
        return cells.nth(place if place >= 0 else cells.count() + place)

    def outputs(self, place):
        return self.cell(place).locator(".jp-Cell-outputArea")

    def said(self, place):
        """The text of a cell's outputs; also where they are off the screen and not laid out."""
        return "\n".join(self.outputs(place).locator(".jp-OutputArea-output").all_text_contents()).strip()

    def ended_in_error(self, place):
        """Whether the kernel said so, beside whatever the cell printed."""
        return self.of_model(place, "cell => Array.from({length: cell.outputs.length}, (_, n) => cell.outputs.get(n).type).includes('error')")

    def prompt(self, place):
        """The number of a cell's run, "" before the first, "*" while it waits."""
        return self.cell(place).locator(".jp-InputPrompt").text_content().strip(" []:")

    def count(self):
        return self.panel.locator(".jp-CodeCell").count()

    def edit(self, place, change):
        """Writes the text of a cell anew: `change` of what it was, or a text."""
        cell = self.cell(place)
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        if callable(change):
            change = change(self.source(place))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(change)
        assert self.source(place) == change

    def source(self, place):
        return self.of_model(place, "cell => cell.sharedModel.getSource()")

    def of_model(self, place, question):
        """Asks JupyterLab itself about a cell of code."""
        script = """([place, question]) => { const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
            return eval(question)(Array.from(cells).filter(cell => cell.type === 'code')[place]) }"""
        return self.page.evaluate(script, [place, question])

    def add(self, source):
        """A new cell of code at the end, with this text, being edited; gives its place."""
        place = self.count()
        self.cell(place - 1).locator(".jp-InputPrompt").click()
        self.command("notebook:insert-cell-below")
        self.until("the new cell", lambda: self.count() == place + 1)
        self.edit(place, source)
        return place

    def start(self, place):
        """Runs a cell and does not wait for its end."""
        cell = self.cell(place)
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def run(self, place, seconds=CELL):
        self.start(place)
        self.wait_until_run(seconds)

    def wait_until_run(self, seconds=CELL):
        """No cell of the notebook runs or waits."""
        self.page.wait_for_timeout(300)
        self.until("the end of the cells", lambda: "*" not in "".join(self.panel.locator(".jp-InputPrompt").all_text_contents()), seconds)
        self.wait_until_idle(seconds)

    def wait_until_idle(self, seconds=CELL):
        status = "() => window.jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status"
        self.until("an idle kernel", lambda: self.page.evaluate(status) == "idle", seconds)

    def until(self, what, true, seconds=ANSWER):
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"no sign of {what} within {seconds} s"
            self.page.wait_for_timeout(100)

    def shows(self, selector, *texts):
        """Waits until what is visible there says all of these texts."""
        element = self.page.locator(f"{selector}:visible")
        said = lambda: " ".join(" ".join(element.all_inner_texts()).split())  # noqa: E731
        try:
            self.until(selector, lambda: all(text in said() for text in texts))
        except AssertionError:
            raise AssertionError(f"{selector} says {said()[:300]!r}, not {texts}") from None

    def command(self, name, **arguments):
        """What a menu's entry does."""
        self.page.evaluate("([name, given]) => window.jupyterapp.commands.execute(name, given).then(() => null)", [name, arguments])

    def menu(self, *names):
        """Chooses from the menu bar: menu, entries of submenus."""
        first, *others = names
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{first}$")).click()
        for name in others:
            label = self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(name)}…?$"))
            label.last.hover()
            label.last.click()

    def picture(self, name, what=None):
        """Keeps what is seen, or one element of it."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        (what or self.page).screenshot(path=PICTURES / f"{name}.png")
