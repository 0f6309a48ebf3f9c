"""What no layer reads."""

from edgekit.quantization.ends import Link, behind_layers


def link(name: str, reads: str, *, is_layer: bool = False) -> Link:
    return Link(name, tuple(reads.split()), (name,), is_layer)


def test_what_is_behind_the_last_layers_is_found_on_every_branch():
    links = [
        link("stem", "image", is_layer=True),
        link("act", "stem"),
        link("one", "act", is_layer=True),
        link("two", "act", is_layer=True),
        link("turned", "one"),
        link("joined", "turned two"),
    ]
    assert behind_layers(links) == ("turned", "joined")


def test_a_value_that_a_layer_reads_as_well_is_not_behind():
    links = [
        link("one", "image", is_layer=True),
        link("half", "one"),
        link("two", "half", is_layer=True),
        link("sum", "half two"),
    ]
    assert behind_layers(links) == ("sum",)


def test_coordinates_that_only_say_where_are_behind():
    # `cut` reads the numbers of `map`; where it cuts is no number of its own.
    links = [
        link("map", "image", is_layer=True),
        link("offsets", "map", is_layer=True),
        link("places", "offsets"),
        link("cut", "map"),
        link("last", "cut", is_layer=True),
    ]
    assert behind_layers(links) == ("places",)


def test_without_layers_everything_is_behind():
    assert behind_layers([link("one", "image")]) == ("one",)
