"""Validates OCSF events, one JSON object a line on standard input, by the official schema of the version in metadata.version. Prints a JSON list of violations for each."""
import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema

schemas = {}


def schema_of(version, class_uid):
    key = (version, class_uid)
    if key not in schemas:
        raw = get_ocsf_schema(version)
        name = OcsfJsonSchema(raw).lookup_class_name_from_uid(class_uid)
        schemas[key] = (raw["classes"][name], Draft202012Validator(OcsfJsonSchemaEmbedded(raw).get_class_schema(name)))
    return schemas[key]


def caption(definition, attribute, value):
    entry = definition["attributes"][attribute]["enum"].get(str(value))
    return None if entry is None else entry["caption"]


def violations(event):
    definition, validator = schema_of(event["metadata"]["version"], event["class_uid"])
    found = [f"{'.'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(event)]
    # What the schema leaves to the reader: numbers that follow from others, and captions.
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        found.append("type_uid does not follow from class and activity")
    if event["category_uid"] != event["class_uid"] // 1000:
        found.append("category_uid does not follow from the class")
    if event.get("class_name", definition["caption"]) != definition["caption"]:
        found.append(f"class_name is not {definition['caption']}")
    activity = caption(definition, "activity_id", event["activity_id"])
    if activity is None or (event["activity_id"] != 99 and event["activity_name"] != activity):
        found.append(f"activity_name is not {activity}")
    if event.get("type_name", f"{definition['caption']}: {activity}") != f"{definition['caption']}: {activity}":
        found.append("type_name is not the schema's")
    for name in ("severity", "status"):
        expected = caption(definition, f"{name}_id", event[f"{name}_id"])
        if event.get(name, expected) != expected:
            found.append(f"{name} is not {expected}")
    return found


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        print(json.dumps(violations(json.loads(line))))
