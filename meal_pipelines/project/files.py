"""Read the officer's YAML files and say precisely what is wrong in them: file, line, key, expected, what to write.

Knows YAML and pydantic, not what a project is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from meal_pipelines.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path, model: type[Model]) -> tuple[Model, Lines]:
    """Read and judge one YAML file.

    Returns: the model, and the lines on which its keys stand.
    Raises: ConfigurationError, one line per mistake, each with file, line and key.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(f"Fichier introuvable : {path}. Créez-le ou corrigez MEAL_PROJECTS.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name} n'est pas en UTF-8. Enregistrez-le en UTF-8, puis relancez.") from None
    yaml = YAML(typ="rt")
    yaml.allow_duplicate_keys = False
    try:
        data = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", ligne {mark.line + 1}, colonne {mark.column + 1}" if mark else ""
        # ruamel quotes both values of a doubled key, and one may be a secret.
        problem = "une clé est écrite deux fois" if isinstance(error, DuplicateKeyError) else error.problem
        raise ConfigurationError(
            f"{path.name}{where} : YAML mal formé ({problem}). Vérifiez les retraits, les « : » et les guillemets."
        ) from None
    except YAMLError:
        raise ConfigurationError(f"{path.name} : YAML mal formé. Vérifiez les retraits et les guillemets.") from None
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path.name} : le fichier est vide ou n'est pas une liste de clés « clé: valeur ».")
    lines = Lines(path, data)
    try:
        return model.model_validate(_plain(data)), lines
    except ValidationError as error:
        messages = [_explain(lines, problem) for problem in error.errors(include_url=False, include_input=False)]
        raise ConfigurationError("\n".join(messages)) from None


class Lines:
    """On which line of a YAML file a key stands."""

    def __init__(self, path: Path, data: Any) -> None:
        self.path, self._data = path, data

    def line(self, *keys: str | int) -> int:
        """The line (from 1) of the deepest of `keys` that exists."""
        node: Any = self._data
        found = 1
        for key in keys:
            try:
                position = node.lc.item(key) if isinstance(key, int) else node.lc.key(key)
            except (AttributeError, KeyError, TypeError, IndexError):
                continue  # pydantic's path holds tags of unions that are not keys of the file
            found = position[0] + 1
            node = node[key]
        return found

    def at(self, *keys: str | int) -> str:
        """« project.yaml, ligne 48 », for messages."""
        return f"{self.path.parent.name}/{self.path.name}, ligne {self.line(*keys)}"


def _plain(node: Any) -> Any:
    """The same data without ruamel's types, which pydantic would refuse in strict places."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, str):
        return str(node)
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node)
    return float(node) if isinstance(node, float) else node


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
