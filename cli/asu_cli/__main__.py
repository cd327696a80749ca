"""`python -m asu_cli` is `asu`."""

from asu_cli.main import run

if __name__ == "__main__":
    run()
