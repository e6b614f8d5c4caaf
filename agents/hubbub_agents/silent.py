"""The mind that says nothing: for idle seats, and for tests of everything else."""

from hubbub.mind import Ask, Mind


class Silent(Mind):
    """Passes whatever it is asked."""

    async def act(self, ask: Ask) -> object:
        return None
