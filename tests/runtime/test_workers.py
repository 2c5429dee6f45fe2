"""One declaration holds in the workers of every library: each process builds its own, once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import owned_cases
import pytest

Told = tuple[int, tuple[int, int]]
TASKS = range(40)


@pytest.fixture(autouse=True)
def ours() -> tuple[int, int]:
    """This process has built its own before there are workers."""
    thing: tuple[int, int] = owned_cases.OWN["thing"]
    return thing


def check(told: Iterable[Told], ours: tuple[int, int]) -> None:
    things: dict[int, set[tuple[int, int]]] = {}
    for pid, thing in told:
        things.setdefault(pid, set()).add(tuple(thing))  # type: ignore[arg-type]
    assert things
    assert os.getpid() not in things
    for pid, owned in things.items():
        ((builder, _),) = owned  # one, for all that it did
        assert builder == pid
    assert owned_cases.OWN["thing"] == ours


def test_loky(ours: tuple[int, int]) -> None:
    from joblib.externals.loky import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as pool:
        check(pool.map(owned_cases.use, TASKS), ours)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, ours: tuple[int, int]) -> None:
    import multiprocessing

    with multiprocessing.get_context(method).Pool(2) as pool:
        check(pool.map(owned_cases.use, TASKS, chunksize=1), ours)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_dataloader(method: str, ours: tuple[int, int]) -> None:
    data = pytest.importorskip("torch.utils.data")
    loader = data.DataLoader(
        owned_cases.Samples(), batch_size=None, num_workers=2, multiprocessing_context=method
    )
    check(((pid, (builder, number)) for pid, builder, number in loader), ours)


@pytest.mark.slow
def test_dask(ours: tuple[int, int]) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        check(client.gather(client.map(owned_cases.use, TASKS)), ours)


@pytest.mark.slow
def test_ray(ours: tuple[int, int]) -> None:
    ray = pytest.importorskip("ray")
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {"env_vars": {"PYTHONPATH": paths}}
    ray.init("local", num_cpus=2, include_dashboard=False, runtime_env=environment)
    try:
        use = ray.remote(owned_cases.use)
        check(ray.get([use.remote(k) for k in TASKS]), ours)
    finally:
        ray.shutdown()
