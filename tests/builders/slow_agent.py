"""An agent in a process of its own that can be killed: `python -m tests.builders.slow_agent [PHASE]`.

It builds nothing, but goes through the phases of a build. In PHASE ("finish": while it hands in) it stands still.
"""

import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings


def main(stall: str) -> None:
    from builders import agent
    from builders.signals import build_finished
    from builders.spec import BuildFailedError, BuildResult, BuildSpec
    from builders.states import Phase, Reason
    from builders.transports.local import LocalTransport, free_slot
    from builders.wake import is_stopping

    root = Path(settings.ASU_DATA_DIR)

    def stand_still(**_: Any) -> None:
        (root / "reached").touch()
        while not is_stopping():
            time.sleep(0.02)

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        (out / "half-an-image").write_bytes(b"x")
        for phase in Phase:
            report(phase, None)
            if phase == stall:
                stand_still()
            if not go_on():
                raise BuildFailedError(Reason.CRASH, "killed")
        with (root / "built").open("a") as file:
            file.write(spec.hash() + "\n")
        return BuildResult([], {}, {}, ["make", "image"])

    if stall == "finish":
        build_finished.connect(stand_still, weak=False)
    with free_slot() as slot:
        assert slot is not None
        transport = LocalTransport(slot)
        transport.arrive("none", "")
        agent.run(transport, build, linger=0, stop=is_stopping)


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1] if len(sys.argv) > 1 else "")
