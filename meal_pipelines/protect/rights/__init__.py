"""What a person may ask (see, rectify, erase, restrict, withdraw), what a term purges, and who looked at her data."""
