"""ZIP archives of strangers: looked through from end to end before anything in them is used."""

from __future__ import annotations

import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END
from struct import error as StructError
from typing import IO, Any, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from alframe.errors import InvalidInput

MAX_ENTRIES = 100_000
"""Files in an archive."""

MAX_DIRECTORY = 16 * 2**20
"""Bytes of an archive's table of contents: it is read as a whole."""

MAX_ENDING = 2**17
"""Bytes after which an archive's last record ends; half of them are its comment's."""

MAX_FILE = 100 * 2**20
"""Bytes of one file: it is in memory while it is stored."""

MAX_TOTAL = 20 * 2**30
"""Bytes of all files together."""

MAX_RATIO, SMALL = 200, 2**20
"""How many times smaller than itself a file may be packed, and up to which size nobody minds."""

ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
"""What archives begin with."""

TAR, TAR_AT = b"ustar", 257
"""What makes a tar archive, and where it stands."""

CHUNK = 2**20


@contextmanager
def opened_archive(file: BinaryIO) -> Iterator[tuple[ZipFile, list[ZipInfo]]]:
    """Open a ZIP for the block, with its files in their order; hidden ones, and those of macOS, are passed over.

    Everything is looked at before the block begins: names, sizes as declared and as they are, checksums. Nothing is
    ever written to a path that the archive names.

    Raises:
        InvalidInput: no ZIP or a damaged one, a name that leads elsewhere, links, encrypted files, archives in the
            archive, one name twice, files that overlap, or more and larger files than are taken; also for what is
            wrong with the archive while the block reads it.
    """
    try:
        with ZipFile(cast("IO[bytes]", _Bounded(file))) as archive:
            _check_all(archive, file)
            yield archive, [info for info in archive.infolist() if _is_meant(info)]
    except (BadZipFile, LargeZipFile, StructError, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise InvalidInput(f"the archive cannot be read: {error}; pack it again as a plain ZIP") from error


def read_entry(archive: ZipFile, info: ZipInfo) -> bytes:
    """A file of an archive that has been looked through."""
    with archive.open(info) as file:
        return file.read(MAX_FILE)


class _Bounded:
    """A file that is not read in larger pieces than a table of contents may have, whatever the file says of itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, count: int = -1) -> bytes:
        if count > MAX_DIRECTORY:
            raise InvalidInput(f"the archive's table of contents has more than {MAX_DIRECTORY:,} bytes: split it")
        return self._file.read(count if count >= 0 else MAX_ENDING)


def _check_all(archive: ZipFile, file: BinaryIO) -> None:
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise InvalidInput(f"the archive has {len(infos):,} files; {MAX_ENTRIES:,} are taken: split it")
    if sum(info.file_size for info in infos) > MAX_TOTAL:
        raise InvalidInput(f"the files have more than {MAX_TOTAL:,} bytes together: split the archive")
    if sum(info.compress_size for info in infos) > file.seek(0, SEEK_END):
        raise InvalidInput("the files overlap in the archive: it is made to unpack to more than it holds")
    seen: set[str] = set()
    for info in infos:
        if why := _why_refused(info):
            raise InvalidInput(f"{info.orig_filename[:200]!r}: {why}; nothing of the archive is taken")
        if info.filename in seen:
            raise InvalidInput(f"{info.filename!r} is in the archive twice; nothing of it is taken")
        seen.add(info.filename)
    for info in infos:
        _check_content(archive, info)


def _why_refused(info: ZipInfo) -> str | None:
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    parts = name.removesuffix("/").split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or re.search(r"[\\\x00-\x1f\x7f]|^[A-Za-z]:", name) or len(name) > 1_000:
        return "the name leads out of the archive, or is none"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a link or a device, not a file"
    if info.flag_bits & 0x41:
        return "it is encrypted"
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "it is packed in another way than ZIP's usual one"
    if info.file_size > MAX_FILE:
        return f"it has {info.file_size:,} bytes; {MAX_FILE:,} are taken"
    if info.file_size > SMALL and info.file_size > MAX_RATIO * info.compress_size:
        return f"it unpacks to more than {MAX_RATIO} times its size"
    return None


def _check_content(archive: ZipFile, info: ZipInfo) -> None:
    """Unpack a file once, to nowhere: its checksum is compared at its end."""
    with archive.open(info) as file:
        start = file.read(CHUNK)
        if start.startswith(ARCHIVES) or start[TAR_AT:].startswith(TAR):
            raise InvalidInput(f"{info.filename!r} is an archive in the archive; nothing of it is taken")
        size = len(start)
        while chunk := file.read(CHUNK):
            size += len(chunk)
    if size != info.file_size:
        raise InvalidInput(f"{info.filename!r} has {size:,} bytes and not {info.file_size:,} as declared")


def _is_meant(info: ZipInfo) -> bool:
    parts = info.filename.split("/")
    return not info.is_dir() and parts[0] != "__MACOSX" and not any(part.startswith(".") for part in parts)
