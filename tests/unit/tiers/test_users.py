"""An image's user as numbers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.tiers.base import StartError
from buildtools.tiers.users import Account, account

PASSWD = """\
# users
root:x:0:0:root:/root:/bin/sh
app:x:1000:1001:An app:/:/bin/false
7:x:7007:7008::/:/bin/false
broken:x
"""
GROUP = "root:x:0:\nstaff:x:50:app,other\nlogs:x:60:app\nodd:x:many:app\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file tree with users and groups."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text(PASSWD)
    (tmp_path / "etc" / "group").write_text(GROUP)
    return tmp_path


@pytest.mark.parametrize(
    ("user", "found"),
    [
        ("", Account()),
        ("65532:65532", Account(uid=65532, gid=65532)),
        ("65532", Account(uid=65532)),
        ("1000", Account(uid=1000, gid=1001, groups=(50, 60))),
        ("app", Account(uid=1000, gid=1001, groups=(50, 60))),
        ("app:staff", Account(uid=1000, gid=50)),
        ("app:9", Account(uid=1000, gid=9)),
        (":staff", Account(gid=50)),
        ("root", Account()),
        ("7", Account(uid=7007, gid=7008)),
    ],
)
def test_users(root: Path, user: str, found: Account) -> None:
    """Numbers stand for themselves, names for their rows; a group that is named leaves out the others."""
    assert account(user, root) == found


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ("nobody", "its user 'nobody' is not in the image's /etc/passwd"),
        ("broken", "its user 'broken' is not in the image's /etc/passwd"),
        ("-1", "its user '-1' is not in the image's /etc/passwd"),
        ("99999999999", "its user '99999999999' is not in the image's /etc/passwd"),
        ("app:gone", "its group 'gone' is not in the image's /etc/group"),
        ("app:4000000000", "its group '4000000000' is not in the image's /etc/group"),
    ],
)
def test_users_that_are_not_there(root: Path, user: str, sentence: str) -> None:
    """A container would not start either."""
    with pytest.raises(StartError) as caught:
        account(user, root)
    assert str(caught.value) == sentence


@given(user=st.text(max_size=20))
def test_any_user_without_files(tmp_path_factory: pytest.TempPathFactory, user: str) -> None:
    """Numbers only; anything else is refused."""
    root = tmp_path_factory.getbasetemp()
    try:
        found = account(user, root)
    except StartError:
        return
    assert 0 <= found.uid < 2**31
    assert 0 <= found.gid < 2**31
