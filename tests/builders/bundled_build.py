"""What a bundle runs in tests instead of the worker's command line: builds one spec, prints the result."""

import json
import sys
from pathlib import Path

from builders.notes import Notes
from builders.runners.sandbox import probe
from builders.spec import BuildSpec
from builders.states import Phase
from builders.workshop import Workshop


def main() -> int:
    spec, out = map(Path, sys.argv[-2:])
    phases: list[Phase] = []
    said: list[str] = []

    def report(phase: Phase, percent: int | None) -> None:
        if phase not in phases:
            phases.append(phase)

    found = Workshop(Notes()).build(
        BuildSpec.from_json(json.loads(spec.read_text())), out, report, lambda: True, said.append
    )
    result = {
        "files": {file.name: file.sha256 for file in found.files},
        "manifest": found.manifest,
        "phases": phases,
        "said": "".join(said),
        "level": probe().level,
        "modules": sorted(sys.modules),
        "stdout": found.stdout,
        "stderr": found.stderr,
    }
    sys.stdout.write(json.dumps(result))
    return 0
