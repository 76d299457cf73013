"""Operations across metrics, and across those of resources: a text or lists in, columns out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Union

from ._abi import as_json
from ._columns import Columns
from ._metrics import Metric
from ._resources import Resource, Resources, search_json
from ._time import calendar_or_span, span_text, to_nanos, to_span

if TYPE_CHECKING:
    from ._resources import FilterLike, HistoryLike
    from ._time import SpanLike, TimeLike

    #: An operation as a text, ``(aggregate mean (metric cpu.* mean))``, or as nested lists.
    OperationLike = Union[str, Sequence[Any]]


def _question(
    granularity: SpanLike | Iterable[SpanLike] | None,
    start: TimeLike | None,
    stop: TimeLike | None,
    fill: float | str | None,
    needed_overlap: float | None,
    skip_damaged: bool,
) -> dict[str, Any]:
    each: list[Any] = [granularity]
    if granularity is None or (isinstance(granularity, Iterable) and not isinstance(granularity, str)):
        each = list(granularity or ())
    given = {
        "from": None if start is None else span_text(to_nanos(start)),
        "to": None if stop is None else span_text(to_nanos(stop)),
        "fill": fill,
        "needed_overlap": needed_overlap,
    }
    lengths = [span_text(to_span(one)) for one in each]
    return {"granularity": lengths, "skip_damaged": skip_damaged, **{name: value for name, value in given.items() if value is not None}}


class Operations(Resources):
    """What a database answers about several metrics together."""

    def aggregates(
        self,
        operation: OperationLike,
        *,
        granularity: SpanLike | Iterable[SpanLike] | None = None,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        fill: float | str | None = None,
        needed_overlap: float | None = None,
        skip_damaged: bool = False,
        details: bool = False,
    ) -> list[Columns]:
        """What an operation makes of the points of the metrics that it names: by id, by name, or by a pattern of names.

        For each granularity, coarsest first, one series of all metrics, or one for each. ``fill`` says what stands where a metric
        has no point (a number, ``null``, ``dropna``, ``ffill``, …); ``needed_overlap`` at how many of 100 times all need one.
        ``details``: each series has the ``metrics`` of which it was made. ``skip_damaged``: what damage makes unknown is left out,
        instead of raising ``Corrupt``; ``skipped`` of each series says what is damaged, of all answers together.
        """
        question = {"operation": operation, "details": details, **_question(granularity, start, stop, fill, needed_overlap, skip_damaged)}
        return self._answers("gnt_aggregates", question)

    def aggregates_of_resources(
        self,
        operation: OperationLike,
        type: str = "generic",
        filter: FilterLike | None = None,
        *,
        group_by: Iterable[str] = (),
        use_history: bool = False,
        history: HistoryLike | None = None,
        granularity: SpanLike | Iterable[SpanLike] | None = None,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        fill: float | str | None = None,
        needed_overlap: float | None = None,
        skip_damaged: bool = False,
        details: bool = False,
    ) -> list[Columns]:
        """As :meth:`aggregates`, of the metrics of the resources that a filter finds, named as within their resource.

        With ``group_by`` each group of resources has an answer of its own, and its series say which by their ``group``.
        ``use_history``: resources count for the groups in which they were at the time. ``details``: each series has the
        ``resources`` of whose metrics it was made, with history each of their states that counted.
        """
        question = {
            "operation": operation,
            "details": details,
            "resources": search_json(type, filter, history),
            "group_by": list(group_by),
            "use_history": use_history,
            **_question(granularity, start, stop, fill, needed_overlap, skip_damaged),
        }
        return self._answers("gnt_aggregates_of_resources", question)

    def reaggregate(
        self,
        metrics: Iterable[str],
        method: str = "mean",
        *,
        reaggregation: str | None = None,
        resample: SpanLike | None = None,
        granularity: SpanLike | Iterable[SpanLike] | None = None,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        fill: float | str | None = None,
        needed_overlap: float | None = None,
        skip_damaged: bool = False,
    ) -> list[Columns]:
        """The older question across metrics: their points of one method, aggregated per time by another."""
        asked = _older(metrics, method, reaggregation, resample)
        question = {**asked, **_question(granularity, start, stop, fill, needed_overlap, skip_damaged)}
        return self._answers("gnt_reaggregate", question)

    def reaggregate_resources(
        self,
        metric: str,
        method: str = "mean",
        type: str = "generic",
        filter: FilterLike | None = None,
        *,
        group_by: Iterable[str] = (),
        reaggregation: str | None = None,
        resample: SpanLike | None = None,
        granularity: SpanLike | Iterable[SpanLike] | None = None,
        start: TimeLike | None = None,
        stop: TimeLike | None = None,
        fill: float | str | None = None,
        needed_overlap: float | None = None,
        skip_damaged: bool = False,
    ) -> list[Columns]:
        """As :meth:`reaggregate`, of the metric of this name of the resources that a filter finds."""
        question = {
            **_older([metric], method, reaggregation, resample),
            "resources": search_json(type, filter),
            "group_by": list(group_by),
            **_question(granularity, start, stop, fill, needed_overlap, skip_damaged),
        }
        return self._answers("gnt_reaggregate_resources", question)

    def _answers(self, function: str, question: dict[str, Any]) -> list[Columns]:
        result = self._result(function, *as_json(question))
        answers = [Columns(result, index) for index in range(len(result))]
        series = iter(answers)
        for told in json.loads(self._library.gnt_result_details(result.pointer)):
            metrics = [Metric._told(each) for each in told["metrics"]]
            resources = [Resource._of(each) for each in told["resources"]]
            for one in itertools.islice(series, told["series"]):
                one.metrics, one.resources = metrics, resources
        return answers


def _older(metrics: Iterable[str], method: str, reaggregation: str | None, resample: SpanLike | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"metrics": [str(metric) for metric in metrics], "method": method}
    if reaggregation is not None:
        asked["reaggregation"] = reaggregation
    if resample is not None:
        asked["resample"] = calendar_or_span(resample)
    return asked
