"""What servers say when they do not answer, and what each of it amounts to."""

import json
from typing import Any

import pytest

from hubbub.errors import ModelErrorKind
from hubbub.models.complaints import LONGEST, Complaint, read_complaint


def openai(message: str, **more: Any) -> str:
    """An error as OpenAI words it."""
    return json.dumps({"error": {"message": message, **more}})


COMPLAINTS: list[tuple[int, str, ModelErrorKind]] = [
    (401, openai("Incorrect API key", code="invalid_api_key"), "auth"),
    (403, "Forbidden", "auth"),
    (402, openai("Insufficient credits", code=402), "auth"),
    (429, openai("You exceeded your quota", code="insufficient_quota"), "auth"),
    (400, openai("Your credit balance is too low to access the API"), "auth"),
    (429, openai("slow down: too many tokens per minute"), "rate_limit"),
    (500, "", "server"),
    (502, "<html>Bad Gateway</html>", "server"),
    (529, '{"type":"error","error":{"type":"overloaded_error"}}', "server"),
    (408, "", "server"),
    (307, "", "server"),
    (404, '{"error":"model not found"}', "bad_request"),
    (
        400,
        '{"detail":[{"loc":["body","n"],"msg":"value is no integer"}]}',
        "bad_request",
    ),
    (422, "", "bad_request"),
    (405, "", "bad_request"),
    # OpenAI
    (400, openai("?", code="context_length_exceeded"), "context_length"),
    # vLLM, old and new
    (
        400,
        '{"object":"error","message":"maximum context length is 8192","code":400}',
        "context_length",
    ),
    (
        400,
        openai("The prompt is longer than the maximum model length"),
        "context_length",
    ),
    # llama.cpp, old and new
    (
        500,
        openai("request too long", type="exceed_context_size_error", n_ctx=256),
        "context_length",
    ),
    (400, openai("the request exceeds the available context size"), "context_length"),
    # Ollama
    (400, openai("the input length exceeds the context length"), "context_length"),
    # LM Studio
    (
        400,
        '{"error":"the model is loaded with context length of only 4096 tokens"}',
        "context_length",
    ),
    # OpenRouter, with the words of somebody behind it
    (
        400,
        openai(
            "Provider returned error",
            code=400,
            metadata={"raw": '{"message":"maximum context length is 8"}'},
        ),
        "context_length",
    ),
    # Gemini, a list
    (
        400,
        f"[{openai('The input token count (9) exceeds the maximum')}]",
        "context_length",
    ),
    # Anthropic
    (400, openai("prompt is too long: 9 tokens > 8 maximum"), "context_length"),
    (
        400,
        openai("input length and `max_tokens` exceed context limit: 9 + 1 > 8"),
        "context_length",
    ),
    (413, "<html>Request Entity Too Large</html>", "context_length"),
    (400, openai("?", code="content_filter"), "refused"),
    (403, openai("Your input was flagged", metadata={"reasons": ["x"]}), "refused"),
]


@pytest.mark.parametrize(("status", "body", "kind"), COMPLAINTS)
def test_each_complaint_has_its_kind(
    status: int, body: str, kind: ModelErrorKind
) -> None:
    """Servers' words for the same failure are one kind."""
    complaint = read_complaint(status, body.encode())

    assert complaint is not None
    assert complaint.kind == complaint.error.kind == kind
    assert str(status) in str(complaint.error)


@pytest.mark.parametrize(("status", "body", "kind"), COMPLAINTS)
def test_only_what_is_no_fault_of_the_request_may_pass(
    status: int, body: str, kind: ModelErrorKind
) -> None:
    """A key, a prompt or an account does not mend itself, nor a redirect."""
    complaint = Complaint(status, body)

    passing = kind in ("rate_limit", "server") and status != 307
    assert complaint.may_pass == passing


HIDDEN: list[tuple[str, int, ModelErrorKind, bool]] = [
    ('{"error":{"code":502,"message":"Provider returned error"}}', 502, "server", True),
    ('{"error":{"code":"429","message":"slow down"}}', 429, "rate_limit", True),
    ('{"error":{"message":"rate limit reached"}}', 429, "rate_limit", True),
    ('{"error":{"code":403,"message":"flagged"}}', 403, "refused", False),
    ('{"error":"Context size has been exceeded"}', 500, "context_length", False),
    ('{"error":{"code":7}}', 500, "server", True),
    ('{"choices":[{"error":{"code":503,"message":"x"}}]}', 503, "server", True),
]


@pytest.mark.parametrize(("body", "status", "kind", "passing"), HIDDEN)
def test_an_error_may_hide_behind_a_status_of_success(
    body: str, status: int, kind: ModelErrorKind, passing: bool
) -> None:
    """Servers that had promised a reply say in the body why there is none."""
    complaint = read_complaint(200, body.encode())

    assert complaint is not None
    assert (complaint.status, complaint.kind) == (status, kind)
    assert complaint.may_pass == passing


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{"message":{"content":"hi"}}]}',
        b'{"error":null,"choices":[]}',
        b'{"choices":[{"message":{"content":"say \\"error\\""}}]}',
        b'{"choices":[{"error":null,"message":{"content":"an "error""',
        b'["error"]',
        b'"error"',
        b'{"choices":[{"finish_reason":"error"}]}',
        b'"error"' + b"[" * 100_000,
        b"",
    ],
)
def test_a_reply_that_is_none_is_no_complaint(body: bytes) -> None:
    """Whether it is a reply is for those who decode it."""
    assert read_complaint(200, body) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>no</html>", "<html>no</html>"),
        (b"{}", "{}"),
        (b"\xff", "\ufffd"),
        (b"[" * 100_000, "[" * LONGEST),
        (b'{"error":{"message":"a","code":"b","param":"a"}}', "a b"),
        (b'{"error":{"message":"' + b"x" * 100_000 + b'"}}', "x" * LONGEST),
        (b'{"error":' * 9 + b'"x"' + b"}" * 9, '{"error":' * 9 + '"x"' + "}" * 9),
    ],
)
def test_words_are_bounded_and_where_there_are_none_the_body_is_quoted(
    body: bytes, words: str
) -> None:
    """Nothing that a server sends is too strange to be told."""
    complaint = read_complaint(500, body)

    assert complaint is not None
    assert complaint.words == words
