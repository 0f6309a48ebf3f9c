"""The story: one public function per file, from a plan to a record."""
