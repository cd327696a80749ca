"""What builders tell the rest: they know nobody who listens."""

from django.dispatch import Signal

# Arguments: build (Build, already DONE), result (BuildResult), folder (Path with exactly the files of the result).
# Sent inside the transaction that finishes the build, while its row is locked. A receiver that raises
# `BuildFailedError` makes the build fail with that reason; any other exception leaves the build unfinished, so that it
# is built again when the lease has run out. A receiver may be called again for a build whose transaction was lost.
build_finished = Signal()

# Arguments: build (Build, FAILED or PARKED, as it is in the database). Sent inside the transaction that ends it, while
# its row is locked. Not for builds that were dropped: nobody wanted them.
build_failed = Signal()
