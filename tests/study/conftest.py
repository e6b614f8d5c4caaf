"""One small study, made once, that nobody interrupted."""

from pathlib import Path

import pytest

from .making import study, write


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study folder of `making.SMALL`."""
    folder = tmp_path_factory.mktemp("whole")
    code, out, err = study(folder, write(folder))
    assert code == 0, out + err
    return folder / "studies" / "small"
