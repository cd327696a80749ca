"""The API of the original design, 2017 to 2020: progress by status (201, 206, 200), later by headers (202).

::

    calls      a POST as it came: its fields, who sent it        reading    fields into Place and Asked
    standing   where a request stands, in words of that time     folders    an image's files and their addresses
    by_status  /update-request, /image-request                   by_header  /api/upgrade-..., /api/build-request
    checks     /update-request, /api/upgrade-check             files      what lies at the addresses of folders
    offers     what there is to choose from, for the web client  records    what is known of images

All of them ask `images.services`, as /api/v1 does: one store of builds below both.
"""
