"""
Everything that reads what others wrote, fed with what nobody would write.

``python -m tests.fuzz --minutes 10`` goes on with new seeds until the time is over; it
prints the seed of a round that fails, which ``--seed`` plays again.
"""

import re
import time
from collections import Counter
from itertools import count

import click
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from hubbub.logs import configure
from hubbub.text import safe_text

from .corpus import TEXTS
from .targets import TARGETS, Target

#: What decoders trip over, to be put anywhere.
TOKENS = (
    *(b"", b"\x00", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b"null", b"NaN", b"-Infinity", b"1e999", b"-0", b"1e-400", b"9" * 5_000),
    *(b"9007199254740993", b"18446744073709551616", b"1.0", b"-1", b"inf", b"nan"),
    *(b"[" * 20_000, b'{"a":' * 5_000, b"]", b"}", b",", b":", b'"', b"\\", b"\\ud800"),
    *(b"[[seats]]\n", b"'''", b'"""', b"0x10", b"1979-05-27T07:32:00Z", b"\n", b"\r\n"),
    *(b'"kind":"call"', b'"hash":""', b"```json\n", b"<think>", b"$5", b"true", b'""'),
    *(t.encode("utf-8", "surrogatepass") for t in TEXTS.values() if len(t) < 50_000),
)
#: Where a file's parts begin and end.
_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|[\w.+-]+|.', re.DOTALL)


def spoiled(samples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """One of *samples* after a few accidents."""
    piece = st.sampled_from(TOKENS) | st.binary(max_size=8)
    accident = st.tuples(st.floats(0, 1), st.integers(0, 3), piece, st.booleans())
    accidents = st.lists(accident, max_size=4)
    return st.builds(_spoil, st.sampled_from(samples), accidents)


def _spoil(sample: bytes, accidents: list[tuple[float, int, bytes, bool]]) -> bytes:
    """*sample* with some words, or else some bytes, of it lost and others put there."""
    for place, lost, piece, whole in accidents:
        parts = _WORD.findall(sample) if whole else [bytes([byte]) for byte in sample]
        at = int(place * len(parts))
        sample = b"".join([*parts[:at], piece, *parts[at + lost :]])
    return sample


def check(target: Target, data: bytes) -> None:
    """Have *target* read *data*: it does, or raises what it may."""
    try:
        target.read(data)
    except target.raises as error:
        # It is shown to people; it may be of any length, but not of any content.
        safe_text(str(error)).encode()


# -- the command


def fuzz(target: Target, examples: int, number: int) -> None:
    """Have *target* read so many things, which follow from *number*."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(data=spoiled(target.samples))
    def reads(data: bytes) -> None:
        check(target, data)

    reads()


@click.command()
@click.option("--minutes", default=10.0, help="How long to go on.")
@click.option("--target", "names", multiple=True, type=click.Choice([*TARGETS]))
@click.option("--seed", "first", default=0, help="Of the first round.")
@click.option("--examples", default=200, help="Of one target in one round.")
def main(minutes: float, names: tuple[str, ...], first: int, examples: int) -> None:
    """Read what nobody would write, until the time is over."""
    configure("error")
    end = time.monotonic() + minutes * 60
    read: Counter[str] = Counter()
    for number in count(first):
        for name in names or TARGETS:
            click.echo(f"\rseed {number} {name:12}", nl=False, err=True)
            fuzz(TARGETS[name], examples, number)
            read[name] += examples
        if time.monotonic() > end:
            break
    click.echo(err=True)
    for name, executions in read.items():
        click.echo(f"{name:12} {executions:,}")
    click.echo(f"{read.total():,} executions, no crash but what is documented")


if __name__ == "__main__":
    main()
