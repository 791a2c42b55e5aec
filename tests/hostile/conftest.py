import sys
from pathlib import Path

# `sample`, `test_page` and `test_shelf` are doubles of the page's own tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "render"))
