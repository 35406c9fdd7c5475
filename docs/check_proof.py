#!/usr/bin/env python3
"""Checks a proof that GET /audit/events/{position}/proof answered: python3 docs/check_proof.py proof.json

Shows that the event, as it stands in the proof, leads to the root of the proof's head (RFC 9162, section 2.1.3). That the head
is signed is NOT checked here, since Python's standard library has no Ed25519: `spendlog audit check-proof` does it, or
compare size and root with those of a head that you kept.
"""
import hashlib
import json
import sys
import uuid


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(event):
    """The hash of all stored columns; integers are big-endian, each text comes after its length."""
    entry = [b"\x00"]
    for name in ("aggregate_type", "aggregate_id", "event_type", "event_version", "payload", "metadata"):
        text = event[name].encode()
        entry += [len(text).to_bytes(4, "big"), text]
    for name in ("sequence", "position", "recorded_at_us"):
        entry.append(event[name].to_bytes(8, "big", signed=True))
    entry.append(uuid.UUID(event["owner_id"]).bytes)
    command = event["command_id"]
    entry.append(b"\x01" + uuid.UUID(command).bytes if command else b"\x00")
    return sha256(*entry)


def root_of(node, index, size, path):
    """The root that a leaf leads to, or None where the path is not of the length that it has in a tree of this size."""
    if not 0 <= index < size:
        return None
    last = size - 1
    for beside in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = sha256(b"\x01", beside, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, beside)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            proof = json.load(file)
        event, head = proof["event"], proof["head"]
        path = [bytes.fromhex(node) for node in proof["path"]]
        found = root_of(leaf(event), event["position"] - 1, head["size"], path)
        expected = bytes.fromhex(head["root"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        sys.exit(f"This is no proof: {error!r}")
    if found != expected:
        sys.exit("The proof does NOT hold: event, path or head is not what it was.")
    print(f"Event {event['position']} is in the journal of {head['size']} events with the root {head['root']}.")
    print(f"Not checked: the signature of the head, by the key {head['public_key']}.")


if __name__ == "__main__":
    main()
