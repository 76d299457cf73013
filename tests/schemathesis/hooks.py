"""What schemathesis cannot know: how protobuf is sent, and the names of what is in the database.

Names that it makes up lead to a 404 mostly. So every second of them becomes one of the metric, the policy and the resource
type that are there, but not where it would be deleted.
"""

import os

import schemathesis
from hypothesis import strategies

METRIC = os.environ["TESTED_METRIC"]
RESOURCE = os.environ["TESTED_RESOURCE"]
# What the policy, the rule, the resource type and the resource's metric are called.
NAME = os.environ["TESTED_NAME"]


def present(path):
    """What is there, by the names of a path's parameters."""
    return {"id": RESOURCE if path.startswith("/v1/resource") else METRIC, "name": NAME, "type": NAME}


# Bodies that mean something.
BODIES = {
    "createMetric": {"archive_policy_name": NAME, "name": "made"},
    "pushMeasures": [{"timestamp": 1769860800, "value": 1}],
    "pushBatch": {METRIC: [{"timestamp": "2026-01-31T12:00:00", "value": 1}]},
    "evaluate": {"operations": "(aggregate mean (metric %s mean))" % METRIC},
    "aggregateListedMetrics": [METRIC],
    "pushBatchByName": {RESOURCE: {NAME: [{"timestamp": "2026-01-31T12:00:00", "value": 1}]}},
    "createResource": {"id": "made", "host": "there", "metrics": {"made": {"archive_policy_name": NAME}}},
    "updateResource": {"host": "elsewhere"},
    "appendMetrics": {"further": {"archive_policy_name": NAME}},
    "updateResourceType": [{"op": "add", "path": "/attributes/rack", "value": {"type": "number", "required": False}}],
    "pushMeasuresOfResource": [{"timestamp": 1769860800, "value": 1}],
    "searchMetrics": {">": 0},
    "searchResources": {"=": {"host": "here"}},
    "aggregateResources": {"=": {"host": "here"}},
}
# Queries that mean something.
QUERIES = {
    "aggregateMetrics": {"metric": [METRIC]},
    "searchMetrics": {"metric_id": [METRIC]},
    "queryInfluxdb": {"q": "CREATE DATABASE made"},
}


@schemathesis.serializer("application/x-protobuf")
def protobuf(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


def name_of(context):
    return context.operation.definition.raw.get("operationId", "")


def changed(made, change):
    """What was made, which knows where it comes from when it is wrong on purpose, after a change."""
    return made.map_value(change) if hasattr(made, "map_value") else change(made)


def also(strategy, change):
    """What a strategy makes, and as often that after a change."""
    return strategies.one_of(strategy, strategy.map(lambda made: changed(made, change)))


@schemathesis.hook
def before_generate_path_parameters(context, strategy):
    if context.operation.method.upper() == "DELETE":
        return strategy
    known = present(context.operation.path)
    return also(strategy, lambda made: {name: known.get(name, value) for name, value in (made or {}).items()})


@schemathesis.hook
def before_generate_query(context, strategy):
    known = QUERIES.get(name_of(context))
    return strategy if known is None else also(strategy, lambda made: {**(made or {}), **known})


@schemathesis.hook
def before_generate_body(context, strategy):
    known = BODIES.get(name_of(context))
    return strategy if known is None else also(strategy, lambda made: known)
