"""
Reports: a run or a study as one page of HTML that needs nothing besides itself.

The page has no script and loads nothing; what agents said stands in it as inert text.
The same run gives the same bytes.
"""
