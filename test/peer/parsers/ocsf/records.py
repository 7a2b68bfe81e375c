"""Reads records of JSON shape, one a line on standard input behind its kind and a space, by Python's json module, and answers each with one line of JSON:
{"record": what it read}, with "violations" for kind ocsf, or {"error": why}. A name that stands twice in one object is an error: receivers differ in which value they take."""
import json
import sys

from validate import violations


def without_repeats(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"a name stands twice: {sorted(name for name, _ in pairs)}"[:300])
    return members


def answer(line):
    kind, _, text = line.partition(" ")
    try:
        record = json.loads(text, object_pairs_hook=without_repeats)
        return {"record": record, "violations": violations(record)} if kind == "ocsf" else {"record": record}
    except (ValueError, KeyError) as error:
        return {"error": repr(error)}


for octets in sys.stdin.buffer:
    # Strict: octets that are no UTF-8 end the run.
    print(json.dumps(answer(octets.decode("utf-8").rstrip("\n"))), flush=True)
