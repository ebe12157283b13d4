import tomllib

from hypothesis import given
from hypothesis import strategies as st

from seiswarn.config_lines import key_lines

TEXT = '''\
# a comment with [a.header] = 1
top = "a # no comment"
"quoted key" = 1

[table]
array = [
  1, # ] no end
  "]",
  [2, 3],
]
multi = """
[no.header]
key = 1
a quote \\""" and more""""
raw = \'\'\'
[neither]\'\'\'
inline = { a = 1, b = "}" }
dotted.key = true
after = 1

[[many]]
x = 1
[many.sub]
y = 2
[[many.sub.deep]]
z = 1
[[many.sub.deep]]
z = 2

[[many]]
x = 2
["odd . name".'x']
w = 0'''


def test_every_kind_of_key_is_found_at_its_line():
    tomllib.loads(TEXT)  # or the test means nothing
    found = key_lines(TEXT)
    rows = TEXT.split("\n")
    for path, start in [
        (("top",), "top"),
        (("quoted key",), '"quoted'),
        (("table",), "[table]"),
        (("table", "array"), "array"),
        (("table", "multi"), "multi"),
        (("table", "raw"), "raw"),
        (("table", "inline"), "inline"),
        (("table", "dotted", "key"), "dotted"),
        (("table", "dotted"), "dotted"),
        (("table", "after"), "after"),
        (("many", 0, "sub", "y"), "y"),
        (("odd . name", "x", "w"), "w"),
    ]:
        assert rows[found.line(path) - 1].startswith(start), path
    assert rows[found.line(("many", 0, "x")) - 1] == "x = 1"
    assert rows[found.line(("many", 1, "x")) - 1] == "x = 2"
    assert rows[found.line(("many", 0, "sub", "deep", 1, "z")) - 1] == "z = 2"
    assert ("no", "header") not in found.lines
    assert ("neither",) not in found.lines


def test_what_is_not_listed_falls_back_to_what_is_around_it():
    found = key_lines(TEXT)
    assert found.line(("table", "inline", "b")) == found.line(("table", "inline"))
    assert found.line(("table", "missing")) == found.line(("table",))
    assert found.line(("nowhere",)) == 1


@given(
    st.lists(
        st.sampled_from(["k = 1", "[t]", "# [c]", "", "s = '''\n[x]\n'''", "[[a]]", 'q."r.s" = [\n1,\n]']),
        max_size=12,
    )
)
def test_each_key_tomllib_finds_has_a_line_that_names_it(blocks):
    text = "\n".join(blocks)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found, rows = key_lines(text), text.split("\n")

    def walk(value, path):
        if path and isinstance(path[-1], str):
            assert path[-1] in rows[found.lines[path] - 1]
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, (*path, key))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for k, inner in enumerate(value):
                assert rows[found.lines[(*path, k)] - 1] == "[[a]]"
                walk(inner, (*path, k))

    walk(data, ())
