"""The lint rules that keep code out of data bite, in every room of the product."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("instruments", "amrr", "haloscope", "pvdb", "iocs", "devices", "plans", "cryohalo")
FORBIDDEN = {
    "eval(text)": "S307",
    "exec(text)": "S102",
    "import pickle": "TID251",
    "from pickle import loads": "TID251",
    "import marshal": "TID251",
    "import shelve": "TID251",
    "import dill": "TID251",
    "import cloudpickle": "TID251",
    "import joblib": "TID251",
    "import jsonpickle": "TID251",
    "import msgpack_numpy": "TID251",
    "import pandas; pandas.read_pickle(text)": "S301",
    "import numpy as np; np.load(text, allow_pickle=True)": "TID251",
    "import numpy as np; np.load(text)": "TID251",
    "import numpy as np; np.fromfile(text)": "TID251",
    "import numpy as np; np.lib.format.read_array(text, allow_pickle=True)": "TID251",
    "import yaml; yaml.load(text, yaml.Loader)": "S506",
    "import yaml; yaml.unsafe_load(text)": "TID251",
    "import yaml; yaml.full_load(text)": "TID251",
    "import subprocess; subprocess.run(text, shell=True)": "S602",
    "import subprocess; subprocess.Popen(text, shell=True)": "S602",
    "run(text, shell=True)": "S604",
    "import os; os.system(text)": "S605",
    "import os; os.popen(text)": "S605",
    "import subprocess; subprocess.getoutput(text)": "S605",
    "import subprocess; subprocess.Popen('chown *', shell=True)": "S609",
    "import asyncio; asyncio.create_subprocess_shell(text)": "TID251",
    "import tempfile; tempfile.mktemp()": "S306",
    "import xml.etree.ElementTree as tree; tree.parse(text)": "S314",
    "import jinja2; jinja2.Environment()": "S701",
    "import logging.config; logging.config.listen(text)": "S612",
}


def complaints(room: str, code: str) -> set[str]:
    """The rules that ``code`` breaks as a file of ``room``."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    line = [ruff, "check", "--no-cache", "--output-format", "concise"]
    line += ["--stdin-filename", f"{room}/example.py", "-"]
    ended = subprocess.run(
        line, input=code, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert not ended.stderr
    return set(re.findall(r"^\S+: ([A-Z]+[0-9]+) ", ended.stdout, re.MULTILINE))


@pytest.mark.parametrize("code", FORBIDDEN)
def test_what_could_run_code_from_data_is_refused(code: str) -> None:
    assert FORBIDDEN[code] in complaints("iocs", code)


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_is_exempt(room: str) -> None:
    code = "import pickle\nimport os\nos.system('')\neval('')\nexec('')\n"
    assert complaints(room, code) >= {"TID251", "S605", "S307", "S102"}


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_excuses_itself(room: str) -> None:
    excuse = re.compile(r"noqa(?!:)|noqa:.*\b(S\d|TID)|ruff: noqa")
    files = list((ROOT / room).rglob("*.py"))
    assert files
    assert not [path for path in files if excuse.search(path.read_text())]


def test_what_is_harmless_passes() -> None:
    code = "import json\nimport subprocess\njson.loads('1')\nsubprocess.run(['true'], check=True)\n"
    assert not {rule for rule in complaints("iocs", code) if rule.startswith(("S", "TID"))}
