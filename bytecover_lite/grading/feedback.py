"""One page of feedback a student, without scripts and without the hidden tests."""

import hashlib
import html
from urllib.parse import quote

from ..files import replace_file
from .verdicts import VERDICTS

LONGEST = 200  # bytes of a file's name; file systems take 255
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Feedback for {student}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem;
 padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #999; padding: .3rem .6rem; text-align: left;
 vertical-align: top }}
td:last-child, li, h1 {{ overflow-wrap: anywhere }}
td:nth-child(2) {{ white-space: nowrap }}
</style>
</head>
<body>
<h1>Feedback for {student}</h1>
{sections}
</body>
</html>
"""


def file_name(student):
    """Return the name of a student's page; any id gives a name that every system takes."""
    name = "".join(one if one.isalnum() else quote(one, safe=" ") for one in student or "nobody")
    if len(name.encode()) > LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[:LONGEST].decode('utf-8', 'ignore')} {digest}"
    return f"{name}.html"


def write_feedback(folder, student, grades):
    """Write the page of one student.

    Parameters
    ----------
    folder : Path
    student : str
    grades : sequence of Grade
        One for each assignment.
    """
    sections = "\n".join(_section(grade) for grade in grades)
    page = _PAGE.format(student=html.escape(student), sections=sections)
    replace_file(folder / file_name(student), page.encode())


def _section(grade):
    lines = [f"<h2>{html.escape(grade.assignment or grade.file)}</h2>"]
    lines.append(f"<p>{html.escape(_sum(grade))}</p>")
    remarks = [(VERDICTS[name], said) for name, said in grade.findings.items()]
    if remarks:
        lines += ["<ul>", *(f"<li>{_remark(*remark)}</li>" for remark in remarks), "</ul>"]
    if grade.has_score:
        head = "".join(f'<th scope="col">{name}</th>' for name in ("Task", "Points", "Remark"))
        lines += ["<table>", f"<thead><tr>{head}</tr></thead>", "<tbody>"]
        lines += [_row(test, test["message"] or "correct") for test in grade.tests]
        lines += [_row(essay, essay["comment"]) for essay in grade.essays]
        lines += ["</tbody>", "</table>"]
    return "\n".join(lines)


def _sum(grade):
    if not grade.has_score:
        return "No points yet: see the remark, and ask your teacher."
    row = grade.row()
    text = f"Tests: {row['tests']} of {row['tests_max']} points."
    if grade.essays:
        text += f" Essays: {row['essays']} of {row['essays_max']}"
        waiting = int(row["essays_to_read"])
        text += f", {waiting} still to be read." if waiting else "."
    return text


def _remark(meaning, said):
    return html.escape(f"{meaning[:1].upper()}{meaning[1:]}: {said}")


def _row(part, remark):
    points = "to be read" if part["points"] is None else f"{part['points']:g}"
    task = part["name"].removeprefix("test_").replace("_", " ")
    cells = (task, f"{points} / {part['max']:g}", remark)
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
