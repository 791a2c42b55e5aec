#!/bin/sh
# Installed as /usr/local/bin/minectl. As root it becomes the user the ticks run as, so that no file of theirs ever
# belongs to somebody else; whoever typed it stays known through SUDO_USER.
MINECTL_CONFIG=${MINECTL_CONFIG:-/etc/minectl/config.txt}
export MINECTL_CONFIG
if [ "$(id -u)" = 0 ]; then
    exec runuser -u minectl -- /opt/minectl/current/bin/minectl "$@"
fi
exec /opt/minectl/current/bin/minectl "$@"
