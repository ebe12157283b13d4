"""The S onset: on made waves of every length, and what must not be taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference.s_onset_twin import s_onset

RATE = 100.0
P = 1000


def waves(sp_s: float, p_h: float = 0.3, s_h: float = 6.0, seed: int = 0) -> list[np.ndarray]:
    """E, N, Z: noise of 0.01, P on all with `p_h` on the horizontals (Z 1), S after `sp_s`."""
    rng = np.random.default_rng(seed)
    n = P + int(RATE * (2.5 * sp_s + 5.0))
    t = np.arange(n - P) / RATE
    p = np.exp(-t / (2.0 + sp_s))
    s = np.where(t >= sp_s, np.exp(-(t - sp_s) / 4.0), 0.0)
    out = []
    for p_part, s_part in ((p_h, s_h), (p_h, s_h), (1.0, 1.0)):
        x = 0.01 * rng.standard_normal(n)
        x[P:] += (p_part * p + s_part * s) * rng.standard_normal(n - P)
        out.append(x)
    return out


@pytest.mark.parametrize("sp_s", [0.8, 1.5, 3.0, 8.0, 20.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_s_is_found_where_it_is(sp_s: float, seed: int) -> None:
    found = s_onset(*waves(sp_s, seed=seed), P, RATE)
    assert found is not None
    assert found.onset == pytest.approx(P + sp_s * RATE, abs=3)
    assert P + sp_s * RATE <= found.trigger < P + (1.5 * sp_s + 0.6) * RATE


@pytest.mark.parametrize("factor", [1e-9, 1e6])
def test_gain_does_not_matter(factor: float) -> None:
    made = waves(3.0)
    assert s_onset(*(factor * x for x in made), P, RATE) == pytest.approx(s_onset(*made, P, RATE))


def test_a_p_wave_alone_has_no_s() -> None:
    assert s_onset(*waves(10.0, s_h=0.0), P, RATE) is None


def test_a_p_wave_that_swells_has_no_s() -> None:
    """Amplitude growing with time on all components, as over the first seconds of a large rupture."""
    rng = np.random.default_rng(5)
    t = np.arange(2000) / RATE
    made = [0.01 * rng.standard_normal(P + 2000) for _ in range(3)]
    for x, part in zip(made, (0.5, 0.5, 1.0), strict=True):
        x[P:] += part * t * rng.standard_normal(2000)
    assert s_onset(*made, P, RATE) is None


def test_a_jump_on_all_components_is_no_s() -> None:
    e, n, z = waves(3.0, s_h=6.0)
    assert s_onset(e, n, z, P, RATE) is not None
    assert s_onset(e, n, 2.0 * e, P, RATE) is None


def test_a_record_that_ends_too_soon() -> None:
    e, n, z = (x[: P + 20] for x in waves(3.0))
    assert s_onset(e, n, z, P, RATE) is None
