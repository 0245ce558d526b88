"""Shows a page to a real browser, Debian's chromium, in a desktop's and a phone's width at once."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
MISSING = "" if CHROMIUM else "no chromium on this machine: apt-get install chromium"
WIDTHS = {"desktop": 1280, "phone": 390}

HARNESS = """<!doctype html><body>%(frames)s<pre id="found">nothing</pre><script>
const ask = page => {%(question)s};
addEventListener("load", async () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentWindow;
    await Promise.all([...page.document.images].map(image => { image.loading = "eager"; return image.decode(); }));
    found[frame.id] = ask(page);
  }
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


def ask(page: Path, question: str, dark: bool = False) -> dict[str, Any]:
    """What `question`, the body of a function of `page`, a window, answers in a window of each of the WIDTHS."""
    frames = "".join(
        f'<iframe id="{name}" src="{page.name}" style="width:{width}px;height:900px;border:0"></iframe>'
        for name, width in WIDTHS.items()
    )
    harness = page.with_name("harness.html")
    harness.write_text(HARNESS % {"frames": frames, "question": question})
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--dump-dom",
    ]
    options += ["--disable-dev-shm-usage"]  # a container has little of it
    options += [f"--user-data-dir={page.with_name('profile')}", "--virtual-time-budget=10000"]
    options += [f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    done = subprocess.run([CHROMIUM, *options, harness.as_uri()], capture_output=True, text=True, timeout=120)
    _, _, rest = done.stdout.partition('<pre id="found">')
    text = rest.partition("</pre>")[0].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert text.startswith("{"), f"the page did not answer: {done.stdout[-500:]} {done.stderr[-500:]}"
    found: dict[str, Any] = json.loads(text)
    return found
