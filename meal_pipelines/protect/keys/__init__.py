"""The keyring, sealing with it, and putting everything under a new key."""
