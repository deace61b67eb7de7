"""tools/supply.py: each thing that it refuses, and that the project as it stands is not refused."""

import importlib.util
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("supply", REPO / "tools/supply.py")
supply = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(supply)
GOOD = {"name": "six", "version": "1.0.0", "source": supply.REGISTRY, "checksum": "0a" * 32}


def test_a_package_is_a_checked_one_of_the_registry_or_the_workspace_s_own():
    assert not list(supply.faults_of_lock([GOOD, {"name": "lgf", "version": "0.1.0"}], {"lgf"}))


def test_the_library_is_the_project_s_own_in_every_workspace():
    assert {"local-global-features", "lgf-kernel"} < supply.own_packages()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"source": "git+https://example.org/six#0a"}, "not from Rust's public registry"),
        ({"source": "registry+https://example.org/index"}, "not from Rust's public registry"),
        ({"source": None}, "no source"),
        ({"checksum": "0a"}, "no checksum"),
        ({"checksum": ""}, "no checksum"),
    ],
)
def test_another_source_or_no_checksum_is_refused(change, word):
    (fault,) = supply.faults_of_lock([GOOD | change], {"lgf"})
    assert word in fault


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("MIT OR GPL-3.0", True),
        ("GPL-3.0/MIT", True),
        ("MIT AND GPL-3.0", False),
        ("GPL-3.0 OR MIT AND Zlib", False),
        ("(GPL-3.0 OR MIT) AND MIT", True),
        ("MIT AND (GPL-3.0 OR Zlib)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0", False),
    ],
)
def test_a_licence_expression_is_met_or_not(expression, met):
    assert supply.is_allowed(expression, {"MIT", "Apache-2.0 WITH LLVM-exception"}) == met


def test_a_licence_that_one_package_may_have_is_refused_in_another():
    policy = {"allow": ["MIT"], "exceptions": [{"crate": "six", "allow": ["IJG"]}]}
    package = {"name": "six", "version": "1.0.0", "license": "IJG"}
    # In two versions, too.
    assert not list(supply.faults_of_licences([package, package], policy))
    assert len(list(supply.faults_of_licences([package | {"name": "seven"}, package | {"license": None}], policy))) == 2


def test_a_package_that_its_author_withdrew_is_named(tmp_path):
    entry = tmp_path / "registry/index/one/.cache/3/s/six"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b'\x03\x02\0\0\0etag\x001.0.0\0{"vers": "1.0.0", "yanked": true}\x001.1.0\0{"vers": "1.1.0", "yanked": false}\0')
    assert list(supply.yanked([GOOD, GOOD | {"version": "1.1.0"}], tmp_path)) == ["six 1.0.0"]


OPTIONS = "--require-hashes\n--only-binary :all:\n"
HASH = f"--hash=sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (f"{OPTIONS}six==1.0 \\\n    {HASH} \\\n    {HASH}\n# a remark\n", 0),
        (f"{OPTIONS}six==1.0 ; python_version < '3.12' \\\n    {HASH}\n", 0),
        (f"{OPTIONS}six==1.0\n", 1),
        (f"{OPTIONS}six>=1.0 {HASH}\n", 1),
        (f"{OPTIONS}six==1.* {HASH}\n", 1),
        (f"{OPTIONS}six==1.0 --hash=md5:0a\n", 1),
        (f"{OPTIONS}https://example.org/six.whl {HASH}\n", 1),
        (f"--require-hashes\nsix==1.0 {HASH}\n", 1),
        (f"{OPTIONS}--index-url https://example.org\n", 1),
    ],
)
def test_a_requirement_is_one_version_with_hashes(text, faults):
    assert len(list(supply.faults_of_requirements(text))) == faults


def test_the_requirements_of_the_project_are_pinned():
    files = {path.name: list(supply.faults_of_requirements(path.read_text())) for path in supply.requirement_files()}
    assert {"requirements.txt", "requirements-browser.txt", "libtorch.txt"} <= set(files) and not any(files.values())


def test_environment_yml_names_versions_and_one_channel():
    text = (REPO / "environment.yml").read_text()
    assert not list(supply.faults_of_environment(text))
    assert list(supply.faults_of_environment(text.replace("- pytest=9.*", "- pytest")))
    assert list(supply.faults_of_environment(text.replace("- nodefaults", "- defaults")))
    assert list(supply.faults_of_environment(text + "  - pip:\n      - six\n"))


@pytest.mark.parametrize(
    ("wheel", "serves"),
    [
        ("six-1.0-py2.py3-none-any.whl", True),
        ("six-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", True),
        ("six-1.0-cp38-abi3-manylinux_2_28_aarch64.whl", True),
        ("six-1.0-py3-none-manylinux_2_25_x86_64.whl", True),
        ("six-1.0-cp310-cp310-manylinux_2_17_x86_64.whl", False),
        ("six-1.0-cp313-cp313t-manylinux_2_17_x86_64.whl", False),
        ("six-1.0-cp312-cp312-musllinux_1_2_x86_64.whl", False),
        ("six-1.0-cp312-cp312-manylinux_2_17_i686.whl", False),
        ("six-1.0-cp312-cp312-win_amd64.whl", False),
    ],
)
def test_wheels_are_pinned_that_serve_linux_here(wheel, serves):
    assert supply.serves(wheel) == serves
