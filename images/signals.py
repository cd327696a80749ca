"""What happens here that others may want to count; `images` does not know who listens."""

from django.dispatch import Signal

# Sent with request: ImageRequest, created: bool (False: the build was known already).
image_requested = Signal()
# Sent with file: ImageFile and kind: str (images.client_kinds), when a whole download ended.
image_downloaded = Signal()
