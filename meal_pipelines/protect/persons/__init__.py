"""Who is the same person: normal forms, pseudonyms, links on keyed hashes, reviewed pairs."""
