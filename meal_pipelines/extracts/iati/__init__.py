"""Results as IATI 2.03 XML, valid by the schema that lies here."""
