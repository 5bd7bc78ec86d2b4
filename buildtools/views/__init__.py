"""What the verbs print: values in, tables and JSON documents out; no file, no clock, no terminal."""
