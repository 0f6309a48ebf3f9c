"""`edgekit formats`."""

from edgekit.cli import options, output


def formats(*, json: options.Json = False) -> None:
    """Show what can be exported and run here, what is missing, and how to get it."""
    from edgekit.reports import formats as report
    from edgekit.workflows.formats import formats as look

    rows = look()
    if json:
        output.print_json(report.as_json(rows))
    else:
        output.print_text(report.render(rows))
