"""Runs schemathesis against `gnocchetti serve`: requests made of the description that the server gives of itself.

    run.py --command PATH --schemathesis PATH --seconds N --folder DIR

The server has one of everything, with measures, and options as they are by default. The last line counts operations: one
fails when an answer was none that the description allows, or the server failed. What was asked then stands above it.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import urllib.request
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "support"))
from serve import Server  # noqa: E402

NAME = "tested"
RESOURCE = "5a301761-aaaa-46e2-8900-8b4f6fe6675a"
# How long past its time it may take to come to an end.
GRACE_SECONDS = 60


def post(server, path, body):
    """What the administrator is answered."""
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), {
        "Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(b"admin:").decode()})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def prepared(server):
    """What is in the database, for the hooks."""
    post(server, "/v1/archive_policy", {"name": NAME, "definition": [{"granularity": 1}, {"granularity": 60}]})
    post(server, "/v1/archive_policy_rule", {"name": NAME, "metric_pattern": "*", "archive_policy_name": NAME})
    post(server, "/v1/resource_type", {"name": NAME, "attributes": {"host": {"type": "string", "required": False}}})
    post(server, "/v1/resource/" + NAME, {"id": RESOURCE, "host": "here", "metrics": {NAME: {}}})
    metric = post(server, "/v1/metric", {"archive_policy_name": NAME})["id"]
    measures = [{"timestamp": 1769860800 + second, "value": second} for second in range(120)]
    post(server, "/v1/metric/%s/measures" % metric, measures)
    post(server, "/v1/resource/%s/%s/metric/%s/measures" % (NAME, RESOURCE, NAME), measures)
    return {"TESTED_NAME": NAME, "TESTED_METRIC": metric, "TESTED_RESOURCE": RESOURCE}


def counted(report):
    """How many operations were well answered, and how many were not."""
    outcomes = {}
    for case in xml.parse(report).iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        outcomes[case.get("name")] = outcomes.get(case.get("name"), True) and not bad
    return sum(outcomes.values()), sum(not good for good in outcomes.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True, help="the binary gnocchetti")
    parser.add_argument("--schemathesis", required=True, help="the command schemathesis")
    parser.add_argument("--seconds", type=int, required=True, help="how long")
    parser.add_argument("--folder", required=True, help="where reports go")
    arguments = parser.parse_args()
    report = os.path.join(os.path.abspath(arguments.folder), "report.xml")
    if os.path.exists(report):
        os.remove(report)
    with Server(os.path.abspath(arguments.command)) as server:
        environment = dict(os.environ, SCHEMATHESIS_HOOKS=os.path.join(HERE, "hooks.py"), **prepared(server))
        done = subprocess.run(
            [os.path.abspath(arguments.schemathesis), "--config-file", os.path.join(HERE, "schemathesis.toml"), "run",
             server.url + "/openapi.json", "--auth", "admin:", "--max-time", str(arguments.seconds), "--no-shrink",
             "--generation-database", "none", "--report", "junit", "--report-junit-path", report, "--no-color"],
            env=environment, cwd=arguments.folder, timeout=arguments.seconds + GRACE_SECONDS, check=False)
    passed, failed = counted(report)
    # It may have something to say that belongs to no operation.
    failed += done.returncode != 0 and not failed
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
