"""Processes by their number: which one this is, among which it counts, and whether another lives."""

import os
import platform
import sys
import zlib
from pathlib import Path

STILL_ACTIVE = 259  # what Windows gives as the exit code of a process that runs
QUERY_LIMITED_INFORMATION = 0x1000


def namespace() -> str:
    """What tells apart the machines and containers that count their processes by themselves."""
    parts = [platform.node()]
    own = Path("/proc/self/ns/pid")
    if own.exists():
        parts.append(os.readlink(own))
    return f"{zlib.crc32('|'.join(parts).encode()):08x}"


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs; one of another user counts."""
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _is_alive_on_windows(pid: int) -> bool:
    import ctypes

    kernel = ctypes.windll.kernel32  # pyright: ignore[reportAttributeAccessIssue]
    handle = kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == STILL_ACTIVE
