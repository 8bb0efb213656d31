"""Opens a written report in a browser, where there is a desktop to show it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path


def open_in_browser(path: Path, environment: Mapping[str, str]) -> bool:
    """Open a file as the desktop does; false without one, as on most servers.

    A browser for terminals would take this one, so there must be a display (freedesktop.org's
    xdg-open needs one; macOS always has its `open`).
    """
    is_mac = sys.platform == "darwin"
    if not is_mac and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return False
    program = shutil.which("open" if is_mac else "xdg-open", path=environment.get("PATH"))
    if program is None:
        return False
    process = subprocess.Popen(  # noqa: S603 - the desktop's own program, with one absolute path
        [program, str(path.absolute())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # Some wait as long as the browser runs.
    threading.Thread(target=process.wait, daemon=True).start()
    return True
