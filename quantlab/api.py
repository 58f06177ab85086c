"""The JSON API: its routers, who may call, and the one shape of every error."""

from typing import Any, get_args

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.deprecation import MiddlewareMixin
from ninja import NinjaAPI, Schema
from ninja.errors import (
    AuthenticationError,
    HttpError,
    ValidationError,
    ValidationErrorContext,
)
from ninja.parser import Parser
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel, Field

from experiments.api.archive import router as archive_router
from experiments.api.artifacts import router as artifacts_router
from experiments.api.backtest import router as backtest_router
from experiments.api.breakdown import router as breakdown_router
from experiments.api.broker import router as broker_router
from experiments.api.caches import router as caches_router
from experiments.api.calibration import router as calibration_router
from experiments.api.compare import router as compare_router
from experiments.api.compare_sweeps import router as compare_sweeps_router
from experiments.api.config import router as config_router
from experiments.api.critic import router as critic_router
from experiments.api.dataset_build import router as dataset_build_router
from experiments.api.dataset_fetch import router as dataset_fetch_router
from experiments.api.datasets import router as datasets_router
from experiments.api.experiments import router as experiments_router
from experiments.api.expressions import router as expressions_router
from experiments.api.find import router as find_router
from experiments.api.gate import router as gate_router
from experiments.api.generate import router as generation_router
from experiments.api.jobs_train import router as train_router
from experiments.api.ledger import router as ledger_router
from experiments.api.logs import router as logs_router
from experiments.api.metrics import router as metrics_router
from experiments.api.models import router as models_router
from experiments.api.overfitting import pool_router as pool_tests_router
from experiments.api.overfitting import run_router as sweep_tests_router
from experiments.api.pictures import router as pictures_router
from experiments.api.pipelines import router as pipelines_router
from experiments.api.presets import router as presets_router
from experiments.api.provenance import dataset_router as dependents_router
from experiments.api.provenance import router as provenance_router
from experiments.api.report import router as report_router
from experiments.api.reproduce import proofs_router
from experiments.api.reproduce import router as reproduce_router
from experiments.api.runs import router as runs_router
from experiments.api.saved_views import router as saved_views_router
from experiments.api.series import router as series_router
from experiments.api.sharing import router as sharing_router
from experiments.api.statistics import router as statistics_router
from experiments.api.strategies import router as strategies_router
from experiments.api.sweep import experiment_router as sweep_router
from experiments.api.sweep import router as candidates_router
from experiments.api.system import router as system_router
from experiments.api.trades import router as trades_router
from experiments.api.trash import router as trash_router
from experiments.api.universes import universes_router, watchlists_router
from experiments.api.validation import router as validation_router
from experiments.api.walk_forward import experiment_router as walk_forward_router
from experiments.api.walk_forward import router as windows_router
from experiments.api.why import router as why_router
from experiments.selectors.limits import jobs_left
from experiments.services.budgets import budget_headers
from jobs.api import router as jobs_router
from quantlab.access.api import router as keys_router
from quantlab.access.auth import LabKey, key_needed, scope_needed
from quantlab.access.once import HEADER, MOST, NEVER
from quantlab.access.perimeter import is_api, refuse
from quantlab.telemetry import health, scrape
from quantlab.web.answers import StrictRenderer
from quantlab.web.problem import Problem
from quantlab.web.strict_json import PLACE_LENGTH, read_json
from strategies import __version__
from strategies.errors import StrategyError, did_you_mean

logger = structlog.get_logger(__name__)


class FieldErrorOut(Schema):
    field: str = Field(description="Dotted path of the value at fault.")
    code: str
    message: str
    column: int | None = Field(None, description="Of an expression: where, from 1.")
    caret: str | None = Field(None, description="That place of it, shown.")
    suggestion: str | None = Field(None, description="What to write there.")


class ErrorDetailsOut(Schema):
    errors: list[FieldErrorOut]


class ErrorOut(Schema):
    code: str = Field(description="Stable, for programs: `unknown_parameter`.")
    message: str = Field(description="What is wrong, for people.")
    advice: str = Field(description="What to do about it.")
    next_steps: list[str]
    details: ErrorDetailsOut
    trace_id: str


class ErrorDocument(Schema):
    error: ErrorOut


class StrictParser(Parser):
    """JSON only; a value that cannot be used is refused by its path."""

    def parse_body(self, request: HttpRequest) -> Any:
        return read_json(request.body)


MOST_ERRORS = 100  # that one refusal lists; a body may have a hundred thousand
ONCE = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MOST},
    "description": "A name for this request. Sent again within a day, it is answered "
    "as it was; with another request it is a 422, while it is carried out a 409.",
}


class LabAPI(NinjaAPI):
    """Adds the error document to the OpenAPI description, and guesses to refusals."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts)
        self._described: dict[str, Any] = {}

    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext]
    ) -> ValidationError:
        refusal = super().validation_error_from_error_contexts(error_contexts)
        models = [context.model for context in error_contexts]
        refusal.errors = refusal.errors[:MOST_ERRORS]
        for error in refusal.errors:
            if error["type"] == "extra_forbidden":
                known = {key for model in models for key in _keys(model, error["loc"])}
                error["msg"] = "is not a known key"
                error["advice"] = did_you_mean(str(error["loc"][-1]), known)
        return refusal

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """Return the description; made once, for it says nothing of what is kept."""
        asked = str(sorted(kwargs.items()))
        if asked not in self._described:
            self._described[asked] = self._description(**kwargs)
        return self._described[asked]

    def _description(self, **kwargs: Any) -> Any:
        schema = super().get_openapi_schema(**kwargs)
        models = schema.setdefault("components", {}).setdefault("schemas", {})
        definition = ErrorDocument.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        models.update(definition.pop("$defs"))
        models["ErrorDocument"] = definition
        reference = {"$ref": "#/components/schemas/ErrorDocument"}
        answer = {
            "description": "The one error document.",
            "content": {"application/json": {"schema": reference}},
        }
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                operation["responses"].update({"4XX": answer, "5XX": answer})
                operation["x-scope"] = scope_needed(method.upper(), path).value
                if method == "post" and not path.startswith(NEVER):
                    operation.setdefault("parameters", []).append(ONCE)
        return schema


def _keys(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the keys beside the one that `loc`, ("body", "payload", …), leads to."""
    for part in loc[1:-1]:
        field = model.model_fields.get(str(part))
        inner = _models_in(field.annotation) if field else []
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models of `X`, `X | None` or `list[X]`."""
    parts = [annotation, *get_args(annotation)]
    types = [part for part in parts if isinstance(part, type)]
    return [one for one in types if issubclass(one, BaseModel)]


api = LabAPI(
    title="QuantLab",
    version=__version__,
    description=(
        "Everything the pages do, for scripts. Errors have one shape. Where the lab "
        "asks for a key, `x-scope` says which one an operation takes: read, run or "
        "admin, each of which opens what those before it do. Each answer to a key says "
        "in `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) "
        "what is left: of the kind of work that was asked for, or else of the jobs one "
        "may have at work. A POST with an `Idempotency-Key` is carried out once."
    ),
    urls_namespace="api",
    auth=LabKey(),
    docs_decorator=key_needed,
    parser=StrictParser(),
    renderer=StrictRenderer(),
)


TEXT: dict[str, Any] = {"schema": {"type": "string"}}


class WorkerOut(Schema):
    alive: bool
    heartbeat_age_s: float | None


class QueueOut(Schema):
    queued: int
    running: int


class HealthOut(Schema):
    status: str = Field(description="`ok`, or `degraded` when work would not be done.")
    version: str
    git_hash: str
    worker: WorkerOut
    queue: QueueOut
    database: str
    disk_free_bytes: int


@api.get("/health", response=HealthOut, auth=None, tags=["lab"], summary="Health")
def get_health(request: HttpRequest) -> Any:
    """Answer 200 as long as the process answers at all."""
    return health()


@api.get(
    "/metrics",
    tags=["lab"],
    summary="What Prometheus scrapes",
    openapi_extra={"responses": {200: {"content": {"text/plain": TEXT}}}},
)
def get_metrics(request: HttpRequest) -> HttpResponse:
    """Jobs, runs, trials, the worker and the disk; 404 unless QUANT_PROMETHEUS=1."""
    if not settings.QUANT_PROMETHEUS:
        raise Problem(
            status=404,
            message="This lab is not scraped.",
            advice="Start it with QUANT_PROMETHEUS=1.",
        )
    return HttpResponse(scrape(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


api.add_router("/jobs", train_router)  # before /jobs/{id}
api.add_router("/jobs", jobs_router)
api.add_router("/backtest", backtest_router)
api.add_router("/model-lab", experiments_router)
api.add_router("/model-lab", compare_router)
api.add_router("/model-lab", compare_sweeps_router)
api.add_router("/model-lab", sweep_router)
api.add_router("/model-lab", walk_forward_router)
api.add_router("/runs", runs_router)
for of_a_run in (
    artifacts_router,
    candidates_router,
    critic_router,
    logs_router,
    pictures_router,
    provenance_router,
    reproduce_router,
    series_router,
    sweep_tests_router,
    trades_router,
    why_router,
    breakdown_router,
    generation_router,
    validation_router,
    windows_router,
):
    api.add_router("/runs", of_a_run)
api.add_router("", report_router)
api.add_router("/proofs", proofs_router)
api.add_router("", archive_router)
api.add_router("/presets", presets_router)
api.add_router("/strategies", strategies_router)
api.add_router("/ledger", ledger_router)
api.add_router("/ledger", pool_tests_router)
api.add_router("/config", config_router)
api.add_router("/expressions", expressions_router)
api.add_router("/universes", universes_router)
api.add_router("/watchlists", watchlists_router)
api.add_router("/datasets", dataset_fetch_router)  # before /datasets/{id}
api.add_router("/datasets", datasets_router)
api.add_router("/datasets", dependents_router)
api.add_router("/models", dataset_build_router)  # before /models/{id}
api.add_router("/models", pipelines_router)
api.add_router("/models", models_router)
api.add_router("/models", gate_router)
api.add_router("/statistics", statistics_router)
api.add_router("/search", find_router)
api.add_router("/views", saved_views_router)
api.add_router("/trash", trash_router)
api.add_router("/cache", caches_router)
api.add_router("/broker", broker_router)
api.add_router("/system", system_router)
api.add_router("/metrics", metrics_router)
api.add_router("/calibration", calibration_router)
api.add_router("/keys", keys_router)
api.add_router("/share", sharing_router)


# --- errors ------------------------------------------------------------------------


@api.exception_handler(Problem)
def on_problem(request: HttpRequest, exc: Problem) -> HttpResponse:
    return refuse(request, exc)


@api.exception_handler(StrategyError)
def on_strategy_error(request: HttpRequest, exc: StrategyError) -> HttpResponse:
    return refuse(request, Problem.of_strategy(exc))


CODES = {"extra_forbidden": "unknown_field", "missing": "missing_field"}


@api.exception_handler(ValidationError)
def on_invalid_body(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    errors = [
        {
            "field": _place(error["loc"]),
            "code": CODES.get(error["type"], "invalid_value"),
            "message": str(error["msg"]),
        }
        for error in exc.errors
    ]
    first = errors[0]
    problem = Problem(
        status=422,
        code=first["code"],
        message=f"{first['field']}: {first['message']}.",
        advice=exc.errors[0].get("advice") or "The fields are described at /api/docs.",
        errors=errors,
    )
    return refuse(request, problem)


def _place(loc: tuple[Any, ...]) -> str:
    """Drop ninja's own words: ("body", "payload", "fast") is the field "fast"."""
    is_body = loc[:1] == ("body",)
    names = loc[2:] or ("body",) if is_body else loc[1:] or loc
    return ".".join(str(name) for name in names)[:PLACE_LENGTH]


@api.exception_handler(AuthenticationError)
def on_no_key(request: HttpRequest, exc: AuthenticationError) -> HttpResponse:
    return refuse(request, Problem(status=401))


@api.exception_handler(BadRequest)
@api.exception_handler(MultiPartParserError)
@api.exception_handler(SuspiciousOperation)
def on_unreadable(request: HttpRequest, exc: Exception) -> HttpResponse:
    """What Django itself refuses to read: too many fields or files, a broken form."""
    if isinstance(exc, RequestDataTooBig):
        return refuse(request, Problem(status=413))
    message = "The form or the query is broken, or has too many parts."
    return refuse(request, Problem(status=400, message=message))


@api.exception_handler(Http404)
def on_missing(request: HttpRequest, exc: Http404) -> HttpResponse:
    return refuse(request, Problem(status=404))


@api.exception_handler(HttpError)
def on_refusal(request: HttpRequest, exc: HttpError) -> HttpResponse:
    if isinstance(exc.__cause__, Problem):  # ninja hides what the parser raised
        return refuse(request, exc.__cause__)
    return refuse(request, Problem(status=exc.status_code, message=str(exc)))


@api.exception_handler(Exception)
def on_mistake(request: HttpRequest, exc: Exception) -> HttpResponse:
    logger.error("request_failed", path=request.path, exc_info=exc)
    return refuse(request, Problem(status=500))


class RateLimits(MiddlewareMixin):
    """Say with each answer to a key what is left of the jobs of its owner.

    Where work was asked for, what is left of that kind of work stands there already.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        is_keyed = is_api(request) and "X-API-Key" in request.headers
        is_known = getattr(request, "lab_person", None) is not None
        if is_keyed and is_known and not response.has_header("RateLimit-Limit"):
            for name, value in budget_headers(jobs_left()).items():
                response[name] = value
        return response


class DjangoErrors(MiddlewareMixin):
    """Turn what Django itself answers (404, 405 …) into the document, or into a page.

    Outside /api only a wrong method is left without words; a browser would show a page
    of its own for it.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        if not _is_wordless(request, response):
            return response
        problem = Problem(status=response.status_code)
        if not is_api(request):
            problem.advice = "Open the page it belongs to, and use the buttons there."
        if response.has_header("Allow"):
            problem.headers["Allow"] = response["Allow"]
        return refuse(request, problem)


def _is_wordless(request: HttpRequest, response: HttpResponse) -> bool:
    if is_api(request):
        is_json = response.get("Content-Type", "").startswith("application/json")
        return response.status_code >= 400 and not is_json
    return response.status_code == 405 and not response.content
