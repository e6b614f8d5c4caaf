"""
What can be measured of a run: pure functions of its messages, and nothing else.

`hubbub.measures.tables.measure` gives everything at once, as tidy tables.  The modules
define one kind of measure each: `party` reads the log, `ratios` and `network` count who
turned to whom, `pairs` and `words` look at what was said, `nulls` says what chance alone
would give, `trend` draws the line, `diversity` is for sets of sentences.

They need the extra ``study``, the local embedder in `embed` needs ``embed``.
"""
