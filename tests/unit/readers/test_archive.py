from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pytest
import zstandard

from tera.errors import PasswordNeededError, TeraError, UnreadableFileError
from tera.readers import archive as archives
from tera.readers.document import Attachment, Document, Failure
from tests.disks import full_disk
from tests.documents import Heard, items, read_paths
from tests.unit.readers.mutants import mutants

FILES = {"notes/a.txt": b"alpha", "b.md": "# Überschrift\n".encode()}


def make_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, (2024, 5, 3, 14, 2, 0))
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return path


def tar_bytes(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1_700_000_000
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def unpacked(path: Path) -> dict[str, bytes]:
    found = {}
    for item in items(path, "archive"):
        if isinstance(item, Attachment):
            found[item.name] = item.path.read_bytes()
    return found


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": lambda data: data,
    ".tar.gz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar.zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_every_kind_of_tar_file_is_unpacked(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"export{ending}"
    path.write_bytes(COMPRESSORS[ending](tar_bytes(FILES)))
    assert unpacked(path) == FILES


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
def test_a_single_compressed_file_is_unpacked(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"server.log{ending}"
    path.write_bytes(COMPRESSORS[f".tar{ending}"](b"line one\n"))
    assert unpacked(path) == {"server.log": b"line one\n"}


def test_files_of_a_zip_have_their_own_names_and_dates(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "export.zip", FILES)
    assert unpacked(path) == FILES
    drafts, heard = read_paths(path)
    assert heard.failures == []
    assert [draft.source for draft in drafts] == [f"{path}/notes/a.txt", f"{path}/b.md"]
    assert {draft.at for draft in drafts} == {datetime(2024, 5, 3, 14, 2).astimezone()}
    assert [draft.type for draft in drafts] == ["text", "markdown"]


def test_names_that_lead_out_of_the_archive_stay_in_it(tmp_path: Path) -> None:
    files = {
        "../../evil.txt": b"1",
        "/etc/passwd.txt": b"2",
        "a/./b//c.txt": b"3",
        "C:\\x.txt": b"4",
    }
    path = make_zip(tmp_path / "export.zip", files)
    before = sorted(tmp_path.parent.rglob("*"))
    assert sorted(unpacked(path)) == ["C:/x.txt", "a/b/c.txt", "etc/passwd.txt", "evil.txt"]
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_links_devices_and_junk_are_left_out(tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, kind in {
            "link": tarfile.SYMTYPE,
            "pipe": tarfile.FIFOTYPE,
            "d": tarfile.DIRTYPE,
        }.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("a.txt")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"a"))
    (tmp_path / "x.tar").write_bytes(data.getvalue())
    assert unpacked(tmp_path / "x.tar") == {"a.txt": b"a"}
    junk = {"__MACOSX/a.txt": b"x", ".DS_Store": b"x", "b/.hidden": b"x", "c.txt": b"c"}
    assert unpacked(make_zip(tmp_path / "x.zip", junk)) == {"c.txt": b"c"}


def test_a_zip_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    path = make_zip(tmp_path / "bomb.zip", {"a.txt": b"0" * (64 * 2**20)})
    with pytest.raises(UnreadableFileError, match=r"bomb\.zip unpacks to more than"):
        unpacked(path)


def test_a_bomb_of_many_layers_is_stopped(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.txt": b"deep"})
    for _ in range(12):
        path = make_zip(tmp_path / f"{path.stem}x.zip", {path.name: path.read_bytes()})
    drafts, heard = read_paths(path)
    assert drafts == []
    (failure,) = heard.failures
    assert "nested too deep" in failure.message


def test_an_encrypted_zip_asks_for_its_password(tmp_path: Path) -> None:
    # Made by Info-ZIP's `zip -P secret`, whose old encryption Python reads but does not write.
    path = tmp_path / "locked.zip"
    path.write_bytes(bytes.fromhex(LOCKED))
    with pytest.raises(PasswordNeededError):
        unpacked(path)
    drafts, heard = read_paths(path, passwords=["wrong", "secret"])
    assert [draft.text for draft in drafts] == ["locked away\n"]
    assert heard.failures == []


def test_a_password_that_opened_one_document_is_tried_on_the_next(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        (tmp_path / name).write_bytes(bytes.fromhex(LOCKED))
    make_zip(tmp_path / "open.zip", FILES)
    # One answer for both; and where none is needed, none is tried.
    drafts, heard = read_paths(tmp_path, password="another", passwords=["secret"])
    assert len(drafts) == 4
    assert heard.failures == []


def test_a_broken_member_does_not_keep_the_others_out(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "export.zip", {"a.txt": os.urandom(50), "b.txt": b"beta"})
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)
    found = list(items(path, "archive"))
    assert [item.name for item in found if isinstance(item, Attachment)] == ["b.txt"]
    (failure,) = [item for item in found if isinstance(item, Failure)]
    assert "export.zip/a.txt cannot be unpacked" in failure.text


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(500), b"plain words\n", b"PK"])
def test_what_cannot_be_unpacked_is_not_looked_for_in_itself(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes(data)
    drafts, heard = read_paths(path, type_name="archive")
    assert drafts == []
    (failure,) = heard.failures
    assert failure.message.startswith("cut.zip is a broken archive: its end is missing")


def test_a_compressed_file_without_an_ending_keeps_its_name(tmp_path: Path) -> None:
    for _ in range(2):
        path = tmp_path / "notes"
        path.write_bytes(gzip.compress(path.read_bytes() if path.exists() else b"deep inside"))
    drafts, _ = read_paths(path)
    assert [draft.source for draft in drafts] == [f"{path}/notes/notes"]


@pytest.mark.parametrize("ending", [".zip", *COMPRESSORS, ".gz"])
def test_damaged_archives_give_errors_and_nothing_else(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"export{ending}"
    if ending == ".zip":
        make_zip(path, FILES)
    else:
        path.write_bytes(COMPRESSORS[ending if ending != ".gz" else ".tar.gz"](tar_bytes(FILES)))
    whole = path.read_bytes()
    for data in mutants(whole, 100):
        path.write_bytes(data)
        try:
            unpacked(path)
        except TeraError as error:
            assert "\n" not in error.message


def test_what_is_inside_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "export.zip", FILES)
    drafts, _ = read_paths(path)
    known = {(draft.source or "", draft.digest): [draft.title or ""] for draft in drafts}
    assert all(digest for _, digest in known)
    make_zip(path, {**FILES, "notes/a.txt": b"alpha and more"})
    again, heard = read_paths(path, known=known)
    assert [draft.text for draft in again] == ["alpha and more"]
    assert heard.unchanged == ["Überschrift"]


def test_two_documents_of_one_name_are_two_sources(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "one")
        archive.writestr("a.txt", "two")
    drafts, heard = read_paths(path)
    assert [draft.source for draft in drafts] == [f"{path}/a.txt", f"{path}/a.txt (2)"]
    assert isinstance(heard, Heard)


LOCKED = (
    "504b03040a00090000004245755d63aa9e94180000000c0000000a0000006c6f636b65642e7478741fd33ecb"
    "6e2526356677f57bf1de96885153fd5a7549cac4504b070863aa9e94180000000c000000504b01021e030a00"
    "090000004245755d63aa9e94180000000c0000000a0000000000000001000000a481000000006c6f636b6564"
    "2e747874504b0506000000000100010038000000500000000000"
)


def test_a_member_that_the_disk_has_no_room_for_leaves_the_room_to_others(tmp_path: Path) -> None:
    packed = make_zip(tmp_path / "notes.zip", {"large.txt": bytes(3_000_000), "small.txt": b"x"})
    with full_disk(2_000_000):
        found = list(items(packed, "archive"))
    assert [item.name for item in found if isinstance(item, Attachment)] == ["small.txt"]
    assert sum(isinstance(item, Failure) for item in found) == 1


def test_nothing_is_left_of_a_member_that_could_not_be_unpacked(tmp_path: Path) -> None:
    packed = make_zip(tmp_path / "notes.zip", {"large.txt": bytes(3_000_000)})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    document = Document(packed, "notes.zip", packed.stat().st_size, None, scratch)
    with full_disk(2_000_000):
        assert isinstance(next(archives.read_archive(document)), Failure)
    assert not list(scratch.iterdir())
