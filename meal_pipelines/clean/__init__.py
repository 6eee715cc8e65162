"""From sealed submissions to typed tables: extract, correct, parse, judge, quarantine."""
