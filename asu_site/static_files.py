"""Static files under names that hold their hash: browsers keep them for ever, and never mix those of two versions."""

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Before `collectstatic` has run, the plain names: no page fails for want of a picture."""

    manifest_strict = False

    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        """`site.4f1e0c2a9b7d.css`, or the name itself."""
        try:
            hashed: str = super().hashed_name(name, content, filename)
            return hashed
        except ValueError:
            return name
