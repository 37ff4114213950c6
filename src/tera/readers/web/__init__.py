"""Web pages and bookmarks.

`html` reads a page: its main text, title and date. `archives` takes it out of an .mhtml file,
`encoding` decodes it, and `blocks` turns it into light Markdown, also the pages of e-books.
`bookmarks` reads what browsers export.
"""
