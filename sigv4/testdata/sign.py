"""Writes botocore.json: requests signed by botocore, AWS's Python SDK core (1.43.11 when it was last run).

python3 sign.py > botocore.json
"""
import datetime
import json
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2030, 1, 1, 12, 0, 0)
LONG = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SHORT = Credentials("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzE/+token==")
BASE = "http://127.0.0.1:8080"

CASES = [
    # name, signer, credentials, service, method, path and query, headers, body
    ("get", "header", LONG, "iot", "GET", "/things", {}, ""),
    ("post json", "header", LONG, "iot", "POST", "/things/pump-1", {"Content-Type": "application/json"}, '{"a": "ü"}'),
    ("encoded label", "header", LONG, "iot", "POST", "/attached-policies/arn%3Aaws%3Aiot%3Aeu-central-1%3A123456789012%3Acert%2Fabc", {}, ""),
    ("unicode path", "header", LONG, "iot", "GET", "/things/%C3%BC%20x~y", {}, ""),
    ("two slashes", "header", LONG, "iotdata", "POST", "/topics/a//b", {}, "x"),
    ("dots", "header", LONG, "iot", "GET", "/a/./b/../c", {}, ""),
    ("query order", "header", LONG, "iot", "GET", "/things?b=2&a=z&a=b&A=1&a-b=1&ab", {}, ""),
    ("query encoded", "header", LONG, "iot", "GET", "/rules?topic=a%2Fb%20c%2Bd%3D%26", {}, ""),
    ("header spaces", "header", LONG, "iot", "GET", "/principals/things", {"x-amzn-principal": "  a   b  "}, ""),
    ("session token", "header", SHORT, "lambda", "GET", "/2015-03-31/functions/", {}, ""),
    ("old iot", "header", LONG, "execute-api", "GET", "/policies?pageSize=1", {}, ""),
    ("sts form", "header", LONG, "sts", "POST", "/", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, "Action=GetCallerIdentity&Version=2011-06-15"),
    ("path encoded once", "s3", LONG, "s3", "GET", "/bucket/a%20b%3Ac", {}, ""),
    ("presigned", "query", LONG, "sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {}, ""),
    ("presigned token", "query", SHORT, "sts", "GET", "/?Action=GetCallerIdentity", {}, ""),
    ("presigned path", "query", LONG, "iotdevicegateway", "GET", "/mqtt", {}, ""),
]


def sign(kind, credentials, service, request):
    if kind == "query":
        auth = botocore.auth.SigV4QueryAuth(credentials, service, "eu-central-1", expires=600)
    elif kind == "s3":
        auth = botocore.auth.S3SigV4Auth(credentials, service, "eu-central-1")
    else:
        auth = botocore.auth.SigV4Auth(credentials, service, "eu-central-1")
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *a, **k: NOW):
        auth.add_auth(request)


out = []
for name, kind, credentials, service, method, path, headers, body in CASES:
    request = AWSRequest(method=method, url=BASE + path, data=body.encode(), headers=headers)
    sign(kind, credentials, service, request)
    prepared = request.prepare()
    out.append({
        "name": name,
        "method": method,
        "target": prepared.url.removeprefix(BASE) or "/",
        "header": {k: v if isinstance(v, str) else v.decode() for k, v in prepared.headers.items()},
        "body": body,
        "token": credentials.token or "",
    })
print(json.dumps(out, indent="\t", ensure_ascii=False))
