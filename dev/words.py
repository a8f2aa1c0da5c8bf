"""Lists words that this project does not use, with the field's word for each: python3 dev/words.py

Scans the tracked sources and exits 1 if it finds any. Fixtures, lock files and generated files are not scanned.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCANNED = re.compile(r"\.(?:cfg|css|html|in|m?js|md|py|rs|sh|sql|tf|toml|tsx?|ya?ml)$|(^|/)(?:Docker|Make)file$")
# STYLE.md lists the words themselves; `make bench` writes docs/performance.md.
EXCLUDED = re.compile(r"^(STYLE|docs/performance)\.md$|(^|/)fixtures/|(^|/)package-lock\.|^dev/words\.py$")

TIME_OR_PART = "second|minute|hour|day|week|month|year|line|row|column|variable|event|partition|process|mart"
WORDS = [
    (r"(?:^|/// |//! |// |# |-- |\"\"\"|[;,] (?:and )?)gives\b", "Returns"),
    (r"(?<!there )\b(?:is|are) no (?!longer\b|more\b|less\b|later\b|earlier\b|other\b)[a-z]+", "is not a; are not"),
    (
        rf"\b(?:a|an|one) (?!(?:of|in|on|for|to|from|by|with|than|per|as|at) )[a-z]+ an? (?:{TIME_OR_PART})\b(?! time)",
        "one ... per ...",
    ),
    (r"\banew\b", "again; rebuild"),
    (r"\bmend(?:s|ed|ing)?\b", "fix, fixed"),
    (r"\bfor ever\b", "forever"),
    (r"\bby itself\b", "automatically; separately"),
    (r"\b(?:is|are|was|were) there already\b", "already exists"),
    (r"\bwhere there (?:is|are) none\b", "`None` if it does not exist"),
    (r"\bwhat (?:it|they) (?:is|are|was|were) made (?:of|from)\b", "its inputs"),
    (r"\bwhat bec(?:ame|omes) of\b", "what happened to"),
    (r"\b(?:is|are|was|were|be) told\b(?! apart)", "is reported"),
    (r"\btells\b|\btell of\b", "reports; returns; logs; lists"),
    (r"\b(?:speaks?|spoken) of\b", "describes; lists"),
    (r"\b(?:stands?|stood) for\b", "represents"),
    (r"\bfor which\b[^.;]*\b(?:stands?|stood)\b", "represented by"),
    (r"\b(?:what|that|which) may pass\b", "transient"),
    (r"\bexclude each other\b", "conflict"),
    (r"\bset aside\b", "quarantined"),
    (r"\bwhoever\b", "anyone who"),
]
PATTERNS = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in WORDS]


def hits(path: Path) -> list[tuple[int, str, str]]:
    """Returns the line number, the words and their replacement of every hit in a file."""
    lines = path.read_text("utf-8").splitlines()
    return [
        (number, found.group().strip(), instead)
        for number, line in enumerate(lines, 1)
        for pattern, instead in PATTERNS
        for found in pattern.finditer(line)
    ]


def main() -> int:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = [name for name in tracked.split("\0") if SCANNED.search(name) and not EXCLUDED.search(name)]
    found = [(name, *hit) for name in paths if (ROOT / name).is_file() for hit in hits(ROOT / name)]
    for name, number, words, instead in found:
        print(f"{name}:{number}: {words} -> {instead}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
