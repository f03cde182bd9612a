#!/usr/bin/env python3
"""Pushes a file of any format into a supplier: push.py FILE SUPPLIER. The token is in SLUICE_CLIENT_TOKEN."""
import json, os, sys, time, urllib.error, urllib.request

path, supplier = sys.argv[1:]
server = os.environ.get("SLUICE_CLIENT_URL", "http://127.0.0.1:9440")
types = {".csv": "text/csv", ".txt": "text/plain", ".json": "application/json"}
headers = {"Authorization": "Bearer " + os.environ["SLUICE_CLIENT_TOKEN"],
           "Content-Type": types.get(os.path.splitext(path)[1], "application/x-ndjson"),
           "Content-Length": str(os.path.getsize(path))}
line, receipt = 1, None
while receipt is None:
    url = f"{server}/v1/suppliers/{supplier}/indicators?from_line={line}"
    try:
        with open(path, "rb") as body, urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            receipt = json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        if error.code not in (429, 503, 507):
            sys.exit(f"{error.code}: {problem['detail']}")
        line = max(line, problem.get("committed_lines", 0) + 1)
        time.sleep(int(error.headers.get("Retry-After", 10)))
print(receipt["accepted"], "stored,", receipt["refused"], "refused")
for reject in receipt["rejects"]:
    print(f"{path}:{reject['line']}: {reject['reason']}: {reject['value']}")
