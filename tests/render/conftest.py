import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `sample` is beside the tests; importlib mode adds no folder
