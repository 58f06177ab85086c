"""What the worker calls: take the id, call one service."""

from __future__ import annotations

from io import BytesIO
from typing import Any, BinaryIO

from experiments.artifacts.files import run_files
from experiments.artifacts.manifest import manifest_facts
from experiments.artifacts.report import report_document
from experiments.models import ModelRun
from experiments.selectors.runs import run_get
from experiments.services.critic import critic_read
from experiments.services.dataset_execute import dataset_execute
from experiments.services.dataset_fetch import dataset_fetched
from experiments.services.datasets import dataset_take_in
from experiments.services.execute import run_execute
from experiments.services.expressions import expression_answer
from experiments.services.generate_execute import generate_execute
from experiments.services.overfitting import overfitting_compute
from experiments.services.picture import Wanted, picture_draw
from experiments.services.pipeline_execute import pipeline_execute
from experiments.services.reproduce_execute import reproduce_execute
from experiments.services.retention import retention_execute
from experiments.services.statistics import statistics_answer
from experiments.services.strategy_sheet import sheet_compute
from experiments.services.sweep_execute import sweep_execute
from experiments.services.training_execute import training_execute
from experiments.services.validation_execute import validation_execute
from experiments.services.walk_execute import walk_execute
from experiments.services.why import why_find
from jobs.progress import JobContext
from strategies import Candles, RunConfig, load_candles, run_backtest
from strategies.trials import MemorySink, reporting_to
from strategies.warmup import warm_up


def backtest(context: JobContext) -> None:
    run_execute(run_id=context.job.run_id, context=context)


def sweep(context: JobContext) -> None:
    sweep_execute(run_id=context.job.run_id, context=context)


def walk_forward(context: JobContext) -> None:
    walk_execute(run_id=context.job.run_id, context=context)


def generate(context: JobContext, *, workers: int | None) -> None:
    generate_execute(run_id=context.job.run_id, context=context, workers=workers)


def validate(context: JobContext) -> None:
    validation_execute(run_id=context.job.run_id, context=context)


def intake(context: JobContext) -> None:
    dataset_take_in(dataset_id=context.job.run_id, context=context)


def fetch(context: JobContext) -> None:
    dataset_fetched(dataset_id=context.job.run_id, context=context)


def dataset(context: JobContext) -> None:
    dataset_execute(dataset_id=context.job.run_id, context=context)


def model_training(context: JobContext) -> None:
    training_execute(run_id=context.job.run_id, context=context)


def reproduce(context: JobContext) -> None:
    reproduce_execute(run_id=context.job.run_id, context=context)


def retention(context: JobContext) -> None:
    retention_execute(context=context)


def pipeline(context: JobContext) -> None:
    pipeline_execute(pipeline_id=context.job.run_id, context=context)


def picture(context: JobContext, **asked: str) -> None:
    picture_draw(run=run_get(context.job.run_id), wanted=Wanted(**asked))


def overfitting(context: JobContext, **asked: str) -> None:
    overfitting_compute(context=context, **asked)


def leak_check(context: JobContext, **asked: Any) -> None:
    expression_answer(kind="leak_check", context=context, **asked)


def preview(context: JobContext, **asked: Any) -> None:
    expression_answer(kind="preview", context=context, **asked)


def strategy_sheet(context: JobContext, *, expr_hash: str) -> None:
    sheet_compute(expr_hash=expr_hash, context=context)


def statistics(context: JobContext, **asked: Any) -> None:
    statistics_answer(context=context, **asked)


def critic(context: JobContext) -> None:
    critic_read(context=context)


def why(context: JobContext, number: int) -> None:
    why_find(number=number, context=context)


def preload() -> None:
    """Do in the fork server, once, what each child would pay for the first time."""
    warm_up()
    config = RunConfig(
        provider="synthetic",
        symbol="SYN-gbm-1",
        strategy={"name": "buy_and_hold"},
    )
    candles = load_candles(config)
    with reporting_to(MemorySink()):  # nobody looks at this result
        result = run_backtest(config, candles)
    report_document(result)
    manifest_facts(result, [candles])
    files = {name: BytesIO() for name in run_files(result)}
    for name, write in run_files(result).items():
        write(files[name])
    _read_candles(files["bars.parquet"])
    str(ModelRun.objects.filter(name="").query)  # compiled without a connection


def _read_candles(file: BinaryIO) -> None:
    import pyarrow.parquet as pq

    # Alone: a process that forks must not have started a pool of threads.
    table = pq.ParquetFile(file, pre_buffer=False).read(use_threads=False)
    frame = table.to_pandas(use_threads=False)
    Candles.from_frame(frame, symbol="SYN-gbm-1", timeframe="1d")
