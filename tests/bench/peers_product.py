"""Fill MLflow's store with the runs of a lab; runs in an environment of its own.

Its own classes make the tables and the rows; they are written at once.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

from mlflow.store.tracking.dbmodels.models import (
    SqlLatestMetric,
    SqlMetric,
    SqlRun,
    SqlTag,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

STATUS = {"succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


def milliseconds(text):
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def rows_of(runs, experiment_id):
    """Yield each table with the rows that logging these runs would have written."""
    made, tags, metrics = [], [], []
    for run in runs:
        key, start = run["id"].replace("-", ""), milliseconds(run["created_at"])
        end, name = milliseconds(run["finished_at"]), run["name"] or run["id"]
        made.append(
            {
                "run_uuid": key,
                "name": name,
                "source_type": "LOCAL",
                "user_id": "bench",
                "status": STATUS[run["status"]],
                "start_time": start,
                "end_time": end,
                "lifecycle_stage": "active",
                "artifact_uri": f"mlflow-artifacts:/{experiment_id}/{key}/artifacts",
                "experiment_id": experiment_id,
            }
        )
        known = {"mlflow.runName": name} | dict.fromkeys(run["tags"], "1")
        tags += [{"key": k, "value": v, "run_uuid": key} for k, v in known.items()]
        metrics += [
            {
                "key": name,
                "value": float(value),
                "timestamp": end,
                "step": 0,
                "is_nan": False,
                "run_uuid": key,
            }
            for name, value in run["metrics"].items()
            if value is not None
        ]
    yield SqlRun, made
    yield SqlTag, tags
    yield SqlMetric, metrics
    yield SqlLatestMetric, metrics


def main():
    runs = json.loads(Path(sys.argv[1]).read_text())
    artifacts = Path(sys.argv[2]).with_name("artifacts")
    store = SqlAlchemyStore(f"sqlite:///{sys.argv[2]}", str(artifacts))
    experiment_id = int(store.create_experiment("the lab"))
    with store.engine.begin() as connection:
        for table, rows in rows_of(runs, experiment_id):
            connection.execute(table.__table__.insert(), rows)


if __name__ == "__main__":
    main()
