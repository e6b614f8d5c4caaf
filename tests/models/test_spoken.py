"""What a model said, out of what its server takes for its words."""

import pytest

from hubbub.models.spoken import spoken


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('{"a": 1}<|im_end|>', '{"a": 1}'),
        ("hi <|eot_id|> <|im_end|>\n", "hi"),
        ("hi</s></s><end_of_turn>", "hi"),
        ("<|im_start|>assistant\nhi", "hi"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nhi", "hi"),
        ("<s> [/INST] hi", "hi"),
        ("<start_of_turn>model\nhi<end_of_turn>", "hi"),
        ("<|im_start|> stays where it is", "<|im_start|> stays where it is"),
        ("a < b | c >", "a < b | c >"),
        (" kept \n", " kept \n"),
        ("", ""),
    ],
)
def test_tokens_of_the_template_are_no_words(said: str, text: str) -> None:
    """What a chat template leaks at either end is taken off, and nothing else."""
    assert spoken(said) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("<think>hm</think>hi", "hi"),
        ("\n<think>\nhm\n</think>\n\n hi\n", "hi\n"),
        ("<think></think>", ""),
        ("<thinking>hm</thinking> hi", "hi"),
        ("<|im_start|>assistant\n<think>hm</think>hi<|im_end|>", "hi"),
        ("<think>a</think>b</think>c", "b</think>c"),
        ("The template began it.\n</think>\n\nhi", "hi"),
        ("<think>never ended", None),
        ('{"text": "</think> in a string"}', '{"text": "</think> in a string"}'),
        ("I <think>so</think>.", "I <think>so</think>."),
    ],
)
def test_thinking_before_the_answer_is_dropped(said: str, text: str | None) -> None:
    """A block at the beginning is no part of what was said; one without an end is all."""
    assert spoken(said) == text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, None),
        ([], None),
        (
            [{"type": "text", "text": "a"}, "b", {"type": "output_text", "text": "c"}],
            "abc",
        ),
        ([{"type": "text", "text": ""}], ""),
        ([{"type": "thinking", "thinking": "hm"}, 7, None, {"type": "text"}], None),
    ],
)
def test_parts_are_joined(content: list[object] | None, text: str | None) -> None:
    """Parts that are no text are none of what was said."""
    assert spoken(content) == text


@pytest.mark.parametrize(
    "said",
    [
        ("</s>" + " " * 8) * 200_000,
        "<s> " * 400_000,
        "<think>" * 200_000,
        "<think>" + "</thin" * 300_000,
        "\n</thin" * 300_000,
    ],
    ids=["ends", "openings", "thinking", "endings", "lines"],
)
def test_hostile_text_costs_no_more_than_its_length(said: str) -> None:
    """All of it is linear: quadratic work on a megabyte would outlast the test."""
    assert (spoken(said) or "") in ("", said)
