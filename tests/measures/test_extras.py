"""Who only runs parties needs none of what measuring takes."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hubbub.cli.main import commands
from hubbub.measures.embed import fetch_minilm

WITHOUT = (
    "import sys; sys.modules.update(dict.fromkeys("
    "['numpy', 'scipy', 'networkx', 'onnxruntime', 'tokenizers', 'vaderSentiment']));"
    "import hubbub, hubbub.cli.main, hubbub.launch, hubbub_agents.talker, "
    "hubbub_scenarios.cocktail_party"
)


def test_running_does_without_what_measuring_takes() -> None:
    """The package, its command line and its games import none of it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.model
@pytest.mark.parametrize("name", ["minilm", "local/minilm"])
def test_the_embedder_is_fetched_like_a_model(name: str) -> None:
    """By the same command, which says where it is."""
    done = CliRunner().invoke(commands, ["models", "fetch", name])

    assert done.exit_code == 0
    assert done.output.strip() == str(fetch_minilm(os.environ)[0])
