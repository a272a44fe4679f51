"""Run by the SAM CLI's Python: `expand.py TEMPLATE…` prints what SAM makes of each, as JSON."""

import json
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

CODE = {
    "AWS::Serverless::Application": "Location",
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}
"""What `sam package` has replaced by the address of what it uploaded."""
UPLOADED = "s3://bucket/key"
MANAGED = (
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
)


class Policies:
    def load(self) -> dict[str, str]:
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in MANAGED}


def expanded(path: str) -> Any:
    template = yaml_parse(Path(path).read_text())
    for resource in template["Resources"].values():
        if name := CODE.get(resource["Type"]):
            resource["Properties"][name] = UPLOADED
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    return transform(template, {}, Policies())


json.dump({path: expanded(path) for path in sys.argv[1:]}, sys.stdout)
