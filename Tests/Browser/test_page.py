"""The page of `specclip serve` in a real browser: what a person does with mouse, keys, phone and screen reader."""

import json
import os
import re
import time
import urllib.error
import urllib.request

import pytest
from astropy.table import Table
from axe_playwright_python.sync_playwright import Axe
from conftest import PATIENCE, Server

import stars


def get(address):
    with urllib.request.urlopen(address) as answer:
        return json.load(answer)


@pytest.fixture(scope="session")
def model(base):
    return get(f"{base}/v1/model")


@pytest.fixture(scope="session")
def fits(folder):
    return stars.unpacked(folder)


@pytest.fixture(scope="session")
def made(folder):
    return stars.write(folder / "made-up.csv")


def until(page, expression, arg=None):
    """Waits for what an expression says. The browser's own wait builds a function from text, which the content policy forbids."""
    ends = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression, arg):
        assert time.monotonic() < ends, f"never came true: {expression}"
        page.wait_for_timeout(30)


def drop(page, paths):
    """Drops files as the desktop does: an event with a DataTransfer that holds them."""
    content = [[path.name, list(path.read_bytes())] for path in paths]
    transfer = page.evaluate_handle(
        """(content) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of content) transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        content,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#drop", event, {"dataTransfer": transfer})


def read(page, paths, count):
    page.set_input_files("#files", paths)
    until(page, "(n) => document.getElementById('filter-count').textContent.startsWith(`${n} star`)", arg=count)
    page.wait_for_selector("#progress", state="hidden")


def open_star(page, n=1):
    page.click(f"tr[data-at='{n - 1}'] a")
    page.wait_for_selector("#star-title")
    page.wait_for_selector(".corner svg text")
    until(page, "document.querySelector('.panel .plot')?.dataset.from !== undefined")


def cells(page, at=0):
    """The texts of a row by the titles of their columns."""
    titles = page.eval_on_selector_all("table.stars thead button", "(all) => all.map((b) => b.dataset.key)")
    texts = page.eval_on_selector_all(f"tr[data-at='{at}'] > *", "(all) => all.map((c) => c.textContent.trim())")
    return {title: text.replace("−", "-") for title, text in zip(titles, texts)}


def extent(page, at=0):
    plot = page.locator(".panel .plot").nth(at)
    return float(plot.get_attribute("data-from")), float(plot.get_attribute("data-to"))


def wait_for_extent(page, before):
    until(
        page,
        "([from, to]) => { const { dataset } = document.querySelector('.panel .plot'); return dataset.from !== from || dataset.to !== to; }",
        arg=[f"{value:.2f}" for value in before],
    )
    return extent(page)


def said(row, label):
    """A value with its error, as the table shows it."""
    name, digits = label["name"], label["digits"]
    if row.get(name) is None:
        return "–"
    error = row.get(f"e_{name}")
    return f"{row[name]:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def touch(page, places):
    """Fingers on the screen: one list of places for each moment."""
    session = page.context.new_cdp_session(page)

    def send(kind, points):
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    send("touchStart", places[0])
    for points in places[1:]:
        send("touchMove", points)
        page.wait_for_timeout(50)
    send("touchEnd", [])


def test_a_dropped_file_says_what_predict_says(open_page, model, fits):
    page = open_page()
    drop(page, [fits])
    page.wait_for_selector("tr[data-at='0']")
    shown = cells(page)
    [row] = stars.predicted(fits)
    assert shown["name"] == fits.name
    told = [label for label in model["labels"] if row.get(label["name"]) is not None]
    assert len(told) >= 3
    for label in told:
        assert shown[label["name"]] == said(row, label)
    meant = [flag["name"] for flag in model["flags"] if row["flag"] & flag["value"]]
    assert [name for name in meant if name not in shown["flag"]] == []
    assert meant or shown["flag"] == ""
    open_star(page)
    values = page.eval_on_selector_all(".label-table tbody tr", "(all) => all.map((r) => r.children[1].textContent.trim())")
    assert [value.replace("−", "-") for value in values] == [said(row, label) for label in told]


def test_wheel_drag_buttons_and_regions_zoom(open_page, made):
    page = open_page()
    read(page, [made], 1)
    open_star(page)
    full = extent(page)
    plot = page.locator(".panel .plot").first
    box = plot.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    # The wheel alone scrolls the page, until the plot is chosen.
    page.mouse.move(*middle)
    page.mouse.wheel(0, -300)
    page.wait_for_selector(".plot-hint:not([hidden])")
    assert extent(page) == full
    page.evaluate("scrollTo(0, 0)")
    page.mouse.click(*middle)
    page.mouse.wheel(0, -300)
    closer = wait_for_extent(page, full)
    assert closer[0] > full[0] and closer[1] < full[1]

    # What is marked by a drag is what is seen then; all panels go together.
    page.mouse.move(middle[0] - 100, middle[1])
    page.mouse.down()
    page.mouse.move(middle[0] + 50, middle[1], steps=5)
    page.mouse.up()
    dragged = wait_for_extent(page, closer)
    share = 150 / (box["width"] - 70)
    assert dragged[1] - dragged[0] == pytest.approx(share * (closer[1] - closer[0]), rel=0.03)
    assert extent(page, 1) == dragged

    page.click("button[aria-label='Zoom out'] >> nth=0")
    wait_for_extent(page, dragged)
    page.select_option("select[aria-label='Go to a line']", "Hα")
    until(page, "document.querySelector('.panel .plot').dataset.from > 6400")
    assert "Hα" in page.locator(".panel .plot .marks text").all_text_contents()
    page.click("button[aria-label='Show all'] >> nth=0")
    until(page, "(from) => document.querySelector('.panel .plot').dataset.from === from", arg=f"{full[0]:.2f}")


def test_layers_and_frames(open_page, made):
    page = open_page()
    read(page, [made], 1)
    open_star(page)
    model_panel = page.locator("section.panel", has_text="As the model saw it")
    assert model_panel.locator("path.line.model").count() == 1
    model_panel.get_by_label("reconstruction").uncheck()
    until(page, "document.querySelectorAll('section.panel')[1].querySelectorAll('path.line.model').length === 0")
    predicted = page.locator("section.panel", has_text="Predicted")
    assert predicted.locator("path.band").count() == 1
    predicted.get_by_label("68 % band").uncheck()
    assert predicted.locator("path.band").count() == 0
    # Marks of lines move with the star where wavelengths are as observed.
    frames = page.get_by_role("group", name="Wavelengths")
    if frames.count():
        page.select_option("select[aria-label='Go to a line']", "Hα")
        until(page, "document.querySelector('.panel .plot').dataset.from > 6000")
        before = extent(page)
        frames.get_by_label("as observed").check()
        after = wait_for_extent(page, before)
        velocity = float(re.search(r"removed: (−?[\d.]+) km/s", page.inner_text(".facts-line"))[1].replace("−", "-"))
        assert after[0] / before[0] - 1 == pytest.approx(velocity / 299_792.458, rel=0.02, abs=2e-6)
    assert page.locator(".panel .axis-title", has_text="as observed").count() >= 1 or not frames.count()


def test_look_alikes_open(open_page, made, fits):
    page = open_page()
    read(page, [made, fits], 2)
    open_star(page)
    likes = page.locator("table.alikes tbody a")
    assert likes.count() >= 3
    addresses = [likes.nth(i).get_attribute("href") for i in range(likes.count())]
    other = next(i for i, address in enumerate(addresses) if "/like/" in address)
    likes.nth(other).click()
    page.wait_for_selector("h1:has-text('Look-alike')")
    page.wait_for_selector(".panel path.line.model[d^='M']")
    assert "look-alike" in page.inner_text(".panel .layers")
    assert page.locator(".label-table tbody tr").count() >= 2
    page.go_back()
    page.wait_for_selector(f"h1:has-text('{made.name}')")


# FITS knows no dex; astropy says so.
@pytest.mark.filterwarnings("ignore:'dex' did not parse")
@pytest.mark.parametrize("kind", ["CSV", "FITS", "ECSV", "VOTable"])
def test_downloads_open_in_astropy(open_page, folder, made, fits, kind):
    page = open_page()
    read(page, [made, fits], 2)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=kind, exact=True).click()
    download = waiting.value
    path = folder / download.suggested_filename
    download.save_as(path)
    table = Table.read(path)
    assert len(table) == 2
    rows = stars.predicted(made, fits)
    assert sorted(round(float(value)) for value in table["teff"]) == sorted(row["teff"] for row in rows)
    assert {"e_teff", "logg", "fe_h", "flag", "snr"} <= set(table.colnames)


def test_cards_and_numbers_are_kept(open_page, folder, made):
    page = open_page()
    read(page, [made], 1)
    open_star(page)
    for kind, start in (("PNG", b"\x89PNG"), ("PDF", b"%PDF")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"Card {kind}").click()
        path = folder / f"card.{kind.lower()}"
        waiting.value.save_as(path)
        assert path.read_bytes().startswith(start)
    # Each plot has its numbers, as a table and as a file.
    panel = page.locator("section.panel").first
    panel.locator("summary").click()
    panel.locator(".data tbody tr").first.wait_for()
    assert panel.locator(".data tbody tr").count() > 100
    with page.expect_download() as waiting:
        panel.get_by_role("button", name="All as CSV").click()
    path = folder / "numbers.csv"
    waiting.value.save_as(path)
    assert len(Table.read(path)) == 3900


def test_a_bad_file_shows_its_line(open_page, folder, fits):
    damaged = folder / "damaged.fits"
    damaged.write_bytes(fits.read_bytes()[:3000])
    prose = folder / "prose.csv"
    prose.write_text("this is no spectrum\nand never was\n")
    hostile = folder / "<img src=x onerror=alert(1)>.csv"
    hostile.write_text("<script>alert(1)</script>,flux\n1,2\n")
    page = open_page(expected=["422", "400"])
    read(page, [damaged, fits, prose, hostile], 1)
    lines = page.locator("#failures-list li").all_text_contents()
    assert len(lines) == 3
    for path in (damaged, prose, hostile):
        [line] = [line for line in lines if line.startswith(path.name)]
        assert len(line) > len(path.name) + 15 and "\n" not in line
        assert str(folder) not in line and "/tmp" not in line
    assert page.locator("#failures-list img, #failures-list script").count() == 0


def test_two_hundred_files(open_page, folder, fits):
    content = fits.read_bytes()
    many = folder / "many"
    many.mkdir(exist_ok=True)
    paths = [many / f"star-{n:03}.fits" for n in range(200)]
    for path in paths:
        path.write_bytes(content)
    page = open_page()
    page.set_input_files("#files", paths)
    page.wait_for_selector("#progress:not([hidden])")
    until(page, "document.getElementById('filter-count').textContent.startsWith('200 stars')")
    page.wait_for_selector("#progress", state="hidden")
    # Only what is in sight is in the page; the last row is a key away.
    assert page.locator("table.stars tbody tr[data-at]").count() < 90
    assert page.get_attribute("table.stars", "aria-rowcount") == "201"
    page.focus("tr[data-at='0'] a")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.textContent") == "star-199.fits"
    page.fill("#filter", "star-01 teff>1")
    until(page, "document.getElementById('filter-count').textContent === '10 stars of 200'")
    page.fill("#filter", "")
    page.click("th button[data-key='star']")
    assert cells(page)["name"] == "star-199.fits"


def test_reading_is_cancelled(open_page, folder):
    paths = [stars.write(folder / f"slow-{n:03}.csv", seed=n) for n in range(60)]
    page = open_page()
    page.set_input_files("#files", paths)
    page.wait_for_selector("tr[data-at='0']")
    page.click("#cancel")
    page.wait_for_selector("#progress", state="hidden")
    count = int(page.inner_text("#filter-count").split()[0])
    assert 0 < count < 60
    # What is shown is what the server has.
    session = page.evaluate("location.hash.split('/')[1]")
    base = page.evaluate("location.origin")
    assert len(get(f"{base}/v1/sessions/{session}/stars")["stars"]) == count


def test_keys_alone_lead_to_a_star(open_page, made):
    page = open_page()
    # Awaited from the start: the browser takes a moment to hand its dialog over.
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "home-title"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "choose"
        page.wait_for_timeout(300)
        page.keyboard.press("Enter")
    chooser.value.set_files([made, stars.SDSS])
    page.wait_for_selector("tr[data-at='1']")
    page.wait_for_selector("#progress", state="hidden")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('tr[data-at]'))"):
            break
    page.keyboard.press("ArrowDown")
    name = page.evaluate("document.activeElement.title")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h1:has-text('{name}')")
    until(page, "document.activeElement.id === 'star-title'")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('plot')"):
            break
    before = extent(page)
    page.keyboard.press("+")
    closer = wait_for_extent(page, before)
    shown = f"{closer[0]:.0f} to {closer[1]:.0f} Å"
    assert page.inner_text(".spectra .readout") == shown
    until(page, "(text) => document.getElementById('live').textContent === text", arg=shown)
    page.keyboard.press("ArrowRight")
    moved = wait_for_extent(page, closer)
    assert moved[0] > closer[0]
    page.keyboard.press("Shift+ArrowRight")
    until(page, "document.getElementById('live').textContent.includes('λ')")
    page.keyboard.press("0")
    wait_for_extent(page, moved)
    assert extent(page) == before
    # Back where the star was opened from.
    page.go_back()
    until(page, "(name) => document.activeElement.title === name", arg=name)


def test_dialogs_keep_and_return_the_focus(open_page):
    page = open_page()
    page.focus("#paste")
    page.keyboard.press("Enter")
    page.wait_for_selector("#paste-dialog[open]")
    for _ in range(8):
        page.keyboard.press("Tab")
        # The browser's own frame is the one other place that keys reach.
        assert page.evaluate("document.activeElement === document.body || Boolean(document.activeElement.closest('#paste-dialog'))")
    page.keyboard.press("Escape")
    page.wait_for_selector("#paste-dialog", state="hidden")
    assert page.evaluate("document.activeElement.id") == "paste"


def test_a_pasted_table_is_read(open_page, folder):
    page = open_page()
    page.click("#paste")
    page.fill("#paste-text", "wavelength flux\n")
    assert page.is_disabled("#paste-ok")
    text = stars.table()
    page.focus("#paste-text")
    page.keyboard.press("Control+A")
    page.evaluate(
        """(text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    assert "3,900 lines of 3 numbers" in page.inner_text("#paste-found")
    page.click("#paste-ok")
    page.wait_for_selector("tr[data-at='0']")
    path = folder / "pasted-1.csv"
    path.write_text(text)
    [row] = stars.predicted(path)
    assert cells(page)["teff"].split(" ± ")[0] == str(row["teff"])


def test_settings_are_heeded(open_page, folder, made):
    page = open_page()
    page.click("#settings summary")
    page.fill("#set-rv", "fast")
    assert page.get_attribute("#set-rv", "aria-invalid") == "true"
    page.fill("#set-rv", "−120")
    assert "−120" in page.inner_text("#settings-summary") or "-120" in page.inner_text("#settings-summary")
    read(page, [made], 1)
    [row] = stars.predicted(made, "--rv=-120")
    assert cells(page)["teff"] == f"{row['teff']} ± {row['e_teff']}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(open_page, folder, made, fits, scheme):
    page = open_page(color_scheme=scheme)

    def check(view):
        found = Axe().run(page).response["violations"]
        serious = [
            f"{view}, {fault['id']}: {fault['help']}: {[node['html'][:150] for node in fault['nodes'][:3]]}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
        assert serious == []

    check("start")
    page.click("#settings summary")
    check("settings")
    bad = folder / "bad.csv"
    bad.write_text("no spectrum\n")
    read(page, [made, fits, bad], 2)
    page.click("#overview summary")
    page.wait_for_selector("#overview .plot text")
    check("table")
    page.click("#paste")
    check("dialog")
    page.keyboard.press("Escape")
    page.click("#model-button")
    check("model")
    page.keyboard.press("Escape")
    open_star(page)
    page.locator("section.panel summary").first.click()
    check("star")
    like = next(link for link in page.locator("table.alikes tbody a").all() if "/like/" in link.get_attribute("href"))
    like.click()
    page.wait_for_selector("h1:has-text('Look-alike')")
    check("look-alike")


def test_a_phone_never_scrolls_sideways(open_page, made, fits):
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)

    def check(view):
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view

    check("start")
    page.click("#settings summary")
    check("settings")
    read(page, [made, fits], 2)
    check("table")
    open_star(page)
    check("star")
    page.locator("section.panel summary").first.click()
    check("numbers")
    # A finger moves the plot along once it is zoomed, two zoom it.
    full = extent(page)
    page.click("button[aria-label='Zoom in'] >> nth=0")
    until(page, "document.querySelector('.panel .plot').dataset.from > 3400")
    check("zoomed")
    zoomed = wait_for_extent(page, full)
    page.locator(".panel .plot").first.scroll_into_view_if_needed()
    box = page.locator(".panel .plot").first.bounding_box()
    y = box["y"] + box["height"] / 2
    touch(page, [[(250, y)], [(230, y)], [(190, y)]])
    moved = wait_for_extent(page, zoomed)
    assert moved[0] > zoomed[0] and moved[1] - moved[0] == pytest.approx(zoomed[1] - zoomed[0], rel=1e-3)
    touch(page, [[(150, y), (220, y)], [(130, y), (240, y)], [(110, y), (260, y)]])
    pinched = wait_for_extent(page, moved)
    assert pinched[1] - pinched[0] < 0.7 * (moved[1] - moved[0])


def test_a_server_that_is_away_or_busy(open_page, made):
    page = open_page(expected=["ERR_FAILED", "429"])
    uploads = "**/v1/sessions/*/stars"
    page.route(uploads, lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.set_input_files("#files", made)
    page.wait_for_selector("#retry")
    assert "does not answer" in page.inner_text("#failures-list li")
    page.unroute(uploads)

    # A busy server is asked again when it says.
    answers = []

    def busy(route):
        answers.append(route.request.method)
        if len(answers) > 1:
            return route.continue_()
        return route.fulfill(status=429, headers={"Retry-After": "1"}, json={"error": "server: is busy; ask again in 1 s"})

    page.route(uploads, busy)
    page.click("#retry")
    page.wait_for_selector("tr[data-at='0']")
    assert answers == ["POST", "POST"]
    assert page.locator("#failures-list li").count() == 0


def test_a_session_that_ended_is_followed_by_another(open_page, made, fits):
    page = open_page(expected=["404"])
    read(page, [made], 1)
    first = page.url
    assert page.request.delete(f"{first.partition('#')[0]}v1/sessions/{first.rsplit('/', 1)[1]}").status == 204
    page.set_input_files("#files", fits)
    until(page, "(name) => document.querySelector(\"tr[data-at='0'] a\")?.title === name", arg=fits.name)
    assert page.inner_text("#filter-count") == "1 star"
    assert "had ended" in page.inner_text("#alert")
    assert page.url != first


def test_permalinks_and_the_back_button(open_page, made, fits):
    page = open_page()
    read(page, [made, fits], 2)
    open_star(page, 2)
    name = page.inner_text("#star-title")
    labels = page.inner_text(".label-table")
    page.reload()
    page.wait_for_selector(f"h1:has-text('{name}')")
    assert page.inner_text(".label-table") == labels
    page.wait_for_selector(".corner svg text")
    assert page.locator("a[aria-label^='Previous star']").count() == 1
    page.click("text=← All stars")
    page.wait_for_selector("tr[data-at='1']")
    page.go_back()
    page.wait_for_selector(f"h1:has-text('{name}')")


def test_an_ended_session_is_forgotten(open_page, base, made):
    page = open_page(expected=["404"])
    read(page, [made], 1)
    address = page.url
    session = address.rsplit("/", 1)[1]
    page.click("#end-button")
    page.click("#end-dialog button.primary")
    page.wait_for_selector("#stars", state="hidden")
    until(page, "document.getElementById('live').textContent.includes('forgotten')")
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{base}/v1/sessions/{session}/stars")
    assert refused.value.code == 404
    page.goto(address)
    page.wait_for_selector("#alert:not([hidden])")
    assert "session" in page.inner_text("#alert").lower()


def test_ten_thousand_pixels_stay_fluid(open_page, folder):
    page = open_page()
    read(page, [stars.write(folder / "long.csv", pixels=10_000)], 1)
    open_star(page)
    page.locator(".panel .plot").first.focus()
    # From key to picture: the event, and the two frames after which the plot is drawn.
    times = page.evaluate(
        """async () => {
            const times = [];
            const frame = () => new Promise(requestAnimationFrame);
            for (let i = 0; i < 20; i++) {
                const key = i < 10 ? (i % 2 ? "ArrowRight" : "+") : (i % 2 ? "ArrowLeft" : "-");
                await frame();
                const begun = performance.now();
                document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
                await frame();
                await frame();
                times.push(performance.now() - begun);
            }
            return times.sort((a, b) => a - b);
        }"""
    )
    assert times[10] < 150, times
    # Some points a pixel column, however many pixels the spectrum has.
    path = page.get_attribute(".panel path.line.flux", "d")
    assert path.count("L") < 6000


def test_colours_and_motion(open_page):
    page = open_page(color_scheme="light", reduced_motion="reduce")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    assert page.evaluate("getComputedStyle(document.getElementById('choose')).transitionDuration") == "0s"
    page.click("#theme-button")
    page.click("#theme-button")
    assert page.inner_text("#theme-button") == "Colours: dark"
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate(paper) == dark


@pytest.mark.skipif("SPECCLIP_URL" in os.environ, reason="needs a server of its own")
def test_the_token_is_asked_for_once(open_page, folder, made):
    token = "opensesame" * 4
    server = Server(folder, "--token", token)
    try:
        page = open_page(url=server.url, is_open=False, expected=["401"])
        page.fill("#token", "wrong")
        page.keyboard.press("Enter")
        until(page, "document.getElementById('token-problem').textContent !== ''")
        page.fill("#token", token)
        page.keyboard.press("Enter")
        page.wait_for_selector("html[data-ready]")
        read(page, [made], 1)
        page.reload()
        page.wait_for_selector("html[data-ready]")
        page.wait_for_selector("tr[data-at='0']")
        assert page.locator("#token-dialog[open]").count() == 0
        with page.expect_download() as waiting:
            page.get_by_role("button", name="CSV", exact=True).click()
        assert len(Table.read(waiting.value.path(), format="csv")) == 1
    finally:
        server.stop()

