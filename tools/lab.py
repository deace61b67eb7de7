"""JupyterLab on copies of the notebooks: make lab, make lab ARGS="--port 9000".

Copies, because running a notebook writes its outputs into it, and the originals are tracked by git. They lie in `work/`,
as deep in the project as `notebooks/`, so that `:dep … path = ".."` and relative links mean the same in both. LGF_WORK
names another such folder (git ignores `work-…`).
"""

import hashlib
import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

RECORD = ".originals.json"
RESULTS = "results"
# JupyterLab's own defaults, before whatever the person sets in its settings editor.
SETTINGS = {
    # A question about news on the first start, and requests to the internet for news and new versions.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # What a call takes and gives is shown beside its name on Tab. Rust's completions may take longer than a second,
    # after which JupyterLab would drop them.
    "@jupyterlab/completer-extension:manager": {
        "showDocumentationPanel": True,
        "autoCompletion": False,
        "providerTimeout": 5000,
    },
    # Room for the notebooks' names.
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
}


@dataclass
class Renewal:
    """What became of each copy, by file name; `behind` are those of `kept` whose original has changed since."""

    made: list = field(default_factory=list)
    renewed: list = field(default_factory=list)
    kept: list = field(default_factory=list)
    behind: list = field(default_factory=list)

    def said(self):
        """One line for each thing that a person may want to know; nothing where nothing happened."""
        lines = []
        if self.made:
            lines.append(f"copied: {', '.join(self.made)}")
        if self.renewed:
            lines.append(f"renewed, because the originals have changed: {', '.join(self.renewed)}")
        if self.kept:
            lines.append(f"kept as you changed them: {', '.join(self.kept)}")
        if self.behind:
            lines.append(f"of these, the originals have changed since: {', '.join(self.behind)}; rename yours to get the new ones")
        return lines


def main():
    repository, root = Path(os.environ["LGF_REPO"]), Path(os.environ["LGF_ROOT"])
    work = repository / os.environ.get("LGF_WORK", "work")
    if work.parent != repository:
        sys.exit("lab: LGF_WORK names a folder directly in the project\n  hint: LGF_WORK=work-mine")
    try:
        for line in renew(repository / "notebooks", work).said():
            print(f"{work.name}: {line}")
        for line in link_results(work, root):
            print(f"{work.name}: {line}")
        write_settings(Path(os.environ["JUPYTER_CONFIG_DIR"]))
    except OSError as cause:
        sys.exit(f"lab: {cause.filename} cannot be written: {cause.strerror}\n  hint: LGF_ROOT=/path chooses another data root")
    serve(work, sys.argv[1:])


# --- the copies -------------------------------------------------------------------------------------------------------


def fingerprint(path):
    """Names the text of a notebook: kinds and sources of its cells, whatever their outputs; any other file's bytes."""
    data = path.read_bytes()
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(data)["cells"]]
        data = json.dumps(cells).encode()
    except (ValueError, KeyError, TypeError):
        pass
    return hashlib.sha256(data).hexdigest()


def renew(originals, copies):
    """Copies each notebook of the folder `originals` that is not in `copies`, or is there as it was once copied.

    A copy whose text the person has changed is never written. What was copied is remembered in `copies`.
    """
    copies.mkdir(parents=True, exist_ok=True)
    copied = read_record(copies / RECORD)
    renewal = Renewal()
    for original in sorted(originals.glob("*.ipynb")):
        name, copy, now = original.name, copies / original.name, fingerprint(original)
        mine = fingerprint(copy) if copy.exists() else None
        if mine == now:
            copied[name] = now
        elif mine is None or mine == copied.get(name):
            write(copy, original.read_text(encoding="utf-8"))
            copied[name] = now
            (renewal.made if mine is None else renewal.renewed).append(name)
        else:
            renewal.kept.append(name)
            if copied.get(name) != now:
                renewal.behind.append(name)
    write(copies / RECORD, json.dumps(copied, indent=1) + "\n")
    return renewal


def read_record(path):
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # Without a record, a copy that differs from its original counts as the person's.
        return {}


def write(path, text):
    """Writes beside and renames: a file is whole or not there."""
    part = path.with_name(path.name + ".tmp")
    part.write_text(text, encoding="utf-8")
    part.rename(path)


def link_results(copies, root):
    """Makes the data root a folder of the file browser, which shows nothing outside the project; says what hinders."""
    root.mkdir(parents=True, exist_ok=True)
    link = copies / RESULTS
    if link.is_symlink():
        if Path(os.readlink(link)) == root:
            return []
        link.unlink()
    elif link.exists():
        return [f"{RESULTS} is a file or folder of yours; results are in {root}"]
    link.symlink_to(root, target_is_directory=True)
    return [f"{RESULTS} is {root}"]


# --- the server -------------------------------------------------------------------------------------------------------


def write_settings(config):
    """Puts `SETTINGS` where JupyterLab looks for a site's defaults, below those of the person."""
    folder = config / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "default_setting_overrides.json", json.dumps(SETTINGS, indent=1) + "\n")


def configuration(work, user, environment):
    """How the server is started on the folder `work` of a project, by the user with this number, in this environment."""
    shows_windows = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    return {
        "Application": {"log_level": "ERROR"},
        "ServerApp": {
            "root_dir": str(work.parent),
            "open_browser": shows_windows,
            # Jupyter refuses root without it; in a container there is often nobody else.
            "allow_root": user == 0,
        },
        "LabApp": {"default_url": f"/lab/tree/{work.name}", "open_browser": shows_windows},
        "IdentityProvider": {"token": environment.get("JUPYTER_TOKEN") or secrets.token_hex(24)},
        "MappingKernelManager": {"default_kernel_name": "lgf"},
    }


def without_outputs(model, path, contents_manager):
    """Before a save: an original of `notebooks/` that was opened and run all the same stays as it was, but for its text.

    That is, without outputs, and with the metadata that its file has and not those of the kernel that ran it.
    """
    if model["type"] != "notebook" or not path.strip("/").startswith("notebooks/"):
        return
    for cell in model["content"]["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            cell["metadata"].pop("execution", None)
    original = Path(contents_manager.root_dir, path.strip("/"))
    if original.exists():
        model["content"]["metadata"] = json.loads(original.read_text(encoding="utf-8"))["metadata"]


def serve(work, arguments):
    from jupyterlab.labapp import LabApp
    from tornado.httputil import url_concat
    from traitlets.config import Config

    config = Config(configuration(work, os.getuid(), os.environ))
    server = LabApp.initialize_server(argv=arguments, config=config)
    server.contents_manager.register_pre_save_hook(without_outputs)
    # Jupyter's own messages say this in a dozen lines, and are not shown at this log level.
    address = url_concat(server.local_url.split("?")[0], {"token": server.identity_provider.token})
    print(f"JupyterLab: {address}\nCtrl-C here stops it and its kernels.", flush=True)
    server.start()


if __name__ == "__main__":
    main()
