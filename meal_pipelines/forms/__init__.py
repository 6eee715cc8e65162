"""A questionnaire on its way to and from a server: examined, compared, deployed, brought back."""
