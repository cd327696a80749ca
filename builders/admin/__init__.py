"""The maintainer's view of builds, workers and ImageBuilders. Buttons call the queue, as everything else does.

`live`: pages that keep themselves fresh. `orders`: what workers can be told. The others: one page or list each.
"""

from builders.admin import attempts as attempts
from builders.admin import builds as builds
from builders.admin import imagebuilders as imagebuilders
from builders.admin import joining as joining
from builders.admin import workers as workers
