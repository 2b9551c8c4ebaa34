"""Just enough of docs/queue-format.md to find one's way in queue/ and to damage it where one wants."""

import glob
import os
import struct

PAGE, BLOCK, FRAME_HEADER = 4096, 512, 48
MAGIC_AT, TYPE_AT, PAYLOAD_AT, SEQUENCE_AT, OFFSET_AT = 8, 12, 16, 24, 32
ACCEPTED = 1


class Frame:
    def __init__(self, path, offset, kind, size):
        self.path, self.offset, self.kind, self.size = path, offset, kind, size


def segments(queue):
    return sorted(glob.glob(os.path.join(queue, "segment.*")))


def checkpoints(queue):
    return sorted(glob.glob(os.path.join(queue, "checkpoint.*")))


def frames(path, kind=ACCEPTED):
    """The records of this type in a segment, in order. Checksums are not checked."""
    sequence = int(path.rsplit(".", 1)[1], 16)
    found = []
    with open(path, "rb") as file:
        data = file.read()
    at = 2 * PAGE
    while at + FRAME_HEADER <= len(data):
        if (data[at + MAGIC_AT:at + TYPE_AT] != b"toaR"
                or struct.unpack_from("<QQ", data, at + SEQUENCE_AT) != (sequence, at)):
            at += BLOCK
            continue
        size = FRAME_HEADER + struct.unpack_from("<I", data, at + PAYLOAD_AT)[0]
        if data[at + TYPE_AT] == kind:
            found.append(Frame(path, at, data[at + TYPE_AT], size))
        at += -(-size // BLOCK) * BLOCK
    return found


def flip(path, offset, count=1):
    """Other bytes where those were."""
    with open(path, "r+b") as file:
        file.seek(offset)
        old = file.read(count)
        file.seek(offset)
        file.write(bytes(byte ^ 0xff for byte in old))
