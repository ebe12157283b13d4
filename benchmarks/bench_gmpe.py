"""From magnitude and place to shaking at many sites: ground-motion models, and the whole facade.

    python benchmarks/bench_gmpe.py [--repeats N] [--json FILE]

CPU times of PGA and PGV with scatter at 10,000 sites for each model, of which Yu and others (2013) is
compared with OpenQuake (engine 3.24.1, `YuEtAl2013Ms`, PGA and PGV at 10,000 places up to 300 km: 10.4 s on a
machine of two cores with Python 3.11; it searches the ellipse of each place), and of `Relations.at` at 13,000
sites, three magnitudes each (for its uncertainty): p50 and p99.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from common import Row, cpu_seconds, report

from seiswarn.shaking.distance import Paths
from seiswarn.shaking.gmpe import GMPES
from seiswarn.shaking.params import Params
from seiswarn.shaking.relations import Relations, Source

SEED = 20130801
SITES, ALL_SITES = 10_000, 13_000  # the second: stations and county seats of China
OPENQUAKE_YU_S = 10.4  # as the docstring says
LINE = (29.4, 103.2, 30.6, 104.8)
WHOLE = {
    "bssa14": Params(),
    "bssa14, MMI": Params(conversion="worden2012"),
    "yu2013, no strike": Params(gmpe="yu2013"),
    "yu2013, strike": Params(gmpe="yu2013", strike_deg=40.0),
    "parker2020": Params(gmpe="parker2020"),
    "allen2012": Params(ipe="allen2012", conversion="worden2012"),
}


def models(repeats: int) -> dict[str, Row]:
    """CPU time of each model alone."""
    rng = np.random.default_rng(SEED)
    r, angle = rng.uniform(1.0, 300.0, SITES), rng.uniform(0.0, 2.0 * np.pi, SITES)
    paths = Paths(r, r, r, r, angle, 12.0)
    rows = {}
    for name, kind in GMPES.items():
        model = kind(Params(gmpe=name))
        terms = model.site_terms(rng.uniform(180.0, 900.0, SITES))
        spent = cpu_seconds(lambda m=model, t=terms: m.motions(7.0, paths, t), repeats)
        rows[f"{name}, 10,000 sites"] = Row(1e3 * spent, "ms", "lower")
        if name == "yu2013":
            rows["OpenQuake / yu2013"] = Row(OPENQUAKE_YU_S / spent, "times", "higher")
    return rows


def whole(name: str, params: Params, repeats: int) -> dict[str, Row]:
    """CPU times of the facade."""
    rng = np.random.default_rng(SEED)
    relations = Relations(params)
    begun = time.process_time()
    relations.warm()
    warm = time.process_time() - begun
    sites = relations.sites(
        rng.uniform(20.0, 40.0, ALL_SITES),
        rng.uniform(95.0, 115.0, ALL_SITES),
        rng.uniform(180.0, 900.0, ALL_SITES),
    )
    spent = []
    for k in range(repeats + 1):
        line = LINE if k % 2 else None
        source = Source(6.0 + 0.01 * (k % 150), 0.3, 30.0, 104.0, 12.0, line)
        begun = time.process_time()
        relations.at(source, sites)
        spent.append(time.process_time() - begun)
    p50, p99 = 1e3 * np.percentile(spent[1:], [50, 99])  # the first makes what the sites alone decide
    return {
        f"{name}, 13,000 sites, p50": Row(float(p50), "ms", "lower"),
        f"{name}, 13,000 sites, p99": Row(float(p99), "ms", "lower"),
        f"{name}, warm": Row(warm, "s", "lower"),
    }


def measure(repeats: int) -> dict[str, Row]:
    rows = models(max(3, repeats // 10))
    for name, params in WHOLE.items():
        rows |= whole(name, params, repeats)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report("gmpe", measure(options.repeats), options.json)


if __name__ == "__main__":
    main()
