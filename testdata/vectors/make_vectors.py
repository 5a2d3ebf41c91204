#!/usr/bin/env python3
"""A second implementation of jet's file formats, written from docs/format.md alone.

    make_vectors.py vectors [SEED]   writes the *.json beside this file; the same
                                     seed (default 1) gives the same bytes
    make_vectors.py write            JSON cases from stdin {key, format, plaintext}: prints the files
    make_vectors.py read             JSON cases from stdin {key, file}: prints the plaintexts

It needs python3-cryptography. It is here to be compared with, not to be used: it
holds everything in memory, and the keys of the vectors come from the seed.
"""

import base64
import hashlib
import hmac
import json
import os
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 16 * 1024
TAG = 16


class Bad(Exception):
    """The file cannot be read; the text is one of the error names of the vectors."""


# --- the formats of the original tool -------------------------------------------------


def cfb(key, iv):
    return Cipher(algorithms.AES(key), modes.CFB(iv))


def write_legacy(header, key, iv, inner):
    """inner is what is encrypted: the plaintext, or hexmd5(plaintext) + plaintext."""
    encryptor = cfb(key, iv).encryptor()
    body = iv + encryptor.update(inner) + encryptor.finalize()
    return (header + "\n" if header else "") + base64.b64encode(body).decode()


def hexmd5(plaintext):
    return hashlib.md5(plaintext).hexdigest().encode()


def read_legacy(header, key, body):
    if len(body) < 16:
        raise Bad("damaged")
    decryptor = cfb(key, body[:16]).decryptor()
    inner = decryptor.update(body[16:]) + decryptor.finalize()
    if header == "unsigned":
        return inner
    if hexmd5(inner[32:]) != inner[:32]:
        raise Bad("checksum")
    return inner[32:]


# --- jet:v1 ---------------------------------------------------------------------------


def hkdf_expand_sha512(prk, info, length):
    """RFC 5869, section 2.3."""
    okm, block = b"", b""
    for counter in range(1, -(-length // 64) + 1):
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha512).digest()
        okm += block
    return okm[:length]


def derive(key, salt, context):
    info = b"c2sp.org/chunked-encryption@v1+" + b"AEAD_AES_256_GCM" + b"\x00" + salt + context
    okm = hkdf_expand_sha512(key, info, 32 + 12 + 32)
    return AESGCM(okm[:32]), okm[32:44], okm[44:]


def nonce(base, index):
    return (int.from_bytes(base, "big") ^ index).to_bytes(12, "big")


def seal(key, salt, plaintext, context=b"jet:v1"):
    """Gives the head and the list of sealed chunks."""
    gcm, base, commitment = derive(key, salt, context)
    # One chunk more than there are full ones, so that the last is shorter.
    chunks = [
        gcm.encrypt(nonce(base, i), plaintext[i * CHUNK : (i + 1) * CHUNK], None)
        for i in range(len(plaintext) // CHUNK + 1)
    ]
    return salt + commitment, chunks


def armor(body, header="jet:v1"):
    text = base64.b64encode(body).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([header] + lines) + "\n"


def sealed_file(key, salt, plaintext, context=b"jet:v1"):
    head, chunks = seal(key, salt, plaintext, context)
    return armor(head + b"".join(chunks))


def read_sealed(key, body, context=b"jet:v1"):
    if len(body) < 24 + 32:
        raise Bad("damaged")
    gcm, base, commitment = derive(key, body[:24], context)
    if not hmac.compare_digest(commitment, body[24:56]):
        raise Bad("wrong key")
    chunks = [body[i : i + CHUNK + TAG] for i in range(56, len(body), CHUNK + TAG)]
    if not chunks or not TAG <= len(chunks[-1]) < CHUNK + TAG:
        raise Bad("damaged")
    try:
        return b"".join(gcm.decrypt(nonce(base, i), c, None) for i, c in enumerate(chunks))
    except InvalidTag:
        raise Bad("damaged") from None


# --- any format -----------------------------------------------------------------------


def write(name, key, plaintext, random):
    if name == "jet:v1":
        return sealed_file(key, random(24), plaintext)
    if name == "unsigned":
        return write_legacy("", key, random(16), plaintext)
    return write_legacy(name, key, random(16), hexmd5(plaintext) + plaintext)


def read(key, text):
    first, _, rest = text.partition("\n")
    header = first if ":" in first else "unsigned"
    body = base64.b64decode((text if header == "unsigned" else rest).replace("\n", ""), validate=True)
    if header == "jet:v1":
        return read_sealed(key, body)
    if header in ("unsigned", "codeship:v2", "cloudbees:v1"):
        return read_legacy(header, key, body)
    raise Bad("unknown format")


# --- vectors --------------------------------------------------------------------------


def random_from(seed):
    """A function that gives n bytes, the same ones for the same seed."""
    state = [0]

    def random(n):
        out = b""
        while len(out) < n:
            out += hashlib.sha256(b"jet vectors %d %d" % (seed, state[0])).digest()
            state[0] += 1
        return out[:n]

    return random


TEXT = b"DOCKER_USERNAME=deploy\nDOCKER_PASSWORD=p\xc3\xa4ss w\xc3\xb6rd #1 $HOME \"quoted\"\r\n# comment\n"


def plaintexts(random, sizes):
    yield "text", TEXT
    for size in sizes:
        yield "%d bytes" % size, random(size)


def valid(name, key, plaintext, text):
    assert read(key, text) == plaintext, name
    return {
        "name": name,
        "key": base64.b64encode(key).decode(),
        "size": len(plaintext),
        "sha256": hashlib.sha256(plaintext).hexdigest(),
        "file": text,
    }


def invalid(name, error, key, text):
    return {"name": name, "key": base64.b64encode(key).decode(), "error": error, "file": text}


def legacy_vectors(header, sizes, random):
    key = random(32)
    cases = [valid(n, key, p, write(header, key, p, random)) for n, p in plaintexts(random, sizes)]
    if header == "unsigned":
        # A text that begins with 32 hexadecimal characters, but not with its own checksum.
        p = hexmd5(b"another text") + TEXT
        cases.append(valid("begins with a foreign checksum", key, p, write(header, key, p, random)))
        for n, p in ("a codeship:v2 text without its header line", TEXT), ("the same, empty", b""):
            cases.append(invalid(n, "header lost", key, write_legacy("", key, random(16), hexmd5(p) + p)))
        cases.append(invalid("shorter than an IV", "not encrypted", key, base64.b64encode(random(15)).decode()))
        return cases
    wrong, damaged = ("variant", "variant") if header == "cloudbees:v1" else ("wrong key", "damaged")
    good = hexmd5(TEXT)
    cases += [
        invalid("another key", wrong, random(32), write(header, key, TEXT, random)),
        invalid("no checksum inside", wrong, key, write_legacy(header, key, random(16), TEXT)),
        invalid("letters beyond f in the checksum", wrong, key, write_legacy(header, key, random(16), b"g" * 32 + TEXT)),
        invalid("checksum in capitals", wrong, key, write_legacy(header, key, random(16), good.upper() + TEXT)),
        invalid("checksum of another text", damaged, key, write_legacy(header, key, random(16), hexmd5(b"") + TEXT)),
        invalid("text cut short", damaged, key, write_legacy(header, key, random(16), good + TEXT[:-1])),
        invalid("text made longer", damaged, key, write_legacy(header, key, random(16), good + TEXT + b"\n")),
        invalid("too short for a checksum", "damaged", key, write_legacy(header, key, random(16), good[:31])),
    ]
    return cases


def jet_vectors(sizes, random):
    key = random(32)
    cases = [valid(n, key, p, write("jet:v1", key, p, random)) for n, p in plaintexts(random, sizes)]
    head, chunks = seal(key, random(24), random(2 * CHUNK + 5))
    last_full, empty = chunks[1], seal(key, head[:24], b"")[1][0]
    cases += [
        invalid("another key", "wrong key", random(32), write("jet:v1", key, TEXT, random)),
        invalid("empty context", "wrong key", key, sealed_file(key, random(24), TEXT, b"")),
        invalid("context with a newline", "wrong key", key, sealed_file(key, random(24), TEXT, b"jet:v1\n")),
        invalid("head alone", "damaged", key, armor(head)),
        invalid("last chunk missing", "damaged", key, armor(head + chunks[0])),
        invalid("last chunk cut into its tag", "damaged", key, armor(head + chunks[0] + chunks[1] + chunks[2][:15])),
        invalid("first two chunks changed about", "damaged", key, armor(head + last_full + chunks[0] + chunks[2])),
        invalid("a chunk left out", "damaged", key, armor(head + chunks[0] + chunks[2])),
        invalid("a chunk after the last", "damaged", key, armor(head + empty + empty)),
        invalid("a byte after the last chunk", "damaged", key, armor(head + chunks[0] + chunks[1] + chunks[2] + b"\0")),
    ]
    return cases


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "vectors":
        folder = os.path.dirname(os.path.abspath(__file__))
        seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
        small = (0, 1, 15, 16, 17, 31, 32, 33, 1000)
        random = random_from(seed)
        for header in "unsigned", "codeship:v2", "cloudbees:v1", "jet:v1":
            if header == "jet:v1":
                cases = jet_vectors((0, 1, 16, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK), random)
            else:
                cases = legacy_vectors(header, small, random)
            with open(os.path.join(folder, header.replace(":", "-") + ".json"), "w") as f:
                json.dump({"format": header, "seed": seed, "cases": cases}, f, indent=1)
                f.write("\n")
    elif command == "write":
        cases = json.load(sys.stdin)
        d = base64.b64decode
        json.dump([write(c["format"], d(c["key"]), d(c["plaintext"]), os.urandom) for c in cases], sys.stdout)
    elif command == "read":
        cases = json.load(sys.stdin)
        json.dump([base64.b64encode(read(base64.b64decode(c["key"]), c["file"])).decode() for c in cases], sys.stdout)
    else:
        sys.exit(__doc__)


main()
