"""Results of `smoke` as JUnit XML, which CI services read.

Source: testmoapp/junitxml (the format as it is used; there is no specification).
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from buildtools.smoke import Result, SmokeReport

_PLAIN: Final = "\t\n"


def junit(report: SmokeReport) -> str:
    """The document; an image is a suite, and each of its tiers and platforms a case."""
    whole = Element("testsuites", {"name": "buildtools smoke", **_counts(report.results)})
    for image, group in groupby(report.results, key=lambda result: result.case.variant.image):
        results = list(group)
        suite = SubElement(whole, "testsuite", {"name": safe(image), **_counts(results)})
        for result in results:
            _case(suite, result)
    indent(whole)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(whole, encoding="unicode")}\n'


def _counts(results: Iterable[Result]) -> dict[str, str]:
    every = list(results)
    return {
        "tests": str(len(every)),
        "failures": str(sum(result.state == "broken" for result in every)),
        "errors": "0",
        "skipped": str(sum(result.state == "not tried" for result in every)),
        "time": f"{sum(result.seconds for result in every):.3f}",
    }


def _case(suite: Element, result: Result) -> None:
    variant, version = result.case.variant, result.case.config.platform.os_version
    case = SubElement(
        suite,
        "testcase",
        classname=safe(f"{variant.image}.{result.tier}"),
        name=safe(f"{variant.label} ({version})" if version else variant.label),
        file=safe(f"{variant.folder}/image.yaml"),
        time=f"{result.seconds:.3f}",
    )
    outcome = result.outcome
    if outcome is None:
        SubElement(case, "skipped", message=safe(result.reason))
        return
    for finding in outcome.findings:
        SubElement(case, "failure", message=safe(finding), type="contract").text = safe(finding)
    for name, lines in (("system-out", outcome.log), ("system-err", outcome.remarks)):
        if lines:
            SubElement(case, name).text = safe("\n".join(lines))


def safe(text: str) -> str:
    """The text with what XML 1.0 has no place for written out: control characters, halves of pairs."""
    return "".join(c if _is_character(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def _is_character(character: str) -> bool:
    # https://www.w3.org/TR/xml/#charsets; a carriage return would come back as a line's end.
    code = ord(character)
    return character in _PLAIN or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
