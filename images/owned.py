"""Which rows are whose: see `packages.reach`."""

from packages.reach import CHANGE, Reach, tell


def tell_all() -> None:
    """Called when the apps are ready."""
    tell(
        images_imagerequest=Reach(name="distribution", organisation="organisation", may=CHANGE),
        images_image=Reach(name="request__distribution", organisation="request__organisation", may=CHANGE),
        images_imagefile=Reach(name="image__request__distribution", organisation="image__request__organisation"),
        images_downloadcount=Reach(name="image__request__distribution", organisation="image__request__organisation"),
        images_clienttoken=Reach(organisation="organisation"),
    )
