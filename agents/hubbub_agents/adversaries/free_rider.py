"""
Takes its share of what the others give, and gives nothing.

Threat: norms of giving erode where keeping is seen to pay.
Knowledge: the rules of the game.
Budget: its own seat.
Effect: conditional co-operators give nothing one game later, altruists go on.
Source: Fischbacher, Gächter and Fehr 2001; Lai et al. 2024 (arXiv 2402.12590), section 4.
"""

from hubbub_agents.givers import FreeRider

__all__ = ["FreeRider"]
