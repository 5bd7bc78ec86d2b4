"""Append a line for each image to the run's summary."""

import json
import os
from pathlib import Path

images = json.loads(os.environ["IMAGES"])["include"]
lines = [f"- `{image['name']}@{image['digest']}`, {len(image['children'])} platforms\n" for image in images]
with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
    summary.writelines(lines)
