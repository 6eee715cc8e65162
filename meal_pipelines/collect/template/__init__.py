"""The workbook that a partner fills in, made from a form's declaration; what comes back is read in `sheets/`.

`workbook.py` puts it together · `columns.py` which questions have a column, and how wide · `lists.py` the drop-down lists ·
`rules.py` what a cell accepts · `words.py` the instructions, in French and in Arabic.
"""

from meal_pipelines.collect.template.workbook import write_template

__all__ = ["write_template"]
