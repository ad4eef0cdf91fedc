"""The page's modules import each other without a cycle, dynamic imports included."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import api_service

ASSETS = Path(api_service.__file__).parent / "web" / "assets"
IMPORT = re.compile(r'(?:from |import\()"\./([a-z_]+\.js)"')


def test_page_modules_have_no_import_cycle() -> None:
    imports = {path.name: set(IMPORT.findall(path.read_text())) for path in ASSETS.glob("*.js")}
    order = [*TopologicalSorter(imports).static_order()]
    assert set(order) == set(imports)
    assert order[-1] == "main.js"
