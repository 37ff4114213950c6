"""PDFs and pictures, and the recognition of their text.

`pdf` reads a document, `page` a page of it, `files` what is attached; `image` reads a picture, and
`ocr` the text on one. `layout` puts pieces of text into the order of reading; `parts` gathers pages
into drafts.
"""
