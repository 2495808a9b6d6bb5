"""Mutations of texts and of JSON documents."""
import json

# Texts that act where they are not expected.
HOSTILE = [
    "\x1b[31m", "\x1b]0;x\x07", "\u202e", "\u200b", "\U000e0041", "\x00", "\x85", "\r\n", "::error::x", "\n::add-mask::x", "##[error]x",
    "##vso[task.setvariable variable=x]y", "##teamcity[x]", "${var.x}", "${aws.key_arn}", "${", "*", "?" * 40, "arn:aws:iam::*:root",
    "arn:aws:iam::111122223333:role/" + "a" * 300, "-1", "1e999", "0x7fffffffffffffff", "99999999999999999999", "null", "~", "yes",
    "<<: *a", "&a", "!!python/object:os.system", "'", '"', "{", "}", "[", "]", ",", ": ", "- ", "#", "|", ">", "\t", "é", "%s", "../../x",
    "kms:*", "kms:D?cr*", "aws:PrincipalTag/x", "</details>", "<!-- x -->", "@all",
]
SCALARS = [None, True, False, 0, -1, 2**63, 1e300, "", *HOSTILE]


def text(dice, original, corpus, big):
    """Returns a mutated text as bytes."""
    lines = original.split("\n")
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(lines))
        kind = dice.randrange(8)
        if kind == 0:
            lines[at] = lines[at] + dice.choice(HOSTILE)
        elif kind == 1:
            place = dice.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + dice.choice(HOSTILE) + lines[at][place:]
        elif kind == 2:
            del lines[at : at + dice.randrange(1, 4)]
            lines = lines or [""]
        elif kind == 3:
            lines[at:at] = lines[at : at + dice.randrange(1, 6)]
        elif kind == 4:
            other = dice.choice(corpus).split("\n")
            start = dice.randrange(len(other))
            lines[at:at] = other[start : start + dice.randrange(1, 12)]
        elif kind == 5:
            lines[at] = " " * dice.randrange(8) + lines[at].strip()
        elif kind == 6 and ":" in lines[at]:
            lines[at] = lines[at].split(":")[0] + ": " + dice.choice(HOSTILE)
        else:
            lines[at] = lines[at].replace(" ", dice.choice(["", "  ", "\t"]), 1)
    if big:
        start = dice.randrange(len(lines))
        part = lines[start : start + dice.randrange(1, 8)]
        size = dice.choice([1 << 18, 1 << 20, (4 << 20) - 4096])
        count = max(1, size // (sum(map(len, part)) + 8 * len(part)))
        numbered = dice.random() < 0.7
        copies = (line.replace(":", f"{n}:", 1) if numbered else line for n in range(count) for line in part)
        joined = dice.choice(["\n", "\n", " "]).join(copies)
        lines[start:start] = [joined]
    return raw(dice, "\n".join(lines))


def raw(dice, written):
    """Returns the bytes of a text, sometimes damaged."""
    data = bytearray(written.encode(errors="surrogatepass"))
    if dice.random() < 0.1 and data:
        for _ in range(dice.randrange(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
    if dice.random() < 0.05:
        data = data[: dice.randrange(len(data) + 1)]
    return bytes(data)


def places(node, path=()):
    """Yields the paths of all values in a document."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def deep(dice, depth):
    node = dice.choice(SCALARS)
    for _ in range(depth):
        node = [node] if dice.random() < 0.5 else {dice.choice(HOSTILE): node}
    return node


def change(dice, root, corpus, big):
    """Changes one value of a document."""
    path = dice.choice(list(places(root))[1:] or [()])
    if not path:
        return
    parent = root
    for key in path[:-1]:
        parent = parent[key]
    key, old = path[-1], parent[path[-1]]
    kind = dice.randrange(8)
    if kind == 0:
        parent[key] = dice.choice(SCALARS)
    elif kind == 1 and isinstance(old, str):
        place = dice.randrange(len(old) + 1)
        parent[key] = old[:place] + dice.choice(HOSTILE) + old[place:]
    elif kind == 2:
        del parent[key]
    elif kind == 3 and isinstance(parent, dict):
        parent[dice.choice(HOSTILE)] = old
    elif kind == 4:
        parent[key] = deep(dice, dice.choice([1, 3, 50, 200]))
    elif kind == 5:
        other = json.loads(dice.choice(corpus))
        for step in dice.choice(list(places(other))):
            other = other[step]
        parent[key] = other
    elif kind == 6:
        count = dice.choice([2, 30, 300, 30000 if big else 1000])
        parent[key] = [f"{old}{n}" if isinstance(old, str) and n else old for n in range(count)]
    elif isinstance(parent, list):
        copies = [json.loads(json.dumps(old)) for _ in range(dice.choice([1, 10, 100]))]
        for n, copy in enumerate(copies):
            if isinstance(copy, dict) and "Sid" in copy:
                copy["Sid"] = f"S{n}"
        parent.extend(copies)


def document(dice, original, corpus, big):
    """Returns a mutated JSON text as bytes. Mostly it is still JSON."""
    if dice.random() < 0.15:
        return text(dice, original, corpus, big)
    try:
        root = json.loads(original)
    except ValueError:
        return text(dice, original, corpus, big)
    for _ in range(dice.randrange(1, 5)):
        change(dice, root, corpus, big)
    return raw(dice, json.dumps(root, indent=dice.choice([None, 2]), ensure_ascii=dice.random() < 0.5))


def lines(dice, original):
    """Returns a mutated text of JSON lines as bytes."""
    rows = original.rstrip("\n").split("\n")
    whole = [*rows]
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(rows))
        kind = dice.randrange(5)
        if kind == 0:
            rows[at:at] = [rows[dice.randrange(len(rows))]] * dice.choice([1, 2, 500])
        elif kind == 1 and len(rows) > 1:
            del rows[at]
        elif kind == 2:
            other = dice.randrange(len(rows))
            rows[at], rows[other] = rows[other], rows[at]
        else:
            rows[at] = document(dice, rows[at], whole, False).decode(errors="replace") if rows[at].startswith("{") else rows[at] + dice.choice(HOSTILE)
            rows[at] = rows[at].replace("\n", " ")
    return raw(dice, "\n".join(rows) + "\n")
