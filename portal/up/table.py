"""What ``bin/up`` says at the end: what runs where, what is missing, and how to log in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.up.optional import Found
from portal.up.programs import Program
from portal.up.supervisor import State

HEADINGS = ("what", "state", "pid", "where")


@dataclass(frozen=True)
class Row:
    """One line: a program, how it is, its process, where it is found or what to do."""

    name: str
    state: str
    pid: str
    where: str


def rows(programs: Sequence[Program], found: Iterable[Found], states: Mapping[str, State], log: Path) -> list[Row]:
    """The programs that were started, then the optional ones that were not."""
    started = [_row(program, states.get(program.name), log) for program in programs]
    absent = [
        Row(one.name, "runs" if one.port else "missing", "", f"{_address(one)}{one.note}")
        for one in found
        if one.program is None
    ]
    return started + absent


def _address(found: Found) -> str:
    return f"http://127.0.0.1:{found.port}, " if found.port else ""


def _row(program: Program, state: State | None, log: Path) -> Row:
    if state is not None and state.running:
        return Row(program.name, "runs", str(state.pid), program.address)
    return Row(program.name, "does not run", "", f"{log / program.name}.log: {last_line(log / f'{program.name}.log')}")


def last_line(path: Path) -> str:
    """The last line of a log file that says something, shortened; a sentence where there is none."""
    try:
        lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return lines[-1][:200] if lines else "it said nothing"


def text(lines: Sequence[Row]) -> str:
    """The table, in columns."""
    cells = [HEADINGS, *((row.name, row.state, row.pid, row.where) for row in lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    return "\n".join(
        "  ".join([*(row[column].ljust(widths[column]) for column in range(3)), row[3]]).rstrip() for row in cells
    )
