"""What tests of reports share: overrides, and a browser to read pages with."""

from __future__ import annotations

import base64
from typing import Any

import synthdata

LABELS = [
    "labels=[marks,boxes,segments,visibility,keypoints,relations,texts,instance_mask]",
    "labels.segments.polygons=false",  # they take most of the time
]
SMALL = ["canvas.size=[96,64]", "engine=serial"]

#: For Chromium.
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--window-size=1280,900"),
)


def wait(window: Any, condition: str) -> Any:
    """The value of a JavaScript expression, once it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(window, 60, 0.05).until(lambda w: w.execute_script(f"return {condition}"))


def press(window: Any, keys: str) -> None:
    window.switch_to.active_element.send_keys(keys)


def opened(window: Any, run: synthdata.Run, at: int = 0) -> dict[str, Any]:
    """Open a run's page and its sample number ``at``; the record."""
    window.get((run.path / "report.html").absolute().as_uri())
    wait(window, "sheet.list.length > 0")
    return show(window, at)


def show(window: Any, at: int) -> dict[str, Any]:
    window.execute_script("document.querySelectorAll('.tile')[arguments[0]].click()", at)
    wait(window, f"viewer.at === {at} && viewer.picture !== null")
    record: dict[str, Any] = window.execute_script("return viewer.sample.record")
    return record


def painted(window: Any, canvas: str) -> tuple[int, int, bytes]:
    """The size of a canvas, and its RGBA bytes as they are read from it."""
    script = """
        const canvas = document.getElementById(arguments[0]);
        const {data, width, height} = canvas.getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height);
        let text = '';
        for (let k = 0; k < data.length; k += 8192)
            text += String.fromCharCode(...data.subarray(k, k + 8192));
        return [width, height, btoa(text)];
    """
    width, height, data = window.execute_script(script, canvas)
    return width, height, base64.b64decode(data)


def only(window: Any, *names: str) -> None:
    window.execute_script("viewer.on = new Set(arguments[0]); viewer.draw()", list(names))
