"""Renders the chart with Helm's own engine, and holds it against Kubernetes' schemas.

Run by the Python of .venv-deploy: `chart.py FOLDER`. On standard input there is a JSON list of
values; on standard output, for each, `{"documents": […], "notes": "…", "wrong": […]}` or
`{"refused": "why"}`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import yaml

VERSIONS = ("1.27", "1.37")
"""The oldest Kubernetes that the chart says it takes, and the newest that is known here."""


def main() -> None:
    from helm_python.chart import Chart, lint
    from helm_python.errors import HelmError

    folder = sys.argv[1]
    told: list[dict[str, Any]] = []
    with Chart.load(folder) as chart:
        for values in json.load(sys.stdin):
            try:
                chart.validate_schema(values)
                linted = lint(folder, values=values, strict=True)
                files = chart.render(values=values, name="team", namespace="llm")
            except HelmError as error:
                told.append({"refused": str(error)})
                continue
            notes = [text for path, text in files.items() if path.endswith(".txt")]
            documents = [
                document
                for path, text in sorted(files.items())
                if path.endswith(".yaml")
                for document in yaml.safe_load_all(text)
                if document is not None
            ]
            wrong = [*linted["errors"], *(w for d in documents for w in _judge(d))]
            told.append({"documents": documents, "notes": notes[0], "wrong": wrong})
    json.dump(told, sys.stdout)


def _judge(document: dict[str, Any]) -> list[str]:
    import kubernetes_validate

    wrong = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            wrong.append(f"{document['kind']} in {version}: {error.message}")
    return wrong


if __name__ == "__main__":
    main()
