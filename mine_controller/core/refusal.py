"""The one way a person's request is turned down."""


class Refused(ValueError):  # noqa: N818 - a verdict, not a fault
    """The request can't be taken; the text says why and what would work."""
