"""What devices have said: the questions, the cases that ask them, and the code that they decide."""

import importlib
import re
from pathlib import Path

import pytest

from coreml_resize_fix.conformance.records import answers, cases
from coreml_resize_fix.conventions import measured
from tests.support.process import REPOSITORY

DOCUMENT = (Path(REPOSITORY) / "docs" / "conformance.md").read_text(encoding="utf-8")
QUESTIONS = measured.questions()


def row(question):
    """The row of docs/conformance.md."""
    known = "; ".join(
        f"{one.answer} ({', '.join(filter(None, (one.unit, one.system, one.source)))})"
        for one in question.answers
    )
    many = (" ".join(f"`{one}`" for one in some) for some in (question.cases, question.decides))
    return f"| `{question.key}` | {question.question} | {' | '.join(many)} | {known or 'nothing'} |"


def test_the_document_has_every_question_and_no_other():
    rows = re.findall(r"^\| `[\w-]+` \| .*\? \| .*$", DOCUMENT, re.MULTILINE)
    assert rows == [row(question) for question in QUESTIONS]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_some_case_answers_each_question(question):
    for pattern in question.cases:
        alone = question._replace(cases=(pattern,))
        assert any(alone.is_asked_by(name) for name in cases()), pattern


def test_every_case_answers_a_question():
    assert [name for name in cases() if not measured.asked_by(name)] == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_the_code_that_depends_on_an_answer_names_its_question(question):
    for name in question.decides:
        module, attribute = name.rsplit(".", 1)
        found = importlib.import_module(f"coreml_resize_fix.{module}")
        assert hasattr(found, attribute), name
        text = Path(found.__file__).read_text(encoding="utf-8")
        assert f"`{question.key}`" in text, f"{module} does not name {question.key}"


def test_answers_have_the_form_of_a_run():
    record = {"questions": ["one-pixel"], "compute_unit": "ALL", "reading": "documented"}
    about = {"device": "Mac", "system": "macOS", "tool_version": "1"}
    (made,) = answers(about, [record, record])
    assert made.pop("question") == "one-pixel"
    assert measured.Answer(**made).answer == "2 × documented"
    for question in QUESTIONS:
        assert all(one.answer and one.source for one in question.answers)
