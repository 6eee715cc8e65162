"""The annual campaigns (THEMA, TEI, AFD): opened, frozen, sent; lists of the donors as data."""
