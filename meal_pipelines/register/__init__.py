"""What the law asks to be written down of each project's personal data: register, declaration, impact assessment, notices.

Everything is drawn from the project's files and from what the code does; no row of the data is read, no database opened.
What only a person can say is marked as such, never guessed.
"""

from meal_pipelines.register.files import write_documents, write_register

__all__ = ["write_documents", "write_register"]
