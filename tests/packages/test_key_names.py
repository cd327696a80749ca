"""Keys go by the fingerprints that their tools print."""

import shutil
import subprocess
from pathlib import Path

import pytest

from packages.key_names import fingerprint
from packages.signatures import UsignKey


def test_a_usign_key_goes_by_its_number() -> None:
    key = UsignKey.generate("k")

    assert fingerprint("usign", key.public_text()) == key.fingerprint


@pytest.mark.skipif(shutil.which("gpg") is None, reason="needs gpg")
@pytest.mark.parametrize("kind", ["rsa2048", "ed25519"])
def test_an_openpgp_key_goes_by_what_gpg_says(tmp_path: Path, kind: str) -> None:
    gpg = ["gpg", "--homedir", str(tmp_path), "--batch", "--quiet"]
    tmp_path.chmod(0o700)
    subprocess.run([*gpg, "--passphrase", "", "--quick-gen-key", "a@example.org", kind, "sign"], check=True)
    text = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True, text=True).stdout
    listed = subprocess.run([*gpg, "--with-colons", "-k"], check=True, capture_output=True, text=True).stdout
    told = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    assert fingerprint("gpg", text) == told


@pytest.mark.parametrize("kind", ["usign", "gpg", "apk"])
def test_what_is_no_key_has_none(kind: str) -> None:
    assert fingerprint(kind, "nonsense") == ""
