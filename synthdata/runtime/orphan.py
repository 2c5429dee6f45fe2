"""The end of a process whose parent has ended: nobody waits for it any more."""

from __future__ import annotations

import os
import threading
import time

ORPHAN_S = 0.5  # how long a process takes to notice that its parent is gone


def end_with(parent: int) -> None:
    """Let this process end when its parent has, whatever it is doing."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
