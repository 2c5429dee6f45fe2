"""Makes the screenshot of docs/report.md anew: docs/images/report.png. Needs chromium and selenium.

    python scripts/screenshots.py

It makes a small run in a temporary folder, opens its report, and a sample in it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

import synthdata

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "report.png"
RUN = [
    *("primitives=mixed", "n=24", "engine=serial", "seed=1"),
    "labels=[marks,boxes,relations,visibility,instance_mask]",
]
WIDTH, HEIGHT = 1280, 800
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-quic", f"--window-size={WIDTH},{HEIGHT}", "--hide-scrollbars"),
)
SAMPLE = 10


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = synthdata.generate(RUN, Path(folder) / "shapes")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or "chromium"
        for flag in (*FLAGS, f"--user-data-dir={folder}/profile"):
            options.add_argument(flag)
        service = webdriver.ChromeService(
            shutil.which("chromedriver"), log_output=subprocess.DEVNULL
        )
        window = webdriver.Chrome(options=options, service=service)
        try:
            take(window, run)
        finally:
            window.quit()
    with Image.open(PICTURE) as image:
        small = image.convert("RGB").quantize(
            256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    small.save(PICTURE, format="PNG", optimize=True)
    print(f"{PICTURE.stat().st_size / 1000:6.1f} kB  {PICTURE}")


def take(window: webdriver.Chrome, run: synthdata.Run) -> None:
    """A picture of one open sample, with boxes, ids and relations."""
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    window.get((run.path / "report.html").as_uri())
    window.execute_script("viewer.on = new Set(['boxes', 'ids', 'relations'])")
    window.execute_script("document.querySelectorAll('.tile')[arguments[0]].click()", SAMPLE)
    WebDriverWait(window, 30).until(lambda w: w.execute_script("return viewer.picture !== null"))
    window.execute_script(
        "byId('command').textContent = `python -m synthdata remake runs/shapes ${arguments[0]}`",
        SAMPLE,
    )
    PICTURE.write_bytes(window.get_screenshot_as_png())


if __name__ == "__main__":
    main()
