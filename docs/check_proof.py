#!/usr/bin/env python3
"""Checks a proof that GET /audit/events/{position}/proof answered: python3 docs/check_proof.py proof.json [public key]

Shows that the event, as it stands in the proof, leads to the root of the proof's head (RFC 9162, section 2.1.3), and that the
head is signed by the key that it names (Ed25519, RFC 8032). Whether that is the key of the journal, only you can know: give the
one that you kept, in hexadecimal digits.
"""
import datetime
import hashlib
import json
import sys
import uuid

# The curve of Ed25519: its field, the order of its base point, and d.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


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


def point(encoded):
    """The point of the curve that 32 bytes stand for."""
    number = int.from_bytes(encoded, "little")
    odd, y = number >> 255, number % 2**255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (odd and not x):
        raise ValueError("not a point of the curve")
    return (x if x & 1 == odd else P - x, y)


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    both = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + both, -1, P) % P
    return (x, (y1 * y2 + x1 * x2) * pow(1 - both, -1, P) % P)


def times(factor, base):
    product = (0, 1)
    while factor:
        if factor & 1:
            product = add(product, base)
        base, factor = add(base, base), factor >> 1
    return product


def signed(key, message, signature):
    """Whether a signature of 64 bytes is the key's, of this message."""
    commitment, answer = signature[:32], int.from_bytes(signature[32:], "little")
    challenge = int.from_bytes(hashlib.sha512(commitment + key + message).digest(), "little") % ORDER
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    expected = add(point(commitment), times(challenge, point(key)))
    return len(key) == 32 and len(signature) == 64 and answer < ORDER and times(answer, base) == expected


def message(head):
    """What is signed of a head."""
    if not head["recorded_at"].endswith("Z"):
        raise ValueError("the time is not in UTC")
    time = datetime.datetime.fromisoformat(head["recorded_at"][:-1])
    return f"spendlog head 1\n{head['size']}\n{head['root']}\n{time:%Y-%m-%dT%H:%M:%S.%f}Z\n".encode()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            proof = json.load(file)
        event, head = proof["event"], proof["head"]
        path = [bytes.fromhex(node) for node in proof["path"]]
        found = root_of(leaf(event), event["position"] - 1, head["size"], path)
        expected = bytes.fromhex(head["root"])
        key = bytes.fromhex(head["public_key"])
        is_signed = signed(key, message(head), bytes.fromhex(head["signature"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        sys.exit(f"This is no proof: {error!r}")
    if found != expected:
        sys.exit("The proof does NOT hold: event, path or head is not what it was.")
    if not is_signed:
        sys.exit("The proof does NOT hold: its head is not signed by the key that it names.")
    if len(sys.argv) == 3 and sys.argv[2].lower() != key.hex():
        sys.exit(f"The proof does NOT hold: its head is signed by another key, {key.hex()}.")
    print(f"Event {event['position']} is in the journal of {head['size']} events with the root {head['root']}.")
    print(f"The head is signed by the key {key.hex()}.")


if __name__ == "__main__":
    main()
