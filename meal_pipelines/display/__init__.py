"""What the terminal shows: tables, progress, sentences. Nothing here decides anything."""
