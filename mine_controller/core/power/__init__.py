"""What the source and the branches can bear, and whether anything feeds the site. Pure."""
