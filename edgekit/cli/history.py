"""`edgekit history`: `pin`, `add`, `show`, `accept`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit.cli import drawing, options, output, progress, quantities
from edgekit.errors import DataError, UsageError

if TYPE_CHECKING:
    from edgekit.records.trends import Trend
    from edgekit.results.history import Place

Into = Annotated[Path | None, typer.Option(help="Folder of the history.", metavar="DIR")]
Branch = Annotated[
    str,
    typer.Option(
        help="Branch that holds it in place of a folder; pushed where there is a remote."
    ),
]
MaxSlowdown = Annotated[str, typer.Option(help="How much slower a commit may be.")]
Commit = Annotated[
    str, typer.Option(help="Commit that it belongs to. Default: what is checked out.")
]

history = typer.Typer(
    name="history",
    help="Follow latency over commits, as a ratio to a pinned reference; find what changed it.",
    no_args_is_help=True,
)


@history.command("pin")
def pin(
    reference: Annotated[Path, typer.Argument(help="An artifact's folder, or a model file.")],
    *,
    into: Into = None,
    branch: Branch = "",
    commit: Commit = "",
    json: options.Json = False,
) -> None:
    """Pin the artifact that commits are measured against."""
    from edgekit.workflows import history as story

    made = story.pin(reference, _place(into, branch), named=commit)
    if json:
        output.print_json(made)
    else:
        output.print_text(f"pinned {made.name} ({made.sha256[:12]})")


@history.command("add")
def add(
    head: Annotated[Path, typer.Argument(help="The commit's artifact, or a model file.")],
    *,
    reference: Annotated[
        list[Path],
        typer.Option(help="The pinned reference; repeat it while two of them overlap."),
    ],
    into: Into = None,
    branch: Branch = "",
    commit: Commit = "",
    max_slowdown: MaxSlowdown = "3%",
    runtime: options.OneRuntime = "",
    threads: options.ThreadsInTurns = 1,
    batch: options.Batch = None,
    shape: options.Shape = None,
    budget: Annotated[
        str, typer.Option(help="Time that each reference may take: 20s, 1m.")
    ] = "20s",
    json: options.Json = False,
) -> None:
    """Measure a commit's artifact against the reference, keep that, and say if it is slower.

    Exit 1 if it is beyond what the last 30 commits say; 6 if the history has broken lines.
    """
    from edgekit.reports import trends
    from edgekit.workflows import additions

    request = additions.AddRequest(
        head=head,
        references=tuple(dict.fromkeys(reference)),
        place=_place(into, branch),
        commit=commit,
        max_slowdown=quantities.share(max_slowdown, "--max-slowdown"),
        runtime=runtime,
        threads=threads,
        batch=batch,
        shapes=options.shapes(shape or ()),
        budget_s=quantities.duration_s(budget, "--budget"),
    )
    with progress.told() as on_event:
        found = additions.add(request, on_event)
    if json:
        output.print_json(trends.added_as_json(found))
    else:
        output.print_text(trends.added(found))
    output.say(f"kept in {found.path}")
    _leave(found.faults, failed=found.slower)


@history.command("accept")
def accept(
    commit: Annotated[str, typer.Argument(help="The commit that it came with.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it is wanted.")],
    into: Into = None,
    branch: Branch = "",
    json: options.Json = False,
) -> None:
    """Accept a slowdown that is wanted, so that `show` fails for it no more."""
    from edgekit.workflows import history as story

    made = story.accept(commit, reason, _place(into, branch))
    if json:
        output.print_json(made)
    else:
        output.print_text(f"accepted what came with {made.commit[:12]}: {made.reason}")


@history.command("show")
def show(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of the history.", metavar="[DIR]")
    ] = None,
    *,
    branch: Branch = "",
    max_slowdown: MaxSlowdown = "3%",
    html: options.Html = None,
    markdown: options.Markdown = None,
    json: options.Json = False,
) -> None:
    """Show where latency changed, between which commits, and whether that still holds.

    Exit 1 if a slowdown holds; 6 if the history has broken lines.
    """
    from edgekit.reports import trends
    from edgekit.workflows import history as story

    limit = quantities.share(max_slowdown, "--max-slowdown")
    form = drawing.Form(html, markdown)
    form.check()
    if folder is not None and not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder}", hint="`edgekit history pin` and `add` make one"
        )
    trend = story.trend(_place(folder, branch, "DIR").past(), limit)
    if json:
        output.print_json(trends.as_json(trend))
    else:
        output.print_text(trends.render(trend))
    _write(trend, html, markdown)
    _leave(trend.faults, failed=bool(trend.failing))


def _place(folder: Path | None, branch: str, option: str = "--into DIR") -> Place:
    from edgekit.results.branches import Branch as Kept
    from edgekit.results.history import Directory

    if bool(branch) == (folder is not None):
        raise UsageError(
            "a history is in a folder or in a branch" + (", not in both" * bool(branch)),
            hint=f"give {option}, or --branch edgekit-history",
        )
    if folder is not None:
        return Directory(folder)
    kept = Kept(Path(), branch, output.say)
    kept.check()
    return kept


def _write(trend: Trend, html: Path | None, markdown: Path | None) -> None:
    from edgekit import publishing
    from edgekit.reports import trends

    if markdown:
        publishing.write_file(markdown, trends.markdown(trend).encode(), "--markdown")
        output.say(f"wrote {markdown}")
    if html:
        from edgekit.reports.html import trend as page

        publishing.write_file(html, page.render(trend).encode(), "--html")
        output.say(f"wrote {html}")


def _leave(faults: tuple[str, ...], *, failed: bool) -> None:
    """End with the status of what was shown.

    Raises:
        DataError: Some lines can't be read.
        Exit: It got slower.
    """
    if faults:
        raise DataError(
            f"{len(faults)} broken lines or files of the history were left out: {faults[0]}",
            hint="restore them, for instance from git, or take those lines out",
        )
    if failed:
        raise typer.Exit(1)
