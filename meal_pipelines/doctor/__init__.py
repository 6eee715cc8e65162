"""`meal doctor`: what is wrong or not yet known, and how to mend it."""
