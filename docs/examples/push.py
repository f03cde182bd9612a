#!/usr/bin/env python3
"""Pushes a file of any format into a supplier: push.py FILE SUPPLIER. The token is in SLUICE_CLIENT_TOKEN."""
import json, os, sys, time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

path, supplier = sys.argv[1:]
server = os.environ.get("SLUICE_CLIENT_URL", "http://127.0.0.1:9440")
token = {"Authorization": "Bearer " + os.environ["SLUICE_CLIENT_TOKEN"]}
types = {".csv": "text/csv", ".txt": "text/plain", ".json": "application/json"}
headers = {"Content-Type": types.get(os.path.splitext(path)[1], "application/x-ndjson"),
           "Content-Length": str(os.path.getsize(path)), **token}
line, stored, refused = 1, 0, 0
for _ in range(100):
    url = f"{server}/v1/suppliers/{supplier}/indicators?from_line={line}"
    try:
        with open(path, "rb") as body, urlopen(Request(url, body, headers)) as answer:
            status, told, pause = 200, json.load(answer), 0
    except HTTPError as error:
        status, told, pause = error.code, json.load(error), int(error.headers.get("Retry-After", 10))
    except OSError as error:  # There is no answer, so nothing is counted, and all of it is sent again.
        status, told, pause = 0, {"detail": str(error)}, 10
    stored, refused = stored + told.get("accepted", 0), refused + told.get("refused", 0)
    if told.get("refused"):
        for reject in map(json.loads, urlopen(Request(server + told["rejects_url"], headers=token))):
            print(f"{path}:{reject['line']}: {reject['reason']}: {reject['value']}")
    if status not in (0, 408, 429, 503, 507):
        break
    line = max(line, told.get("committed_lines", 0) + 1)
    time.sleep(pause)
print(stored, "stored,", refused, "refused")
sys.exit(None if status == 200 else f"{status}: {told['detail']}")
