"""What schemathesis has to be told: how NDJSON is written and read, and what there is to be asked about.

Read by schemathesis itself. The environment says where the daemon is and who asks.
"""

import itertools
import json
import os
import re

import requests
import schemathesis

BASE = os.environ["SLUICE_URL"]
SESSION = requests.Session()
SESSION.headers["Authorization"] = "Bearer " + os.environ["SLUICE_TOKEN"]

# What is asked about; config.toml has the same names.
SUPPLIERS = [{"name": name, "confidence": 50, "retention": 43200} for name in ("Example", "Other")]
TAGS = [{"name": name, "weight": 3} for name in ("C2", "BOTNET")]
BATCHES = ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf7"]
ROWS = [{"indicator": "bad.example.com", "tags": ["C2"]}, {"indicator": "bad\\name"}, {}]

# Whatever changes or removes a supplier or a tag.
REMOVES = re.compile(r"^(Update|Remove)(Supplier|Tag)")


def make(path, thing):
    """Makes one thing. If it is there still, this is refused, and that is well."""
    SESSION.post(f"{BASE}/api/1.3/{path}", json=[thing], timeout=60)


def make_things():
    for supplier in SUPPLIERS:
        make("suppliers", supplier)
    for tag in TAGS:
        make("tags", tag)


def ndjson_of(value):
    """Lines of an array, and one line of anything else: what is no NDJSON is sent too."""
    rows = value if isinstance(value, list) else [value]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@schemathesis.serializer("application/x-ndjson")
def write_ndjson(ctx, value):
    return ndjson_of(value)


@schemathesis.deserializer("application/x-ndjson")
def read_ndjson(ctx, response):
    return [json.loads(line) for line in response.content.decode().splitlines()]


CALLS = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    # Suppliers that are made up are not found, so three of four times it is one that there is.
    number = next(CALLS)
    if number % 4 and "supplier" in (case.path_parameters or {}):
        case.path_parameters["supplier"] = SUPPLIERS[number % len(SUPPLIERS)]["name"]


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code < 300 and REMOVES.match(case.operation.definition.raw["operationId"]):
        make_things()


make_things()
for batch in BATCHES:
    answer = SESSION.post(
        f"{BASE}/v1/suppliers/Example/indicators",
        data=ndjson_of(ROWS),
        headers={"Idempotency-Key": batch, "Content-Type": "application/x-ndjson"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
