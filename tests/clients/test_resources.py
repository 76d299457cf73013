"""Resources by Gnocchi's own client: their types, metrics, history and searches."""

import json
import uuid

import pytest

MINUTE = "2026-01-31T12:00:00+00:00"


@pytest.fixture
def policy(gnocchi):
    name = "policy-%s" % uuid.uuid4()
    gnocchi.ask("archive-policy", "create", name, "-d", "granularity:60s,points:60", "-m", "mean", "-m", "max")
    return name


@pytest.fixture
def server_type(gnocchi):
    """A type of resources that have a host and may have a weight."""
    name = "type-%s" % uuid.uuid4()
    gnocchi.ask("resource-type", "create", name, "-a", "host:string:true:min_length=1:max_length=64",
                "-a", "weight:number:false")
    return name


@pytest.fixture
def resource(gnocchi, server_type, policy):
    """A resource with a metric `cpu`."""
    made = gnocchi.ask("resource", "create", str(uuid.uuid4()), "--type", server_type, "-a", "host:web1", "-n",
                       "cpu:%s" % policy)
    return made["id"]


def test_resource_types(gnocchi, server_type):
    assert server_type in [one["name"] for one in gnocchi.ask("resource-type", "list")]
    shown = gnocchi.ask("resource-type", "show", server_type)
    assert shown["state"] == "active" and "max_length=64" in str(shown["attributes/host"])
    changed = gnocchi.ask("resource-type", "update", server_type, "-a", "rack:string:false:max_length=8", "-r", "weight")
    assert "attributes/rack" in changed and "attributes/weight" not in changed
    assert "already exists" in gnocchi.refuse("resource-type", "create", server_type)
    gnocchi.say("resource-type", "delete", server_type)
    assert "does not exist" in gnocchi.refuse("resource-type", "show", server_type)


def test_resources(gnocchi, server_type, resource):
    shown = gnocchi.ask("resource", "show", resource, "--type", server_type)
    assert (shown["host"], shown["type"], shown["weight"]) == ("web1", server_type, None)
    assert resource in [one["id"] for one in gnocchi.ask("resource", "list", "--type", server_type)]
    changed = gnocchi.ask("resource", "update", resource, "--type", server_type, "-a", "host:web2", "-a", "weight:3")
    assert (changed["host"], float(changed["weight"])) == ("web2", 3.0)
    history = gnocchi.ask("resource", "history", resource, "--type", server_type)
    assert [one["host"] for one in history] == ["web1", "web2"]
    assert "still in use" in gnocchi.refuse("resource-type", "delete", server_type)
    gnocchi.say("resource", "delete", resource)
    assert "does not exist" in gnocchi.refuse("resource", "show", resource)


def test_resources_belong_to_who_made_them(gnocchi, resource):
    refused = gnocchi.refuse("resource", "delete", resource, user="somebody")
    assert "403" in refused or "Forbidden" in refused, refused


def test_names_become_identifiers(gnocchi):
    name = "host-%s" % uuid.uuid4()
    made = gnocchi.ask("resource", "create", name)
    assert made["original_resource_id"] == name
    assert gnocchi.ask("resource", "show", name)["id"] == made["id"] == str(uuid.UUID(made["id"]))


def test_metrics_of_resources(gnocchi, resource, policy, tmp_path):
    assert list(gnocchi.ask("metric", "show", "cpu", "--resource-id", resource)["name"]) == list("cpu")
    made = gnocchi.ask("metric", "create", "--resource-id", resource, "--archive-policy-name", policy, "memory")
    assert made["resource_id"] == resource
    gnocchi.say("measures", "add", "--resource-id", resource, "-m", "2026-01-31T12:00:00@2", "cpu")
    batch = tmp_path / "batch.json"
    batch.write_text(json.dumps({resource: {"memory": [{"timestamp": MINUTE, "value": 7}]}}))
    gnocchi.say("measures", "batch-resources-metrics", str(batch))
    for name, expected in [("cpu", 2.0), ("memory", 7.0)]:
        points = gnocchi.ask("measures", "show", "--resource-id", resource, name, "--utc")
        assert [(one["timestamp"], float(one["value"])) for one in points] == [(MINUTE, expected)]
    gnocchi.say("metric", "delete", "--resource-id", resource, "memory")
    gnocchi.refuse("metric", "show", "--resource-id", resource, "memory")


def test_searches(gnocchi, server_type, resource):
    found = gnocchi.ask("resource", "search", "host = 'web1' and not host like 'db%'", "--type", server_type)
    assert [one["id"] for one in found] == [resource]
    assert gnocchi.ask("resource", "search", "host like 'db%'", "--type", server_type) == []
    assert "400" in gnocchi.refuse("resource", "search", "nothing = 1", "--type", server_type)


def test_aggregates_of_resources(gnocchi, server_type, resource, policy):
    other = gnocchi.ask("resource", "create", str(uuid.uuid4()), "--type", server_type, "-a", "host:web2", "-n",
                        "cpu:%s" % policy)["id"]
    for one, value in [(resource, 2), (other, 4)]:
        gnocchi.say("measures", "add", "--resource-id", one, "-m", "2026-01-31T12:00:00@%d" % value, "cpu")
    operation = "(aggregate mean (metric cpu mean))"
    whole = gnocchi.ask("aggregates", operation, "host like 'web%'", "--resource-type", server_type)
    assert [float(one["value"]) for one in whole] == [3.0]
    groups = gnocchi.ask("aggregates", operation, "host like 'web%'", "--resource-type", server_type, "--groupby", "host")
    assert sorted((one["group"], float(one["value"])) for one in groups) == [("host: web1", 2.0), ("host: web2", 4.0)]
    older = gnocchi.ask("measures", "aggregation", "-m", "cpu", "--query", "host like 'web%'", "--resource-type", server_type,
                        "--aggregation", "mean")
    assert [float(one["value"]) for one in older] == [3.0]


def test_many_resources_go_at_once(gnocchi, server_type, resource):
    deleted = gnocchi.ask("resource", "batch", "delete", "host = 'web1'", "--type", server_type)
    assert deleted == {"deleted": 1}
    gnocchi.refuse("resource", "show", resource)
