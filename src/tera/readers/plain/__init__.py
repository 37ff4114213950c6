"""Text as people write it: plain, marked up, tables, data.

`text`, `markdown`, `markup` (reStructuredText, Org), `tables` (CSV) and `data` (JSON) hold the
readers; all of them take blocks of lines from `lines`, whose encoding `encoding` tells and whose
characters `characters` cleans. `front_matter` has titles, dates and tags; `guess` tells the type of
a text by its wording.
"""
