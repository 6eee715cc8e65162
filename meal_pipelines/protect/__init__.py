"""Keys, sealing, pseudonyms, generalisation: what keeps a stolen copy from naming anybody."""
