"""Jobs -> outcomes on many machines, by Ray Data: in the order of the jobs, an encoder per actor.

Ray limits results in waiting to its store (back pressure), and repeats the jobs of a lost machine.
Only the process that runs the build commits; it has little else to do.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qa.errors import ExtraMissing, SettingError
from qa.index.lance.work import ARTICLES_AT_ONCE, Done, Job, Recipe, Worker

if TYPE_CHECKING:
    import pyarrow as pa


def run_on_ray(jobs: list[Job], recipe: Recipe, workers: str) -> Iterator[Done]:
    """Do jobs on a Ray cluster (its address) or in so many processes of this machine.

    Raises:
        ExtraMissing: Ray is not installed.
        SettingError: there is no cluster at the address.
    """
    try:
        import ray
    except ImportError:
        raise ExtraMissing('--workers needs Ray: run `pip install "article-qa[scale]"`') from None
    started = not ray.is_initialized()
    if started:
        _start(workers)
    try:
        yield from _run(jobs, recipe, workers)
    finally:
        if started:
            ray.shutdown()


def _start(workers: str) -> None:
    import logging
    import os
    import warnings

    # What Ray itself reports as an error while it starts an actor is no error of a build; those
    # come as exceptions.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with warnings.catch_warnings():
            # Ray's processes are new programs: nothing of LanceDB's threads goes on in them.
            warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)
            if workers.isdecimal():
                # One more than workers: Ray Data hangs if actors occupy all CPUs.
                ray.init(num_cpus=int(workers) + 1, include_dashboard=False, **options)
            else:
                ray.init(address=workers, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise SettingError(f"Ray cannot be reached at {workers} ({error})") from error


def _run(jobs: list[Job], recipe: Recipe, workers: str) -> Iterator[Done]:
    import ray

    count = (
        int(workers)
        if workers.isdecimal()
        else max(1, int(ray.cluster_resources().get("CPU", 2)) - 1)
    )
    gpus = ray.cluster_resources().get("GPU", 0)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    blocks = max(1, min(len(jobs) // ARTICLES_AT_ONCE, 10_000))
    rows = ray.data.from_items([job._asdict() for job in jobs], override_num_blocks=blocks)
    outcomes = rows.map_batches(
        _Actor,
        fn_constructor_args=(recipe,),
        batch_size=ARTICLES_AT_ONCE,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count),
        num_cpus=1,
        num_gpus=1 if gpus >= count else 0,
    )
    for row in outcomes.iter_rows():
        yield _unpack(row)


class _Actor:
    """A worker with the interface of Ray Data: columns in, columns out."""

    def __init__(self, recipe: Recipe) -> None:
        self._worker = Worker(recipe)

    def __call__(self, columns: dict[str, Any]) -> dict[str, list[Any]]:
        jobs = [
            Job(*(value.item() if hasattr(value, "item") else value for value in row))
            for row in zip(*(columns[name] for name in Job._fields), strict=True)
        ]
        done = self._worker.run(jobs)
        packed = [_pack(one) for one in done]
        return {name: [row[name] for row in packed] for name in Done._fields}


def _pack(done: Done) -> dict[str, Any]:
    return {
        **done._asdict(),
        "article": _to_bytes(done.article),
        "passages": _to_bytes(done.passages),
    }


def _unpack(row: dict[str, Any]) -> Done:
    return Done(
        **{**row, "article": _from_bytes(row["article"]), "passages": _from_bytes(row["passages"])}
    )


def _to_bytes(table: "pa.Table | None") -> bytes:
    import pyarrow as pa

    if table is None:
        return b""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _from_bytes(packed: bytes) -> "pa.Table | None":
    import pyarrow as pa

    return pa.ipc.open_stream(packed).read_all() if packed else None
