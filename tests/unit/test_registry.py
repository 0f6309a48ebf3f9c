"""What third parties add, and what a name that isn't known is told."""

from typing import Any

import pytest

from edgekit import registry
from edgekit.registry import Entry, Registry, nearest
from edgekit.runtimes import RUNTIMES
from edgekit.workflows import doctor
from tests import fakes

FAKES = fakes.NAMES


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    fakes.install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    registry._entry_points.cache_clear()
    yield
    registry._entry_points.cache_clear()


@pytest.fixture
def runtimes(third_party):
    return Registry("runtime", {"own": Entry("os:name"), "calm": Entry("os:sep")})


@pytest.mark.usefixtures("third_party")
def test_third_parties_are_among_the_names_and_replace_none(runtimes):
    assert set(runtimes.names()) == {"own", *FAKES}
    assert runtimes.names()[:2] == ["own", "calm"]
    assert runtimes.entry("calm").target == "os:sep"
    assert runtimes.get("loud") is fakes.LOUD


def test_asking_for_one_first_does_not_replace_either(runtimes):
    assert runtimes.get("loud") is fakes.LOUD
    assert runtimes.entry("calm").target == "os:sep"


@pytest.mark.usefixtures("third_party")
def test_doctor_sees_them(monkeypatch):
    fresh: Registry[Any] = Registry("runtime", RUNTIMES._table)
    monkeypatch.setattr(doctor, "_REGISTRIES", (fresh,))
    assert {part.name for part in doctor.parts()} >= {"onnxruntime", *FAKES}


def test_what_is_installed_is_not_looked_through_for_a_known_name(monkeypatch):
    def fail(_):
        raise AssertionError

    monkeypatch.setattr(registry, "_third_party", fail)
    assert Registry("runtime", {"own": Entry("os:name")}).get("own")


@pytest.mark.parametrize(
    ("kind", "group"),
    [("runtime", "edgekit.runtimes"), ("model family", "edgekit.model_families")],
)
def test_the_group_is_the_plural(monkeypatch, kind, group):
    asked = []

    class Points:
        def select(self, *, group):
            asked.append(group)
            return ()

    monkeypatch.setattr(registry, "_entry_points", Points)
    assert Registry(kind, {}).names() == []
    assert asked == [group]


def test_what_is_far_is_no_hint():
    assert nearest("segment", ["classify", "embed"]) == "one of: classify, embed"
    assert nearest("clasify", ["classify", "embed"]) == "did you mean classify?"
