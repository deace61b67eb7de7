"""`make lab` without its server: copies of notebooks, the link to the results, how JupyterLab is started."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_server.services.contents.filemanager import FileContentsManager

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))
import lab  # noqa: E402


@pytest.fixture
def folders(tmp_path):
    originals, copies = tmp_path / "notebooks", tmp_path / "work"
    originals.mkdir()
    notebook(originals / "1_boxes.ipynb", "let a = 1;")
    notebook(originals / "2_edges.ipynb", "let b = 2;")
    return originals, copies


def notebook(path, *sources, outputs=()):
    cells = [nbformat.v4.new_code_cell(source, outputs=list(outputs), id=f"cell-{n}") for n, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_copies_are_the_originals_and_stay_so(folders):
    originals, copies = folders
    before = contents(originals)
    assert lab.renew(originals, copies).made == ["1_boxes.ipynb", "2_edges.ipynb"]
    assert contents(copies).items() >= before.items()
    again = lab.renew(originals, copies)
    assert again == lab.Renewal() and again.said() == []
    assert contents(originals) == before


def test_a_copy_that_was_only_run_is_renewed(folders):
    originals, copies = folders
    lab.renew(originals, copies)
    notebook(copies / "1_boxes.ipynb", "let a = 1;", outputs=[nbformat.v4.new_output("stream", text="seen")])
    assert lab.renew(originals, copies) == lab.Renewal()
    assert "seen" in (copies / "1_boxes.ipynb").read_text()
    notebook(originals / "1_boxes.ipynb", "let a = 10;")
    renewal = lab.renew(originals, copies)
    assert renewal == lab.Renewal(renewed=["1_boxes.ipynb"])
    assert (copies / "1_boxes.ipynb").read_text() == (originals / "1_boxes.ipynb").read_text()


def test_a_copy_that_the_person_changed_is_kept(folders):
    originals, copies = folders
    lab.renew(originals, copies)
    notebook(copies / "2_edges.ipynb", "let b = 3;")
    mine = (copies / "2_edges.ipynb").read_bytes()
    assert lab.renew(originals, copies).said() == ["kept as you changed them: 2_edges.ipynb"]
    notebook(originals / "2_edges.ipynb", "let b = 4;")
    for _ in range(2):
        renewal = lab.renew(originals, copies)
        assert renewal == lab.Renewal(kept=["2_edges.ipynb"], behind=["2_edges.ipynb"])
        assert len(renewal.said()) == 2
        assert (copies / "2_edges.ipynb").read_bytes() == mine
    # Renamed, it is the person's alone.
    (copies / "2_edges.ipynb").rename(copies / "mine.ipynb")
    assert lab.renew(originals, copies).made == ["2_edges.ipynb"]
    assert (copies / "mine.ipynb").read_bytes() == mine


def test_a_copy_that_is_changed_back_is_renewed_again(folders):
    originals, copies = folders
    lab.renew(originals, copies)
    notebook(copies / "2_edges.ipynb", "let b = 3;")
    lab.renew(originals, copies)
    notebook(copies / "2_edges.ipynb", "let b = 2;")
    notebook(originals / "2_edges.ipynb", "let b = 4;")
    assert lab.renew(originals, copies).renewed == ["2_edges.ipynb"]


@pytest.mark.parametrize("record", [None, "", "[1]", "{"])
def test_without_a_record_what_differs_is_the_persons(folders, record):
    originals, copies = folders
    lab.renew(originals, copies)
    notebook(originals / "1_boxes.ipynb", "let a = 10;")
    (copies / lab.RECORD).unlink()
    if record is not None:
        (copies / lab.RECORD).write_text(record)
    renewal = lab.renew(originals, copies)
    assert renewal.kept == ["1_boxes.ipynb"] and not renewal.renewed


def test_a_broken_copy_is_kept(folders):
    originals, copies = folders
    lab.renew(originals, copies)
    (copies / "1_boxes.ipynb").write_text("no notebook")
    assert lab.renew(originals, copies).kept == ["1_boxes.ipynb"]
    assert (copies / "1_boxes.ipynb").read_text() == "no notebook"


def test_results_are_reached_from_the_copies(tmp_path):
    work, root, other = tmp_path / "work", tmp_path / "out", tmp_path / "other"
    work.mkdir()
    assert lab.link_results(work, root) == [f"results is {root}"]
    (root / "table.csv").write_text("a")
    assert (work / "results/table.csv").read_text() == "a"
    assert lab.link_results(work, root) == []
    assert lab.link_results(work, other) == [f"results is {other}"]
    assert (work / "results").resolve() == other and (root / "table.csv").exists()


def test_a_folder_of_the_persons_is_not_replaced_by_the_link(tmp_path):
    own = tmp_path / "results"
    own.mkdir()
    assert "of yours" in lab.link_results(tmp_path, tmp_path / "out")[0]
    assert own.is_dir() and not own.is_symlink()


def test_root_and_a_machine_without_windows():
    settings = lab.configuration(REPO / "work", 0, {})
    assert settings["ServerApp"]["allow_root"] and not settings["ServerApp"]["open_browser"]
    settings = lab.configuration(REPO / "work", 1000, {"DISPLAY": ":0", "JUPYTER_TOKEN": "chosen"})
    assert not settings["ServerApp"]["allow_root"] and settings["ServerApp"]["open_browser"]
    assert settings["IdentityProvider"]["token"] == "chosen"
    assert settings["ServerApp"]["root_dir"] == str(REPO) and settings["LabApp"]["default_url"] == "/lab/tree/work"
    tokens = {lab.configuration(REPO / "work", 0, {})["IdentityProvider"]["token"] for _ in range(2)}
    assert len(tokens) == 2 and min(map(len, tokens)) >= 32


def test_jupyterlab_knows_the_settings(tmp_path):
    lab.write_settings(tmp_path)
    written = json.loads((tmp_path / "labconfig/default_setting_overrides.json").read_text())
    schemas = Path(sys.prefix, "share/jupyter/lab/schemas")
    for name, settings in written.items():
        extension, plugin = name.split(":")
        known = json.loads((schemas / extension / f"{plugin}.json").read_text())["properties"]
        assert settings.keys() <= known.keys()


@pytest.mark.parametrize(("folder", "kept"), [("notebooks", False), ("work", True), ("data/out/notebooks", True)])
def test_saving_what_was_only_run_changes_no_original(tmp_path, folder, kept):
    """Through Jupyter's own way of saving, with what JupyterLab sends after a run."""
    name = "3_canny_edges.ipynb"
    file = tmp_path / folder / name
    file.parent.mkdir(parents=True)
    file.write_bytes((REPO / "notebooks" / name).read_bytes())
    before = file.read_bytes()
    contents = FileContentsManager(root_dir=str(tmp_path))
    contents.notary.db_file = ":memory:"
    contents.register_pre_save_hook(lab.without_outputs)
    model = contents.get(f"{folder}/{name}")
    model["content"]["metadata"]["language_info"] = {"name": "rust", "version": "1"}
    for number, cell in enumerate(cell for cell in model["content"]["cells"] if cell["cell_type"] == "code"):
        cell["outputs"], cell["execution_count"] = [nbformat.v4.new_output("stream", text="seen")], number
        cell["metadata"]["execution"] = {"iopub.status.idle": "now"}
    contents.save(model, f"{folder}/{name}")
    assert (file.read_bytes() != before) == kept


def test_other_files_are_saved_as_they_are():
    lab.without_outputs(model={"type": "file", "content": "text"}, path="notebooks/readme.txt", contents_manager=None)
