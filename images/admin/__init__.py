"""The maintainer's view of requests, images and who may ask. Actions call the same services as everything else."""

from images.admin import builds as builds
from images.admin import files as files
from images.admin import images as images
from images.admin import people as people
from images.admin import requests as requests
