"""Pushes documents with the helpers of a Python client, and tells what became of each.

In: a path for modules, then one argument of JSON. Out: a line of JSON.
"""

import json
import sys

task = json.loads(sys.argv[1])
sys.path.insert(0, task["modules"])

if task["package"] == "opensearch-py":
    from opensearchpy import OpenSearch as Client, helpers
    is_old = True
else:
    from elasticsearch import VERSION, Elasticsearch as Client, helpers
    is_old = VERSION[0] < 8

credentials = (task["user"], task["password"])
auth = {"http_auth": credentials} if is_old else {"basic_auth": credentials}
client = Client([task["url"]], max_retries=5, retry_on_timeout=True, **auth)

documents = task["documents"]
actions = ({"_index": task["index"], "_source": {"indicator": document}} for document in documents)
told = {"acknowledged": [], "refused": [], "failed": [], "thrown": None}
count = 0
try:
    outcomes = helpers.streaming_bulk(
        client,
        actions,
        chunk_size=task["chunk"],
        max_retries=4,
        initial_backoff=0.1,
        max_backoff=1,
        raise_on_error=False,
        raise_on_exception=False,
    )
    for is_well, item in outcomes:
        status = next(iter(item.values())).get("status")
        kind = "acknowledged" if is_well else "refused" if status in (400, 403, 404) else "failed"
        told[kind].append(count)
        count += 1
except Exception as error:
    told["thrown"] = f"{type(error).__name__}: {error}"[:100]
told["failed"] += range(count, len(documents))
print(json.dumps(told))
