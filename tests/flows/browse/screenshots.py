"""Make the screenshots of the README, and those to look at before a change of the pages is done.

    python -m tests.flows.browse.screenshots docs/ [all]

Publishes the samples into a folder of its own and visits it with the Chromium that is installed. The first two are for
the README; with a second argument every page is taken at the width of a desktop and of a phone, light and dark.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.flows.browse.conftest import BROWSERS, COMMAND, ROOT, Served

FOR_README = {"overview": "/", "document": "/search?q=Stadtwerke"}
ALL = ("/", "/search?q=Stadt*", "/entities", "/quarantine", "/files", "/corrections", "/search?q=Stadtwerke")
WIDTHS = {"desktop": (1280, 860), "phone": (390, 844)}


def take(page: Page, address: str, file: Path) -> None:
    """Visit an address and write what is seen; of a search with one word its first document."""
    page.goto(address)
    if address.endswith("=Stadtwerke"):
        page.locator(".hits h2 a").first.click()
        page.locator(".mended i.r").first.hover()
    page.wait_for_timeout(600)
    page.screenshot(path=file)


def main(folder: Path, everything: bool) -> None:
    """Publish, serve, visit."""
    path = next(filter(None, map(shutil.which, filter(None, BROWSERS))))
    with tempfile.TemporaryDirectory() as home, sync_playwright() as started:
        samples = ROOT / "data" / "samples"
        subprocess.run([COMMAND, "run", samples, "--tables", f"{home}/tables"], check=True)
        served = Served(samples, "--tables", f"{home}/tables")
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for width, (w, h) in WIDTHS.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": w, "height": h}, color_scheme=scheme, locale="en-GB", device_scale_factor=1.5
                )
                page = context.new_page()
                if (width, scheme) == ("desktop", "light"):
                    for name, address in FOR_README.items():
                        take(page, served.address + address, folder / f"{name}.png")
                for number, address in enumerate(ALL if everything else ()):
                    take(page, served.address + address, folder / f"{number}-{width}-{scheme}.png")
        browser.close()
        served.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), everything=len(sys.argv) > 2)
