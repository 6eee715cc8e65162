"""Read the officer's YAML files and say precisely what is wrong in them: file, line, key, expected, what to write.

Knows YAML and pydantic, not what a project is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from meal_pipelines.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path, model: type[Model]) -> tuple[Model, Lines]:
    """Read and judge one YAML file.

    Returns: the model, and the lines on which its keys stand.
    Raises: ConfigurationError, one line per mistake, each with file, line and key.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(f"Fichier introuvable : {path}. Créez-le ou corrigez MEAL_PROJECTS.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name} n'est pas en UTF-8. Enregistrez-le en UTF-8, puis relancez.") from None
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        _refuse_twice(path, root)
        data = _keyed_by_text(loader.construct_document(root)) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", ligne {mark.line + 1}, colonne {mark.column + 1}" if mark else ""
        raise ConfigurationError(
            f"{_named(path)}{where} : YAML mal formé ({error.problem}). Vérifiez les retraits, les « : » et les guillemets."
        ) from None
    except yaml.YAMLError:
        raise ConfigurationError(f"{_named(path)} : YAML mal formé. Vérifiez les retraits et les guillemets.") from None
    finally:
        loader.dispose()
    if root is None or not isinstance(data, dict):
        raise ConfigurationError(
            f"{_named(path)} : le fichier est vide ou n'est pas une liste de clés « clé: valeur »."
        )
    lines = Lines(path, root)
    try:
        return model.model_validate(data), lines
    except ValidationError as error:
        messages = [_explain(lines, problem) for problem in error.errors(include_url=False, include_input=False)]
        raise ConfigurationError("\n".join(messages)) from None


class _Loader(yaml.CSafeLoader):
    """libyaml's parser with the few types of YAML 1.2: `on` and `no` are words, `02` is a code, dates stay text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own way, read as a class attribute


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", "nN~"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first])
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])


def _refuse_twice(path: Path, node: yaml.Node | None) -> None:
    """A key written twice hides one of its values."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(path, item)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigurationError(
                    f"{_named(path)}, ligne {key.start_mark.line + 1} : la clé « {key.value} » est écrite deux fois. "
                    f"Gardez-en une."
                )
            seen.add(key.value)
            _refuse_twice(path, value)


def _keyed_by_text(node: Any) -> Any:
    if isinstance(node, dict):
        return {_word(key): _keyed_by_text(value) for key, value in node.items()}
    return [_keyed_by_text(item) for item in node] if isinstance(node, list) else node


def _word(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _named(path: Path) -> str:
    """« prim2/project.yaml »."""
    return f"{path.parent.name}/{path.name}"


class Lines:
    """On which line of a YAML file a key stands."""

    def __init__(self, path: Path, root: yaml.Node) -> None:
        self.path, self._root = path, root

    def line(self, *keys: str | int) -> int:
        """The line (from 1) of the deepest of `keys` that exists."""
        node, found = self._root, 1
        for key in keys:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == str(key)), None)
                if pair is None:
                    continue  # pydantic's path holds tags of unions that are not keys of the file
                found, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
                node = node.value[key]
                found = node.start_mark.line + 1
        return found

    def at(self, *keys: str | int) -> str:
        """« prim2/project.yaml, ligne 48 », for messages."""
        return f"{_named(self.path)}, ligne {self.line(*keys)}"


EXPECTED = {
    "missing": "cette clé est obligatoire ; ajoutez-la",
    "extra_forbidden": "cette clé est inconnue ; corrigez son nom ou retirez-la",
    "string_type": "un texte est attendu ; mettez-le entre guillemets",
    "int_parsing": "un nombre entier est attendu",
    "decimal_parsing": "un nombre est attendu ; laissez vide ce qui est « à établir »",
    "date_from_datetime_parsing": "une date est attendue ; écrivez 2026-03-01",
    "date_parsing": "une date est attendue ; écrivez 2026-03-01",
    "list_type": "une liste est attendue ; écrivez [a, b]",
    "dict_type": "une suite de « clé: valeur » est attendue",
    "model_type": "une suite de « clé: valeur » est attendue",
    "bool_parsing": "true ou false est attendu",
}


def _explain(lines: Lines, problem: Any) -> str:
    keys = problem["loc"]
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in EXPECTED:
        expected = EXPECTED[kind]
    elif kind == "literal_error":
        expected = f"écrivez l'un de : {context['expected'].replace(' or ', ', ')}"
    elif kind == "string_pattern_mismatch":
        expected = f"le nom doit suivre la forme {context['pattern']}"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        expected = f"« kind » doit être l'un de : {context.get('expected_tags', '')}"
    elif kind == "value_error":
        expected = str(context["error"])
    else:
        expected = problem["msg"]
    return f"{lines.at(*keys)}, clé « {'.'.join(str(key) for key in keys)} » : {expected}."
