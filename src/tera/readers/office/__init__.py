"""Documents of office programs, and e-books.

A module for each format: `docx` (`docx_styles`), `pptx`, `xlsx` (`cell_formats`, `sheet_extras`),
`opendocument` (`odf_text`), `epub` (`xhtml`) and `rtf` (`rtf_text` and others). `package` opens zip
files and their XML, `compound` encrypted ones; `ooxml` has what Microsoft's formats share. `grid`
writes tables, `numbering` lists, `symbols` signs; `outline` gathers all of it into drafts.
"""
