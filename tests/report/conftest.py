"""Runs for reports, made once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_cases import FLAGS, LABELS, SMALL

import synthdata


@pytest.fixture(scope="session")
def rich_run(tmp_path_factory: pytest.TempPathFactory) -> synthdata.Run:
    """30 samples with every label that a page has a layer for; not to be changed."""
    overrides = ["primitives=mixed", "n=30", "shard_size=8", "effects=[blur,affine]", *LABELS]
    return synthdata.generate([*SMALL, *overrides], tmp_path_factory.mktemp("runs") / "rich")


@pytest.fixture
def rich_copy(rich_run: synthdata.Run, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(rich_run.path, tmp_path / "copy"))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium, driven by selenium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver, log_output=subprocess.DEVNULL)
    window = webdriver.Chrome(options=options, service=service)
    window.set_script_timeout(60)
    try:
        yield window
    finally:
        window.quit()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """The browser; whatever it says on its console fails the test."""
    browser.get_log("browser")
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    said = [row["message"] for row in browser.get_log("browser")]
    assert [text for text in said if "willReadFrequently" not in text] == []  # that is our reading
