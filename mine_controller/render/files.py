"""The fixed files of the page, and where templates and files lie."""

from mine_controller.packaged import packaged

FIXED = ("style.css", "script.js", "icon.svg")  # the files of www/ that are copied as they are

found = packaged
