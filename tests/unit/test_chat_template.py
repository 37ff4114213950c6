from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from llama_cpp import llama_chat_format

from tera.datatypes import Turn
from tera.errors import ConfigError, ModelLoadError
from tera.llms.chat_template import (
    NAMED_TEMPLATES,
    ChatTemplate,
    Segment,
    choose_template,
)
from tera.llms.thoughts import without_thoughts
from tera.models import ModelSpec
from tera.prompts import Prompt

# Published templates whose licence lets them be here; see SOURCES.md beside them.
FILES = sorted((Path(__file__).parents[1] / "chat_templates").glob("*.jinja"))
REAL = {file.stem: file.read_text() for file in FILES} | {
    "mistral": llama_chat_format.MISTRAL_INSTRUCT_CHAT_TEMPLATE,
    "mixtral": llama_chat_format.MIXTRAL_INSTRUCT_CHAT_TEMPLATE,
    "llama-3": llama_chat_format.LLAMA3_INSTRUCT_CHAT_TEMPLATE,
    "chatml of llama-cpp-python": llama_chat_format.CHATML_CHAT_TEMPLATE,
}

# What the others do, in our own words.
LIKE = {
    "dates itself, as Llama 3.2": (
        "{{ bos_token }}{% if not date_string is defined %}"
        "{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
        "<|head|>system<|/head|>\n\nToday: {{ date_string }}\n\n"
        "{{ messages[0]['content'] | trim }}<|eot|>"
        "{% for message in messages[1:] %}<|head|>{{ message['role'] }}<|/head|>\n\n"
        "{{ message['content'] | trim }}<|eot|>{% endfor %}"
        "{% if add_generation_prompt %}<|head|>assistant<|/head|>\n\n{% endif %}"
    ),
    "refuses a system text, as Gemma 2": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('no system role') }}{% endif %}{% for message in messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}"
        "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
        "{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    ),
    "puts the system text before the first question, as Gemma 3": (
        "{{ bos_token }}{% set first = messages[0]['content'] + '\n\n' %}"
        "{% for message in messages[1:] %}"
        "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
        "{{ first if loop.first }}{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    ),
    "loses the system text": (
        "{% for message in messages if message.role != 'system' %}<|{{ message.role }}|>\n"
        "{{ message.content }}</s>\n{% endfor %}<|assistant|>\n"
    ),
    "goes through its tools where they are none, as one of Phi-4-mini": (
        "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}"
        "{% if message.role == 'system' and tools is defined %}"
        "{% for tool in tools %}{{ tool }}{% endfor %}{% endif %}<|end|>{% endfor %}<|assistant|>"
    ),
    "takes contents in parts": (
        "{% for message in messages %}<|{{ message.role }}|>{% for part in message.content %}"
        "{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}<|end|>{% endfor %}"
        "<|assistant|>"
    ),
    "looks into its contents": (
        "{% for message in messages %}<|{{ message.role }}|>"
        "{% if '</think>' in message.content %}{{ message.content.split('</think>')[-1] }}"
        "{% elif message.content[0] == '!' or message.content.startswith('/') %}command"
        "{% else %}{{ message.content }}{% endif %}<|end|>{% endfor %}<|assistant|>"
    ),
    "always thinks": (
        "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>"
        "{% endfor %}<|assistant|><think>\n"
    ),
    "has a generation block": (
        "{% for message in messages %}<|{{ message.role }}|>"
        "{% generation %}{{ message.content }}{% endgeneration %}<|end|>{% endfor %}<|assistant|>"
    ),
}
ALL = REAL | LIKE | NAMED_TEMPLATES

PROMPT = Prompt(
    "Be brief.", "Which port?", (Turn("Who is Ada?", "My sister [1]."), Turn("And Bo?", "A dog."))
)


def template(name: str) -> ChatTemplate:
    return ChatTemplate(ALL[name], "<s>", "</s>", model=name)


TEMPLATES = {name: template(name) for name in ALL}


def contents(prompt: Prompt) -> list[str]:
    return [
        prompt.system,
        *(part for turn in prompt.turns for part in (turn.question, turn.answer)),
        prompt.user,
    ]


def said(segments: Sequence[Segment]) -> list[str]:
    """Return the contents, of which some are in several segments."""
    found: list[str] = []
    was_mark = True
    for segment in segments:
        if not segment.is_mark:
            found += [segment.text] if was_mark else [found.pop() + segment.text]
        was_mark = segment.is_mark
    return found


def whole(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments)


@pytest.mark.parametrize("name", ALL)
def test_every_content_is_there_once_and_in_order(name: str) -> None:
    for turns in range(4):
        prompt = Prompt("Be brief.", "Which port?", (*PROMPT.turns, PROMPT.turns[0])[:turns])
        segments = TEMPLATES[name].segments(prompt)
        assert said(segments) == contents(prompt)
        assert segments[-1].is_mark


@pytest.mark.parametrize("name", ALL)
def test_every_prompt_begins_with_the_same_fixed_part(name: str) -> None:
    fixed = TEMPLATES[name].fixed(PROMPT.system)
    assert said(fixed) == [PROMPT.system]
    for prompt in (PROMPT, Prompt(PROMPT.system, "Else?"), Prompt(PROMPT.system, "")):
        assert TEMPLATES[name].segments(prompt)[: len(fixed)] == fixed
    # And it does so in every process.
    assert template(name).segments(PROMPT) == TEMPLATES[name].segments(PROMPT)


PLAIN_NAMES = ["qwen2.5", "qwen3", "granite-4.0", "ministral-3", "phi-3.5-mini", "llama-3"]


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_prompt_is_what_the_template_makes_of_it(name: str) -> None:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = json.dumps
    roles = ["system", "user", "assistant", "user", "assistant", "user"]
    messages = [
        {"role": role, "content": content}
        for role, content in zip(roles, contents(PROMPT), strict=True)
    ]
    expected = environment.from_string(ALL[name]).render(
        messages=messages,
        bos_token="<s>",
        eos_token="</s>",
        add_generation_prompt=True,
        enable_thinking=False,
    )
    assert whole(TEMPLATES[name].segments(PROMPT)) == expected


def test_chatml_is_written_as_its_models_learnt_it() -> None:
    assert whole(ChatTemplate(NAMED_TEMPLATES["chatml"]).segments(Prompt("S", "U"))) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
    )


LOOK_ALIKES = (
    ["<|im_end|>", "<|im_start|>system\n", "[/INST]", "[INST]", "<start_of_turn>", "<|end|>"],
    ["</|end|>", "<think>", "</think>", "<s>", "</s>", "<|", "|>", "<", "[", "x", " ", "\n"],
)
TEXT = st.text() | st.lists(st.sampled_from([*LOOK_ALIKES[0], *LOOK_ALIKES[1]])).map("".join)


@pytest.mark.parametrize("name", ALL)
@given(system=TEXT, question=TEXT, answer=TEXT, user=TEXT)
def test_no_content_ever_yields_a_mark(
    name: str, system: str, question: str, answer: str, user: str
) -> None:
    prompt = Prompt(system, user, (Turn(question, answer),))
    segments = TEMPLATES[name].segments(prompt)
    marks = [segment.text for segment in segments if segment.is_mark]
    innocent = Prompt("s", "u", (Turn("q", "a"),))
    assert marks == [
        segment.text for segment in TEMPLATES[name].segments(innocent) if segment.is_mark
    ]
    shown = "".join(segment.text for segment in segments if not segment.is_mark)
    without_thought = "".join(without_thoughts([answer.strip()])).strip()
    assert shown == system.strip() + question.strip() + without_thought + user.strip()
    # Nor in files whose marks are recognised in any text.
    for segment in segments:
        assert segment.is_mark or not any(
            mark in segment.text
            for mark in ("<|im_end|>", "<think>", "<s>", "</s>")
            if mark in "".join(marks) or mark in ("<think>", "<s>", "</s>")
        )


def test_the_date_of_a_template_stays_the_same_from_day_to_day() -> None:
    shown = whole(TEMPLATES["dates itself, as Llama 3.2"].fixed("Be brief."))
    assert "Today: 26 Jul 2024\n" in shown
    assert str(date.today().year) not in shown


def test_a_model_without_a_system_role_gets_the_system_text_with_the_first_question() -> None:
    refusing = TEMPLATES["refuses a system text, as Gemma 2"]
    assert whole(refusing.segments(PROMPT)) == (
        "<s><start_of_turn>user\nBe brief.\n\nWho is Ada?<end_of_turn>\n"
        "<start_of_turn>model\nMy sister [1].<end_of_turn>\n"
        "<start_of_turn>user\nAnd Bo?<end_of_turn>\n<start_of_turn>model\nA dog.<end_of_turn>\n"
        "<start_of_turn>user\nWhich port?<end_of_turn>\n<start_of_turn>model\n"
    )
    # Mistral Nemo has it before the last question, where it would move with every turn.
    assert whole(TEMPLATES["mistral-nemo"].fixed("Be brief.")) == "<s>[INST]Be brief.\n\n"


@pytest.mark.parametrize("name", ["qwen3", "smollm3", "always thinks"])
def test_a_model_that_thinks_is_made_to_answer_at_once(name: str) -> None:
    mark = TEMPLATES[name].segments(PROMPT)[-1].text
    assert mark.rstrip().endswith("<think>\n\n</think>")


def test_thoughts_of_old_answers_are_not_said_again() -> None:
    prompt = Prompt("s", "u", (Turn("q", "<think>\nLet me see.\n</think>\n\nPort 5433."),))
    for chosen in TEMPLATES.values():
        assert said(chosen.segments(prompt)) == ["s", "q", "Port 5433.", "u"]


@pytest.mark.parametrize(
    ("source", "add_bos", "start"),
    [
        ("{{ bos_token }}", True, "<s>S"),
        ("{{ bos_token }}", False, "<s>S"),
        ("", True, "<s>S"),
        ("", False, "S"),
        ("\n  {{ bos_token }}", True, "\n  <s>S"),
    ],
)
def test_a_sequence_begins_once(source: str, add_bos: bool, start: str) -> None:
    rest = "{% for message in messages %}{{ message.content }}|{% endfor %}"
    chosen = ChatTemplate(source + rest, "<s>", "</s>", add_bos=add_bos)
    assert whole(chosen.segments(Prompt("S", "U"))) == f"{start}|U|"
    assert whole(ChatTemplate(rest, add_bos=True).segments(Prompt("S", "U"))) == "S|U|"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{% for message in messages %}", "Unexpected end of template"),
        ("nothing at all", "does not show every message"),
        ("{{ messages[-1].content }}", "does not show every message"),
        ("{{ raise_exception('not me\nnor you') }}", "not me"),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "does not show"),
        ("{% for m in messages | reverse %}{{ m.content }}{% endfor %}", "does not show"),
        ("{% for m in messages %}{{ m.content | upper }}{% endfor %}", "does not show"),
        ("{{ messages.no.such }}", "no element|undefined|no attribute"),
        ("{{ ''.__class__.__mro__ }}", "unsafe|does not show"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ messages.append(1) }}", "not safely callable|immutable|unsafe"),
        ("{% for m in messages[:3] %}{{ m.content }}|{% endfor %}", "does not show"),
    ],
)
def test_a_template_that_cannot_be_used_is_told(source: str, reason: str) -> None:
    with pytest.raises(ModelLoadError, match=f"the chat template of tiny .*({reason})") as caught:
        ChatTemplate(source, model="tiny")
    assert "\n" not in caught.value.message
    assert "chatml" in caught.value.hint


def spec(chat_template: str) -> ModelSpec:
    return ModelSpec("tiny", "llm", "llama-cpp", chat_template=chat_template)


def test_a_files_own_template_is_used_unless_the_catalogue_names_another() -> None:
    own = "{% for message in messages %}({{ message.content }}){% endfor %}"
    prompt = Prompt("S", "U")
    chatml = ChatTemplate(NAMED_TEMPLATES["chatml"]).segments(prompt)
    assert whole(choose_template(spec(""), own).segments(prompt)) == "(S)(U)"
    assert choose_template(spec("chatml"), own).segments(prompt) == chatml
    assert choose_template(spec(""), " ").segments(prompt) == chatml
    with pytest.raises(ConfigError, match="unknown chat_template 'morse' of tiny") as caught:
        choose_template(spec("morse"), own)
    assert "chatml" in caught.value.hint
