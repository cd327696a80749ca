"""Lists of the admin that stay fast over a million rows.

`fast`: the base class. `keyset`: pages by where the last one ended. `counts`: about how many. `search`: by a beginning.
`filters`: choices that cost no look at the rows. `indexes` and `columns`: for models and migrations.
"""
