"""How many tokens a text has, estimated from its bytes, rather too many than too few."""

from math import ceil

#: Bytes of a token.  Lines of JSON as minds are shown them have from 2.45 (answers) to
#: 2.8 (speech) bytes a token with a vocabulary of 49,152, prose 3.7; with larger
#: vocabularies both have more.
ASCII = 2.4
#: The same for what is not ASCII: emoji have 1.33, Chinese 1.55, Russian 2.3.
OTHER = 1.3
#: What a chat template adds to each prompt.
PROMPT = 8


def tokens(text: str) -> int:
    """
    An estimate of the tokens in *text*.

    Random digits and letters can have up to a token a byte, and twice as many as this.
    """
    size = len(text.encode())
    plain = size if text.isascii() else len(text.encode("ascii", "ignore"))
    return ceil(plain / ASCII + (size - plain) / OTHER)
