-- Who was forgotten is asked for at every start.
CREATE INDEX keys_forgotten ON es.keys (name) WHERE wrapped IS NULL;
