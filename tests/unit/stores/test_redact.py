"""What is known to be secret is hidden, however it is written."""

import json
from functools import partial
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.errors import ConfigurationError
from buildtools.stores.mirrors import locate
from buildtools.stores.redact import Redactor


@given(st.text(min_size=4, max_size=40).filter(lambda text: set(text) - set("*.")))
def test_a_secret_is_hidden_in_every_form(secret: str) -> None:
    """As it is, as a URL's path and query write it, and as JSON does."""
    redact = Redactor()
    redact.learn(secret)
    ways = (quote, quote_plus, partial(quote, safe=""))
    forms = {way(secret, errors="surrogatepass") for way in ways}
    for form in {secret, json.dumps(secret)[1:-1], *forms}:
        assert form not in redact(f"<{form}>").replace("***", "")


def test_short_words_are_not_hidden() -> None:
    """A password of three letters would take them out of every sentence."""
    redact = Redactor()
    redact.learn("the", "")
    assert redact("the registry") == "the registry"


@pytest.mark.parametrize("log_in", ["bot:secret", "secret"])
def test_the_log_in_of_a_mirror_is_not_shown(log_in: str) -> None:
    """A mirror has none: it is found where all others are."""
    with pytest.raises(ConfigurationError) as caught:
        locate("docker.io", "acme/app", {"docker.io": f"https://{log_in}@hub.example.com/x"})
    assert str(caught.value) == (
        "'***@hub.example.com/x' cannot be the mirror of 'docker.io': "
        "write host/path, as in 127.0.0.1:5000/mcr"
    )
