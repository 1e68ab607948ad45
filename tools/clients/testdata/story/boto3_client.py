"""Calls AWS with boto3: reads calls from standard input, a line of JSON each, and writes what came of them to standard output.

    {"service": "iot", "operation": "DescribeThing", "input": {"thingName": "a"}}
    {"Output": {...}}, {"Code": "ResourceNotFoundException", "Status": 404, "Message": "..."}, or {"Unknown": true, "Message": "..."}
    when this boto3 is older than the operation or a member of its input.

Bytes are base64 in both directions. The one argument is the URL of the server.
"""
import base64
import datetime
import json
import sys

import boto3
import botocore.exceptions

endpoint = sys.argv[1]
clients = {}


def plain(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return plain(value.read())  # a stream


def to_bytes(shape, value):
    if shape.type_name == "blob":
        return base64.b64decode(value)
    if shape.type_name == "structure" and isinstance(value, dict):
        return {k: to_bytes(shape.members[k], v) if k in shape.members else v for k, v in value.items()}
    return value


def call(service, operation, arguments):
    client = clients.get(service)
    if client is None:
        client = clients[service] = boto3.client(service, endpoint_url=endpoint)
    method = {v: k for k, v in client.meta.method_to_api_mapping.items()}.get(operation)
    if method is None:
        return {"Unknown": True, "Message": "boto3 %s has no %s" % (boto3.__version__, operation)}
    shape = client.meta.service_model.operation_model(operation).input_shape
    try:
        output = getattr(client, method)(**(to_bytes(shape, arguments) if shape else arguments))
    except botocore.exceptions.ClientError as e:
        return {"Code": e.response["Error"]["Code"], "Message": e.response["Error"]["Message"],
                "Status": e.response["ResponseMetadata"]["HTTPStatusCode"]}
    except botocore.exceptions.ParamValidationError as e:
        if "Unknown parameter" not in str(e):
            raise
        return {"Unknown": True, "Message": str(e)}
    output.pop("ResponseMetadata")
    return {"Output": output}


for line in sys.stdin:
    c = json.loads(line)
    print(json.dumps(call(c["service"], c["operation"], c["input"]), default=plain), flush=True)
