"""Collect: what a source holds now, page by page (Kobo, ODK Central, workbooks), and the versions kept of it."""
