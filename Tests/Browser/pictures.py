"""Takes the pictures of docs/serve.md: pictures.py ADDRESS FOLDER SPECTRUM... of a server that runs; then pngquant 96."""

import pathlib
import sys

from conftest import CHROMIUM
from playwright.sync_api import sync_playwright


def opened(browser, address, **options):
    page = browser.new_context(**options).new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    return page


def settle(page):
    page.wait_for_selector(".corner svg text")
    page.wait_for_timeout(500)


def main(address, folder, *spectra):
    folder = pathlib.Path(folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = opened(browser, address, viewport={"width": 1280, "height": 760})
        page.set_input_files("#files", spectra)
        page.wait_for_selector("tr[data-at]")
        page.wait_for_selector("#progress", state="hidden")
        page.mouse.move(0, 0)
        page.wait_for_timeout(300)
        page.screenshot(path=folder / "serve-list.png")
        session = page.url
        page.click("tr[data-at='0'] a")
        settle(page)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=folder / "serve-star.png", full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": 1395})
        phone = opened(
            browser, f"{session}/1", viewport={"width": 360, "height": 760}, is_mobile=True, has_touch=True, color_scheme="dark"
        )
        settle(phone)
        phone.screenshot(path=folder / "serve-phone.png")
        browser.close()


main(*sys.argv[1:])
