"""Messages nobody here wrote, and a generated set of awkward ones, as wire text (CRLF lines).

Sources: the e-mail test data of Debian's libpython3.11-testsuite and SpamAssassin's samples. A file
with bare CR is brought to CRLF lines first: a bare CR cannot be sent by SMTP at all.
"""

import glob
import hashlib
import os

PYTHON_DATA = "/usr/lib/python3.11/test/test_email/data"
# Many machines install packages without their documentation, so the samples are unpacked from the
# package itself (tests/interop/fetch-corpus).
SPAMASSASSIN_DATA = os.environ.get("TOAST_CORPUS", os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../build/corpus"))


def to_wire(content):
    """CRLF line ends everywhere, and one at the very end, as DATA sends it."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _files():
    found = sorted(glob.glob(os.path.join(PYTHON_DATA, "*.txt")))
    samples = sorted(glob.glob(os.path.join(SPAMASSASSIN_DATA, "sample-*.txt")))
    if len(found) < 40 or not samples:
        raise RuntimeError(f"the mail corpora are not here ({len(found)} and {len(samples)} files): "
                           "packaging/install-packages test && tests/interop/fetch-corpus")
    found += samples
    return found


def real_messages():
    for path in _files():
        with open(path, "rb") as file:
            yield os.path.basename(path), to_wire(file.read())


def _noise(size, seed):
    """Deterministic 8-bit bytes without CR, LF and NUL, in lines of at most 900."""
    out = bytearray()
    block = seed
    while len(out) < size:
        block = hashlib.sha256(block).digest()
        out += bytes(b if b not in (0, 10, 13) else 65 for b in block)
    return b"\r\n".join(bytes(out[i:i + 900]) for i in range(0, size, 900)) + b"\r\n"


def generated_messages(large=True):
    head = b"From: a@example.net\r\nSubject: generated\r\n\r\n"
    yield "8-bit", head + bytes(b for b in range(1, 256) if b not in (10, 13)) + b"\r\n"
    yield "line-998", head + b"x" * 998 + b"\r\n"
    yield "line-5000", head + b"y" * 5000 + b"\r\n"
    yield "leading-dots", head + b".\r\n..\r\n.x\r\n" + b".." * 40 + b"\r\nend\r\n"
    yield "no-final-newline", head + b"the last line has no end"
    yield "empty-body", head
    yield "headers-only", b"Subject: nothing else\r\n"
    yield "empty", b""
    yield "only-a-dot", b".\r\n"
    yield "blank-lines", head + b"\r\n" * 50
    yield "no-header", b"\r\nbody without a header\r\n"
    yield "64k-edge", head + b"z" * (65536 - len(head) - 2) + b"\r\n"
    yield "inline-limit", head + _noise(256 * 1024, b"limit")
    if large:
        yield "30-MB", head + _noise(30 * 1024 * 1024, b"large")
