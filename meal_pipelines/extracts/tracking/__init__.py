"""The tracking workbook: a sheet per result, drawn."""
