"""The seam's real side: clocks, sockets, the store, the page, the log. Live, shadow and dry run are made here."""
