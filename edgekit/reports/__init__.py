"""Reports: results as people read them.

Pure functions from records to text; the command line decides where the text goes.
"""
