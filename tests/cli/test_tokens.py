"""`minectl tokens` as typed: who may ask the service is in the audit log, the token itself is not."""


def test_a_token_that_is_made_or_taken_away_stands_in_the_audit_log(place):
    """SEC4."""
    place.ticks(2)
    done = place.run("tokens", "add", "phone", "--role", "admin")
    assert done.exit_code == 0, done.output
    assert place.run("tokens", "revoke", "phone").exit_code == 0
    rows = [(one.verb, one.args) for one in place.requests()]
    assert rows == [("config", ("token phone", "", "admin")), ("config", ("token phone", "admin", ""))]
    assert done.stdout.strip().encode() not in place.config.paths.inbox.read_bytes()


def test_a_token_that_is_refused_leaves_no_row(place):
    place.ticks(2)
    assert place.run("tokens", "revoke", "nobody").exit_code == 1
    assert place.requests() == ()
