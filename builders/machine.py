"""What a worker's machine has, and has left: facts for maintainers, and floors below which it takes no builds."""

import os
import shutil
from pathlib import Path
from typing import Any

from packages.conf import settings

_MB = 2**20


def facts() -> dict[str, Any]:
    """What does not change: version, processors, memory and disk in MB."""
    return {
        "version": settings.VERSION,
        "cpus": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB,
        "disk_mb": shutil.disk_usage(_folder()).total // _MB,
    }


def load() -> dict[str, Any]:
    """What changes: free memory and disk in MB, and how many processes want to run."""
    return {"free_memory_mb": _free_memory(), "free_disk_mb": _free_disk(), "load": round(os.getloadavg()[0], 2)}


def complaint() -> str:
    """Why no build should begin here just now; "" when all is well."""
    disk = _free_disk()
    if disk < settings.ASU_MIN_FREE_MB:
        return f"Only {disk // 64 * 64} MB are free on the disk; builds need {settings.ASU_MIN_FREE_MB} MB."
    memory = _free_memory()
    if memory is not None and memory < settings.ASU_MIN_FREE_MEMORY_MB:
        return f"Only {memory // 16 * 16} MB of memory are free; builds need {settings.ASU_MIN_FREE_MEMORY_MB} MB."
    return ""


def _folder() -> Path:
    folder = Path(settings.ASU_DATA_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _free_disk() -> int:
    return shutil.disk_usage(_folder()).free // _MB


def _free_memory() -> int | None:
    """What the kernel thinks that new programs can have, without swapping (proc(5), MemAvailable)."""
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) // 1024
    except OSError:
        pass
    return None
