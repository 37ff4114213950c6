from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tera.attributes import MAX_VALUE_CHARACTERS, TIMES, Value, attributes_of, fold, value_of
from tera.datatypes import Memory
from tera.places import message_line
from tera.readers.types import TYPES
from tera.structure import MAX_FIELDS, fields_of
from tests.documents import read_paths

DATA = Path(__file__).parent.parent / "data"
NOON = datetime(2024, 5, 3, 12, tzinfo=UTC)
NOON_MS = 1714737600000
DAY_MS = 86_400_000


def memory(text: str, **fields: object) -> Memory:
    return Memory("a", text, NOON, NOON, **fields)  # type: ignore[arg-type]


def stated(text: str, **fields: object) -> dict[str, list[str]]:
    """Return the values of the attributes that a text states, in order."""
    own = {"type", "source", "title", "tag", *TIMES}
    found = attributes_of(memory(text, **fields))
    return {name: [v.text for v in values] for name, values in found.items() if name not in own}


def sample(name: str, wanted: str) -> dict[str, list[str]]:
    """Return what a sample of a document states, of the memory that has some text in it."""
    drafts, _ = read_paths(DATA / name)
    draft = next(draft for draft in drafts if wanted in draft.text)
    return stated(draft.text, type=draft.type, source=draft.source)


def test_the_fields_of_a_memory_are_attributes() -> None:
    found = attributes_of(
        memory("text", title="The Port", tags=("Work", "b"), source="/N/a.md", type="markdown")
    )
    moment = Value("", None, NOON_MS, NOON_MS)
    assert found == {
        "title": (Value("the port"),),
        "tag": (Value("work"), Value("b")),
        "source": (Value("/n/a.md"),),
        "type": (Value("markdown"),),
        "at": (moment,),
        "remembered": (moment,),
    }
    assert attributes_of(memory("text")).keys() == TIMES


def test_front_matter_states_fields() -> None:
    text = (
        "---\ntitle: Own\npriority: 3\nowners: [Ann, Bob]\n"
        "place: {city: Köln, floors: [1, 2]}\nnone:\nDue Date: 2024-05-03\n---\n# Note\n"
    )
    for kind in ("", "markdown", "text"):
        assert stated(text, type=kind) == {
            ".title": ["own"],
            "priority": ["3"],
            "owners": ["ann", "bob"],
            "place.city": ["köln"],
            "place.floors": ["1", "2"],
            "none": [""],
            "due_date": ["2024-05-03"],
        }
    assert stated("+++\npriority = 3\ndraft = true\nday = 2024-05-03\n+++\ntext") == {
        "priority": ["3"],
        "draft": ["true"],
        "day": ["2024-05-03"],
    }
    # Not YAML, but fields all the same.
    assert stated("---\ntitle: Port: the end\nstatus: open\n---\n")["status"] == ["open"]
    assert stated("---\n\nA rule above a text: nothing more\n") == {}
    assert stated(text, type="pdf") == {}


def test_json_states_fields_its_numbers_as_they_are_spelt() -> None:
    text = (
        '{"id": 12345678901234567890, "a": {"b": [1.50, true, null]}, "list": [{"c": 1}, {"c": 2}]}'
    )
    for kind in ("", "json"):
        assert stated(text, type=kind) == {
            "id": ["12345678901234567890"],
            "a.b": ["1.50", "true"],
            "list.c": ["1", "2"],
        }
    assert stated('{"day": 1}\nnot json\n{"day": 2, "x": "y"}\n', type="jsonl") == {
        "day": ["1", "2"],
        "x": ["y"],
    }
    assert stated('{"day": 1}\n{"day": 2}', type="json") == {"day": ["1", "2"]}
    assert stated('{"day": ', type="json") == {}
    assert stated("[" * 100_000, type="json") == {}
    assert stated('{"a": "\\ud800"}') == {"a": ["?"]}


def test_yaml_and_toml_files_state_fields() -> None:
    assert stated("a: 1\n---\nb: [x, y]\n", type="code", source="/c.yaml") == {
        "a": ["1"],
        "b": ["x", "y"],
    }
    assert stated("[a]\nb = 1\n", type="code", source="/c.toml") == {"a.b": ["1"]}
    assert stated("a: 1", type="code", source="/c.py") == {}


def test_few_lines_of_yaml_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert len(fields_of(memory("\n".join(lines), type="code", source="/c.yml"))) <= MAX_FIELDS
    assert stated("a: &a [*a, 1]", type="code", source="/c.yml") == {}


def test_a_mail_has_senders_and_recipients_by_name_and_address() -> None:
    mail = sample("email/plain.eml", "rucksack")
    assert mail["sender"] == ["ann lee <ann@example.org>", "ann lee", "ann@example.org"]
    assert "carla@example.net" in mail["recipient"]
    assert mail["cc"] == ["carla@example.net"]
    assert mail["subject"] == ["boat trip on saturday"]
    assert "recipient" not in stated("To: Ann\n\ntext", type="text")
    named = 'From: "Lee, Ann" <ann@example.org>\nTo: Bob (at home), c@d.e\n\nWhere: here'
    found = stated(named, type="email")
    assert '"lee, ann" <ann@example.org>' in found["sender"]
    assert found["recipient"] == ["bob (at home)", "c@d.e"]
    assert "where" not in found


@pytest.mark.parametrize("name", ["whatsapp", "telegram", "signal", "slack"])
def test_a_chat_has_the_senders_of_its_messages(name: str) -> None:
    first, second = (message_line(who, NOON, "hello\nFrom: nobody") for who in ("Ann Lee", "Bob"))
    assert stated(f"{first}\n{second}\n{first}", type=name) == {"sender": ["ann lee", "bob"]}
    assert stated(f"{first}\n{second}")["sender"] == ["ann lee", "bob"]
    assert stated(first, type="pdf") == {}


def test_calendars_and_contacts_have_the_fields_of_their_heads() -> None:
    event = sample("calendar/usual.ics", "Lindenweg")
    assert event["with"] == ["ann lee", "bob stone", "carla@example.net"]
    assert event["where"] == ["church hall, lindenweg 8"]
    person = sample("contacts/version3.vcf", "Ann Marie")
    assert person["phone"][0] == person["phone.mobile"][0] == "+41 79 555 01 23"
    assert person["email"] == ["ann@example.org"]
    assert value_of(person["birthday"][0]).start is not None


def test_the_rows_of_a_table_state_their_columns() -> None:
    table = sample("csv/people.csv", "Ann Lee")
    assert table["email"][0] == "ann@example.org"
    assert "zoë mass" in table["name"]
    assert table["joined"][0] == "2024-05-03"


def test_properties_of_org_and_restructuredtext_are_attributes() -> None:
    assert stated("#+STATUS: open\n#+filetags: :a:b:\ntext", type="org") == {
        "status": ["open"],
        "filetags": ["a", "b"],
    }
    assert stated("Title\n=====\n\n:status: open\n", type="rst") == {"status": ["open"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", Value("3", 3.0)),
        ("-3.50", Value("-3.50", -3.5)),
        ("1e3", Value("1e3", 1000.0)),
        ("3 pm", Value("3 pm")),
        ("1.2.3", Value("1.2.3")),
        ("nan", Value("nan")),
        ("٣", Value("٣")),
        ("2024", Value("2024", 2024.0)),
        (
            "2024-05",
            Value("2024-05", None, NOON_MS - DAY_MS * 5 // 2, NOON_MS + DAY_MS * 57 // 2 - 1),
        ),
        ("2024-05-03", Value("2024-05-03", None, NOON_MS - DAY_MS // 2, NOON_MS + DAY_MS // 2 - 1)),
        ("2024-05-03T12:00", Value("2024-05-03t12:00", None, NOON_MS, NOON_MS)),
        ("2024-02-30", Value("2024-02-30")),
        ("3 May 2024", Value("3 may 2024", None, NOON_MS - DAY_MS // 2, NOON_MS + DAY_MS // 2 - 1)),
        (
            "Friday, 3 May 2024 12:00-14:00 (Europe/Zurich)",
            Value("friday, 3 may 2024 12:00-14:00 (europe/zurich)", None, NOON_MS, NOON_MS),
        ),
        ("31 June 2024", Value("31 june 2024")),
    ],
)
def test_a_value_is_a_number_a_date_or_a_text(text: str, value: Value) -> None:
    assert value_of(fold(text)) == value


def test_only_the_beginning_of_a_long_value_counts() -> None:
    (value,) = attributes_of(memory('{"a": "' + "x" * 5000 + '"}'))["a"]
    assert value.text == "x" * MAX_VALUE_CHARACTERS


@given(
    st.text(
        st.sampled_from("-+#:;{}[]\"'\n\\, ()<>@aAé1.&*\0\ud800") | st.characters(), max_size=200
    ),
    st.sampled_from(["", *TYPES]),
    st.sampled_from([None, "/a.yaml", "/a.toml"]),
    st.sampled_from(["", "---\n", "+++\n", "{", "From: "]),
)
@example("---\n? [a]\n: b\n---\n", "markdown", None, "")
@example("a: !!python/object:os.system x", "code", "/a.yaml", "")
def test_no_text_is_refused(text: str, kind: str, source: str | None, start: str) -> None:
    found = attributes_of(memory(start + text, type=kind, source=source))
    for name, values in found.items():
        assert name.strip()
        for value in values:
            assert "\0" not in name + value.text
            (name + value.text).encode()
