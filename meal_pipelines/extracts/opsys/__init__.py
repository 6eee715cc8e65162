"""The OPSYS workbook and its JSON: rows, checks, comments, differences from the extract before."""
