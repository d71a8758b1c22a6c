"""Opens a report in headless Chromium, with the network off, and says what a test without a browser cannot.

    python tests/benchmarks/report_in_browser.py results/digits/report.html [FOLDER]

No request but for the file itself, no word on the console, no line wider than the page at 390 pixels, a table sorted
by keyboard alone; then screenshots at 1280 and 390 pixels, by day and by night, and a print-out, in FOLDER, to be
looked at. Not part of the tests, since Chromium is not everywhere. It is spoken to through a pipe: no package
is needed.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"]


class Browser:
    """Chromium at the other end of two pipes, commands in and answers out, each ended by a zero byte."""

    def __init__(self, executable: str, profile: str) -> None:
        commands, self._out = os.pipe()
        self._in, answers = os.pipe()

        def take_places() -> None:  # Chromium reads from descriptor 3 and writes to 4
            spare = os.dup(commands), os.dup(answers)
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        command = [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, preexec_fn=take_places, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(commands)
        os.close(answers)
        self._rest = b""
        self._count = 0
        self.events: list[dict[str, Any]] = []
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}

    _session: dict[str, str] = {}  # noqa: RUF012

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": params, **self._session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._count:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def wait_for(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._read())

    def evaluate(self, script: str) -> Any:
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        keys = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **keys)
        self.call("Input.dispatchKeyEvent", type="keyUp", **keys)

    def close(self) -> None:
        self.call("Browser.close")
        self._process.wait(30)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium ended")
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)  # type: ignore[no-any-return]


def looked_at(browser: Browser, report: Path, folder: Path) -> list[str]:
    """What is wrong with the report, a line each."""
    faults = []
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable")
    browser.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    browser.events.clear()
    address = report.resolve().as_uri()
    browser.call("Page.navigate", url=address)
    browser.wait_for("Page.loadEventFired")
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", features=features)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.call("Emulation.setDeviceMetricsOverride", **size)
        wider = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wider > 0:
            faults.append(f"at {width} pixels the page is {wider} pixels too wide")
        shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
        (folder / f"{report.stem}-{width}-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    browser.call("Emulation.setDeviceMetricsOverride", width=718, height=1000, deviceScaleFactor=1, mobile=False)
    shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
    (folder / f"{report.stem}-print.png").write_bytes(base64.b64decode(shot["data"]))
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    paper = browser.call("Page.printToPDF", printBackground=False, paperWidth=8.27, paperHeight=11.69)
    (folder / f"{report.stem}.pdf").write_bytes(base64.b64decode(paper["data"]))
    faults += sorted_by_keyboard(browser)
    for event in browser.events:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent" if params["request"]["url"] not in (address, "data:,"):
                faults.append(f"requested {params['request']['url']}")
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                faults.append(f"on the console: {json.dumps(params)}")
            case "Page.javascriptDialogOpening":
                faults.append(f"a script opened a dialog: {params.get('message')}")
    return faults


def sorted_by_keyboard(browser: Browser) -> list[str]:
    """Sorts the first table that can be sorted by its last column, with Tab and Enter."""
    table = (
        "Array.from(document.querySelectorAll('#table table, #s1-table table')).find(t => t.querySelector('button'))"
    )
    if not browser.evaluate(f"Boolean({table})"):
        return []
    column = f"Array.from({table}.tBodies[0].rows, row => row.cells[1]).map(c => c.dataset.v)"
    before = browser.evaluate(column)
    browser.evaluate(f"{table}.querySelector('button').focus()")
    browser.press("Tab", 9)
    for way, sign in (("ascending", 1), ("descending", -1)):
        browser.press("Enter", 13, "\r")
        said = browser.evaluate(f"{table}.rows[0].cells[1].getAttribute('aria-sort')")
        after = [float(value) for value in browser.evaluate(column) if value]
        if said != way or after != sorted(after, reverse=sign < 0) or len(after) != len([v for v in before if v]):
            return [f"sorting by keyboard gave {said}: {after}"]
    return []


def main() -> None:
    report, folder = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "screenshots")
    executable = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if executable is None:
        sys.exit("needs Chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(executable, profile)
        try:
            faults = looked_at(browser, report, folder)
        finally:
            browser.close()
    print("\n".join(faults) or f"nothing wrong; look at {folder}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
