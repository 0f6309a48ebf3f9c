"""A gate as JUnit XML: a test suite for each pair, a test case for each check.

There is no standard. This is what Ant's schema asks for, in its order, which is the strictest that
readers know: Jenkins, GitLab and others want less. JUnit has no word for inconclusive: it is
`skipped`, with the reason, or `failure` where `--on-inconclusive fail` says so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from edgekit.records import Check, GatePair, GateVerdict, Outcome
from edgekit.reports.gate import OnInconclusive, words
from edgekit.text import one_line, printable

_SLOW = "latency"


def render(verdict: GateVerdict, on_inconclusive: OnInconclusive, root: Path) -> str:
    """The document, with its declaration.

    Args:
        verdict: What to tell of.
        on_inconclusive: What a gate that could not decide is taken for.
        root: Folder that paths are shown relative to; not needed here.
    """
    del root
    suites = ET.Element("testsuites")
    for number, pair in enumerate(verdict.pairs):
        suites.append(_suite(number, pair, verdict.measured_at, on_inconclusive))
    ET.indent(suites)
    document: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


def _suite(
    number: int, pair: GatePair, measured_at: str, on_inconclusive: OnInconclusive
) -> ET.Element:
    seconds = f"{pair.timing.seconds if pair.timing else 0.0:.3f}"
    cases = [_case(pair, check, on_inconclusive) for check in pair.checks]
    cases += [_broken(pair)] if pair.failure else []
    device = pair.plan.head.device.name
    about = {
        "name": one_line(pair.plan.name),
        "package": "edgekit.gate",
        "id": str(number),
        "hostname": "localhost" if device == "local" else one_line(device),
        "timestamp": _second(measured_at),
        "time": seconds,
        "tests": str(len(cases)),
    }
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        about[counted] = str(sum(case.find(tag) is not None for case in cases))
    suite = ET.Element("testsuite", about)
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(pair).items():
        ET.SubElement(properties, "property", name=one_line(name), value=one_line(value))
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = printable("\n".join(_said(pair)))
    ET.SubElement(suite, "system-err")
    return suite


def _second(measured_at: str) -> str:
    """UTC to the second and without a zone, as the schema has it."""
    try:
        when = datetime.fromisoformat(measured_at)
    except ValueError:
        when = datetime.fromtimestamp(0, UTC)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _properties(pair: GatePair) -> dict[str, str]:
    found = {"outcome": pair.outcome.value, "setting": words.setting(pair), **pair.facts}
    if timing := pair.timing:
        found |= {
            "latency.ratio": f"{timing.ratio:.5f}",
            "latency.floor_ratio": f"{timing.floor_ratio:.5f}",
            "latency.tail_ratio": f"{timing.tail_ratio:.5f}",
            "latency.rounds": str(timing.rounds),
            "latency.launches": str(len(timing.launches)),
            "machine": timing.machine,
        }
        if timing.interval:
            low, high = timing.interval
            found["latency.interval"] = f"{low:.5f} {high:.5f}"
        if timing.cpu_ratio is not None:
            found["latency.cpu_ratio"] = f"{timing.cpu_ratio:.5f}"
    return found


def _said(pair: GatePair) -> list[str]:
    lines = [f"{check.outcome}: {words.sentence(check)}" for check in pair.checks]
    lines += [f"measured: {words.turns(pair.timing)}"] if pair.timing else []
    return lines + [f"note: {note}" for note in pair.notes]


def _case(pair: GatePair, check: Check, on_inconclusive: OnInconclusive) -> ET.Element:
    seconds = pair.timing.seconds if pair.timing and check.metric == _SLOW else 0.0
    case = _named(pair, check.metric, seconds)
    shown = words.sentence(check)
    inconclusive = check.outcome is Outcome.INCONCLUSIVE
    if check.outcome is Outcome.FAIL:
        ET.SubElement(case, "failure", type="regression", message=shown).text = shown
    elif inconclusive and on_inconclusive is OnInconclusive.FAIL:
        ET.SubElement(case, "failure", type="inconclusive", message=shown).text = shown
    elif inconclusive:
        ET.SubElement(case, "skipped", message=f"inconclusive: {shown}")
    return case


def _broken(pair: GatePair) -> ET.Element:
    case = _named(pair, "comparison", 0.0)
    if failure := pair.failure:
        error = ET.SubElement(
            case, "error", type=one_line(failure.kind), message=one_line(failure.message)
        )
        error.text = printable(f"{failure.message}\nhint: {failure.hint}\n{failure.tail}")
    return case


def _named(pair: GatePair, metric: str, seconds: float) -> ET.Element:
    name = f"edgekit.gate.{one_line(pair.plan.name)}"
    return ET.Element("testcase", classname=name, name=one_line(metric), time=f"{seconds:.3f}")
