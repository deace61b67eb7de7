"""A person's way through JupyterLab, in a browser: notebook 3 and one of the test's own, from `make lab` to the end.

One scenario in order, each test a scene of it; pictures of what is seen are kept in `.lgf/browser`. Run by
`make test-browser`.
"""

import time

import pytest
from front_end import CELL, LGF, QUIET, SETUP, START, Lab, Server, chromium
from playwright.sync_api import sync_playwright

EDGES, OWN = "3_canny_edges.ipynb", "own.ipynb"
TUNING, SLIDER, TABLE = 1, 3, 5
# Of `run.photographs`, in its signature and its first sentence.
DOCUMENTATION = ("photographs(&self)", "The photographs that steps 3 to 6 are about")
# A stage as the library's own are: it asks after each item whether to stop.
STAGE = """let done = {
    let stage = lgf::notebook::Progress::bar("counting").start(1200, "items");
    let mut done = 0;
    while done < 1200 && !stage.stopped() {
        std::thread::sleep(std::time::Duration::from_millis(50));
        done += 1;
        stage.tick();
    }
    done
};"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    assert LGF.exists(), f"{LGF} is not there: make build"
    server = Server(tmp_path_factory.mktemp("lab"))
    server.write_notebook(OWN, SETUP, "let answer = 41;", "answer + 1")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        yield browser
        browser.close()


def new_page(browser):
    return browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()


@pytest.fixture(scope="module")
def lab(browser, server):
    lab = Lab(new_page(browser), server)
    lab.open(EDGES)
    return lab


@pytest.fixture(autouse=True)
def keep_the_picture_of_a_failure(request, lab):
    """Whatever went wrong is seen, and the next scene starts with nothing open over a notebook that works."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        lab.picture(f"failed-{request.node.name}")
        for _ in range(2):
            lab.page.keyboard.press("Escape")
        lab.switch_to(OWN)
        for place in range(3, lab.count()):
            lab.edit(place, "answer")


def pictures(lab, place):
    """The sources of the pictures that a cell shows."""
    lab.until(f"pictures of cell {place + 1}", lambda: lab.outputs(place).locator("img").count() > 0)
    shown = lab.outputs(place).locator("img")
    return [shown.nth(number).get_attribute("src") for number in range(shown.count())]


def look(lab, name, *places):
    """Keeps pictures of some cells."""
    for place in places:
        lab.cell(place).scroll_into_view_if_needed()
        lab.page.wait_for_timeout(100)
        lab.picture(f"{name}-cell-{place + 1}")


def slide(lab, steps):
    """Moves the slider to the right by the keyboard; says which frames are visible."""
    slider = lab.outputs(SLIDER).locator(".lgf-slider input[type=range]")
    slider.scroll_into_view_if_needed()
    slider.focus()
    for _ in range(steps):
        lab.page.keyboard.press("ArrowRight")
    frames = lab.outputs(SLIDER).locator(".lgf-slider figure")
    frames.first.locator("xpath=..").scroll_into_view_if_needed()
    return [number for number in range(frames.count()) if frames.nth(number).is_visible()]


def test_it_opens_without_a_question(lab):
    lab.page.wait_for_timeout(1000)
    assert lab.page.locator(".jp-Dialog").count() == 0
    assert lab.page.locator(".Toastify__toast").count() == 0
    # The data root of the tests lies outside the project, where the file browser does not go by itself.
    assert {"study.json", "sample"} <= set(lab.server.listing("results"))
    assert lab.panel.locator(".jp-KernelName").inner_text() == "Rust (lgf)"
    lab.picture("1-opened")


def test_run_all_in_two_notebooks_at_once(lab):
    lab.menu("Run", "Run All Cells")
    lab.open_from_browser(OWN)
    lab.menu("Run", "Run All Cells")
    lab.wait_until_run(START + CELL)
    assert lab.said(2) == "42"
    lab.switch_to(EDGES)
    lab.wait_until_run(START + 2 * CELL)


def test_every_figure_is_shown(lab):
    lab.switch_to(EDGES)
    for place in range(lab.count()):
        assert lab.prompt(place).isdigit() and not lab.ended_in_error(place), f"cell {place + 1} did not run"
    figures = lab.panel.locator(".jp-Cell-outputArea img")
    assert figures.count() >= 9
    # A broken picture has no width of its own.
    assert figures.evaluate_all("all => all.every(image => image.complete && image.naturalWidth > 0)")
    # And none is wider than the notebook has room for.
    assert figures.evaluate_all("all => all.every(image => image.getBoundingClientRect().right <= window.innerWidth)")
    look(lab, "2-ran", *range(lab.count()))


def test_progress_is_one_line_in_its_last_state(lab):
    lab.switch_to(EDGES)
    said = lab.outputs(TABLE).locator('[data-mime-type="application/vnd.jupyter.stdout"]').all_text_contents()
    lines = [line for line in "".join(said).splitlines() if line.strip()]
    assert len(lines) == 1 and "200" in lines[0], lines


def test_another_strength_gives_another_picture(lab):
    lab.switch_to(EDGES)
    before = pictures(lab, TUNING)
    lab.edit(TUNING, lambda source: source.replace("non_local_means(10.0)", "non_local_means(40.0)"))
    lab.run(TUNING)
    after = pictures(lab, TUNING)
    assert len(after) == len(before) and after != before
    look(lab, "3-tuned", TUNING)


def test_the_slider_shows_another_frame(lab):
    lab.switch_to(EDGES)
    assert slide(lab, 0) == [0]
    assert slide(lab, 3) == [3]
    lab.picture("4-slider")


def test_tab_completes_with_documentation(lab):
    lab.switch_to(OWN)
    place = lab.add("run.")
    lab.page.keyboard.press("Tab")
    lab.shows(".jp-Completer-item", "photographs")
    lab.picture("5-completion")
    lab.page.keyboard.insert_text("photographs")
    lab.shows(".jp-Completer-docpanel", *DOCUMENTATION)
    lab.picture("5-documentation")
    lab.page.keyboard.press("Enter")
    assert lab.source(place).startswith("run.photographs")
    lab.edit(place, "answer")


def test_shift_tab_shows_signature_and_documentation(lab):
    lab.switch_to(OWN)
    place = lab.add("run.photographs()?.len()")
    for _ in range(len("phs()?.len()")):
        lab.page.keyboard.press("ArrowLeft")
    lab.page.keyboard.press("Shift+Tab")
    lab.shows(".jp-Tooltip", *DOCUMENTATION)
    lab.picture("6-signature")
    lab.page.keyboard.press("Escape")
    lab.run(place)
    assert lab.said(place) == "200"


def test_an_error_stops_the_queue_and_keeps_variables(lab):
    lab.switch_to(OWN)
    failing = lab.add('let number: i32 = "abc".parse()?;')
    after = lab.add("answer + 2")
    lab.run(failing)
    look(lab, "7-error", failing)
    assert "invalid digit" in lab.said(failing) and lab.ended_in_error(failing)
    lab.menu("Run", "Run All Cells")
    lab.wait_until_run()
    look(lab, "7-queue", after)
    assert lab.prompt(after) == "", "a cell after the failed one was run"
    lab.run(after)
    assert lab.said(after) == "43"
    lab.edit(failing, "answer")


def test_an_error_of_the_compiler_is_readable(lab):
    lab.switch_to(OWN)
    place = lab.add('let words = run.photographs()?;\nlet number: i32 = "abc";')
    lab.run(place)
    look(lab, "8-compiler", place)
    assert "mismatched types" in lab.said(place) and lab.ended_in_error(place)
    lab.edit(place, "answer")


def test_stop_ends_a_stage_and_the_next_cell_works(lab):
    lab.switch_to(OWN)
    place = lab.add(STAGE)
    lab.start(place)
    lab.until("progress", lambda: "counting" in lab.said(place), CELL)
    lab.page.wait_for_timeout(2500)
    look(lab, "9-running", place)
    pressed = time.monotonic()
    lab.panel.locator('[data-jp-item-name="interrupt"]').click()
    lab.wait_until_run()
    assert time.monotonic() - pressed < 5
    look(lab, "9-stopped", place)
    after = lab.add("done < 1200 && answer == 41")
    lab.run(after)
    assert lab.said(after) == "true"
    lab.edit(place, "answer")
    lab.edit(after, "answer")


def test_restart_and_run_all(lab):
    lab.switch_to(OWN)
    lab.menu("Kernel", "Restart Kernel and Run All Cells")
    lab.page.locator(".jp-Dialog button.jp-mod-accept").click()
    lab.until("a restart", lambda: lab.said(2) == "")
    lab.wait_until_run(START + CELL)
    assert lab.said(2) == "42" and lab.said(lab.count() - 1) == "41"
    lab.picture("10-restarted")


def test_a_dark_theme(lab):
    lab.switch_to(EDGES)
    lab.menu("Settings", "Theme", "JupyterLab Dark")
    lab.page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")
    look(lab, "11-dark", *range(lab.count()))
    lab.menu("Settings", "Theme", "JupyterLab Light")
    lab.page.wait_for_selector('body[data-jp-theme-light="true"]', state="attached")


def test_a_tab_that_is_closed_and_opened_again(lab, browser):
    lab.switch_to(EDGES)
    lab.command("docmanager:save")
    places = (TUNING, SLIDER, lab.count() - 1)
    before = [pictures(lab, place) for place in places]
    lab.page.close()
    lab.page = new_page(browser)
    lab.open(EDGES)
    assert [pictures(lab, place) for place in places] == before
    # A notebook that was saved here is trusted, so the slider's script runs; and the kernel has its variables still.
    assert slide(lab, 1) == [1]
    lab.picture("12-opened-again")
    place = lab.add("images.len()")
    lab.run(place)
    assert lab.said(place) == "200"


def test_running_changed_no_original(server):
    assert server.originals == server.read_originals()
