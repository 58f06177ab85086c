"""A search for expressions for scripts: launched as a job."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict

from experiments.api.schemas import A_TIME, inlined_properties
from experiments.api.submission import tell_budget
from experiments.services.generate import OF_PLAN, TrainRequest, train_request
from jobs.api import JobOut, job_document
from jobs.selectors import job_rows
from strategies.discovery.protocol import SearchPlan

router = Router(tags=["jobs"])

EXAMPLE: dict[str, Any] = {
    "n": 50,
    "seed": 42,
    "workers": 4,
    "params": {
        "cap": 0.05,
        "max_lev": 1.0,
        "execution_lag": 1,
        "smooth_ema": None,
        "limit_score": 25.0,
    },
    "universe": {"preset_id": "us_indices"},
}
PLAN = {
    key: one for key, one in inlined_properties(SearchPlan).items() if key in OF_PLAN
}


class TrainIn(BaseModel):
    """A plan, the data it searches on and what is said beside it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": {
                **PLAN,
                **inlined_properties(TrainRequest),
                "start": A_TIME,
                "end": A_TIME,
            },
            "additionalProperties": False,
            "examples": [EXAMPLE],
        },
    )

    def body(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


@router.post(
    "/train",
    response={200: JobOut, 202: JobOut},
    summary="Search for expressions",
)
def post_train(request: HttpRequest, response: HttpResponse, payload: TrainIn) -> Any:
    """Every expression counts as a trial; the test span is sealed until the end.

    The same plan on unchanged data is answered with the job it had (200). 429 while as
    many searches are at work as may be.
    """
    submission = train_request(body=payload.body())
    [row] = job_rows([submission.run.job])
    document = job_document(row)
    response["Location"] = document["links"]["self"]
    tell_budget(response, submission.run.job)
    return Status(200 if submission.reused else 202, document)
