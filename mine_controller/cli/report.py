"""`minectl report`: what a site has to show. `report events` is `events`."""

import click

from mine_controller.cli.events import command as events


@click.group()
def command() -> None:
    """What happened, for people who keep books."""


command.add_command(events, "events")
