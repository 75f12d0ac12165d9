"""Reads mails with Python's `email` and its modern, strict policy.

Reads a JSON list of paths, prints a JSON object: how many could be read, and every defect that was found, with its file.
"""

import email
import email.policy
import json
import sys


def defects(path):
    with open(path, "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    parts = list(message.walk())
    for part in parts:
        yield from part.defects
        for name in part.keys():
            yield from part[name].defects
        if not part.is_multipart():
            part.get_content()
    kinds = [part.get_content_type() for part in parts]
    if "text/plain" not in kinds or "text/html" not in kinds:
        yield f"has only {kinds}"


paths = json.load(sys.stdin)
found = [f"{path}: {defect!r}" for path in paths for defect in defects(path)]
json.dump({"read": len(paths), "defects": found}, sys.stdout)
