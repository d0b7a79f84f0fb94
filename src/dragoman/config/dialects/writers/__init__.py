"""Our configuration as other tools' files: one file for each tool, `write(source) -> text`."""
