"""What people do to a spreadsheet, and what is understood of it.

From the outside in: `inbox.py` files of a folder or a URL · `book.py` their sheets as cells (`text_file.py` for CSV,
`hidden_parts.py` for what Calamine does not tell) · `header.py` which column answers which question · `answers.py` a cell
as an answer (`choices.py`, `days.py`, `numbers.py`) · `rows.py` the lines of a sheet · `reading.py` a file as submissions ·
`receipt.py` what is told of it. What is marked on the copy that goes back is in `marks.py`; the empty workbook, in
`collect/template/`.

Nothing here knows PostgreSQL or judges an answer: what is not understood is left as it was typed, and cleaning names it.
"""
