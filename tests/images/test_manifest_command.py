"""`manage.py manifest`, with the demo distribution's real ImageBuilder."""

import io

import pytest
from django.core.management import CommandError, call_command

from builders.models import Build

pytestmark = pytest.mark.django_db


def manifest(*words: str) -> dict[str, str]:
    out = io.StringIO()
    call_command("manifest", *words, stdout=out, stderr=io.StringIO())
    return dict(line.split(" - ", 1) for line in out.getvalue().splitlines())


@pytest.fixture
def demo(data_dir: object) -> None:
    call_command("setup_demo", stdout=io.StringIO())


@pytest.mark.usefixtures("demo")
def test_packages_are_resolved_and_nothing_is_built() -> None:
    found = manifest("demo", "25.04.0", "demo/generic", "acme,rocket-1", "--packages=demo-sniff -luci")

    assert found["demo-sniff"] == "4.99.5-r1"
    assert "libdemopcap" in found
    assert not Build.objects.exists()


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("demo", "1.0", "demo/generic", "acme_rocket-1"), "Unsupported version: 1.0"),
        (("demo", "25.04.0", "demo/generic", "toaster"), "Unsupported profile: toaster"),
        (("demo", "25.04.0", "demo/generic", "acme_rocket-1", "--packages=$(id)"), "packages\\[0\\]"),
        (("demo", "25.04.0", "demo/generic", "acme_rocket-1", "--packages=wpad-full"), "exclude each other"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        manifest(*words)
