"""Photograph running pages for docs/screens: both instruments, light and dark, and as on a phone.

    cryohalo page &
    python examples/page_screens.py http://127.0.0.1:8585/ docs/screens

It needs playwright and Debian's Chromium, as the tests of the pages do.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

#: Name of the picture: width, height, theme, and whether it shows all of the page.
VIEWS = {
    "light": (1280, 720, "light", False),
    "dark": (1280, 720, "dark", False),
    "whole": (1280, 720, "light", True),
    "phone": (390, 844, "dark", True),
}
SETTLED_MS = 1500
#: Enough for drawings, and a third of the bytes.
COLOURS = 256


def main() -> None:
    """Write one picture for each instrument and view."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", metavar="INSTRUMENT_VIEW", help="one picture, e.g. amrr_dark")
    parser.add_argument("--called", metavar="NAME", help="of that picture, e.g. amrr_quench")
    options = parser.parse_args()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for instrument in ("amrr", "haloscope"):
            for view, (width, height, theme, whole) in VIEWS.items():
                name = f"{instrument}_{view}"
                if options.only not in (None, name):
                    continue
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=theme
                )
                window = context.new_page()
                window.goto(options.address + instrument)
                window.wait_for_selector("body.live")
                window.wait_for_timeout(SETTLED_MS)
                path = options.folder / f"page_{options.called or name}.png"
                window.screenshot(path=path, full_page=whole)
                Image.open(path).quantize(COLOURS).save(path, optimize=True)
                print(path)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
