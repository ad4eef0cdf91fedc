"""Files to records of cells: text, JSON, XML, web pages, workbooks and archives."""
