"""Asks a router over the ssh program what it is and what it has. Read only."""

import shutil
import subprocess

from asu_cli import texts
from asu_cli.errors import LocalError, UsageError

_MARK = "===asu==="
# One connection, so that a password is asked for once.
_COMMAND = (
    f"ubus call system board; echo {_MARK}; "
    "if command -v apk >/dev/null 2>&1; then apk list -I 2>/dev/null; else opkg list-installed; fi; "
    f"echo {_MARK}; if [ -d /sys/firmware/efi ]; then echo efi; fi"
)
_SECONDS = 120
_MOST_CHARACTERS = 4 * 1024 * 1024


def ask(login: str) -> tuple[str, str, bool]:
    """Board data and package list as the router prints them, and whether it booted by EFI."""
    if login.startswith("-") or not login.isprintable() or " " in login:
        raise UsageError(f"--ssh {texts.line(login, 60)!r} is not USER@HOST, e.g. root@192.168.1.1.")
    program = shutil.which("ssh")
    if program is None:
        raise LocalError("--ssh needs the program ssh, which is not there; give --board and --packages instead.")
    try:
        done = subprocess.run(
            [program, "-o", "ConnectTimeout=15", "--", login, _COMMAND],
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LocalError(f"{login} did not answer within {_SECONDS} seconds.") from error
    parts = done.stdout[:_MOST_CHARACTERS].split(_MARK)
    if done.returncode != 0 or len(parts) != 3:
        raise LocalError(f"ssh to {texts.line(login, 60)} failed (status {done.returncode}); its own words are above.")
    return parts[0], parts[1], parts[2].strip() == "efi"
