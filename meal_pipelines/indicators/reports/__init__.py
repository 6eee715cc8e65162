"""Reports: frozen with what explains them, replayed, and compared with what is true now."""
