"""Labels: the database and the question to one build always say the same."""

import pytest

from builders import labels
from builders.labels import LabelError, Place, fits, fitting
from builders.models import Build
from tests.factories import make_build, make_spec

PLACES = [
    Place("demo", "hill/small", "mips_24kc"),
    Place("demo", "hill/smaller", "riscv"),
    Place("demo", "hill_x/small", "mips_24kc"),
    Place("demo", "hillax/small", "mips_24kcx"),
    Place("openwrt", "dale/wide", ""),
]
LABELS = [
    [],
    ["target:hill/small"],
    ["target:hill/*"],
    ["target:hill_x/*"],
    ["target:hill/*", "target:dale/wide"],
    ["target:hill/*", "arch:riscv"],
    ["arch:mips_24kc"],
    ["distribution:demo"],
    ["distribution:demo", "distribution:openwrt", "arch:riscv"],
    ["distribution:openwrt", "target:hill/*"],
]


@pytest.mark.django_db
@pytest.mark.parametrize("words", LABELS, ids=str)
def test_the_filter_and_the_question_agree(words: list[str]) -> None:
    for place in PLACES:
        spec = make_spec(distribution=place.distribution, target=place.target, arch_packages=place.arch)
        make_build(spec=spec)

    found = Build.objects.filter(fitting(labels.parse(words))).values_list("distribution", "target", "arch")

    assert sorted(found) == sorted(place for place in PLACES if fits(words, place))


@pytest.mark.parametrize(
    ("words", "fitting_places"),
    [([], 5), (["target:hill/*"], 2), (["target:hill/small"], 1), (["target:hill/*", "arch:riscv"], 1)],
)
def test_of_several_of_a_kind_one_has_to_fit_and_of_several_kinds_each(words: list[str], fitting_places: int) -> None:
    assert sum(fits(words, place) for place in PLACES) == fitting_places


@pytest.mark.parametrize("words", [None, "arch:x", ["arch:x y"], ["kind:x"], ["target:hill"], ["target:/*"], [""], [0]])
def test_what_is_no_label_is_named_with_what_would_be(words: object) -> None:
    with pytest.raises(LabelError, match="labels:"):
        labels.parse(words)
