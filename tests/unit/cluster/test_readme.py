"""Files that pages tell people to apply."""

import pytest

from buildtools.cluster.readme import Named, named_files


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x\n  kubectl apply -f client.yml\n", [Named("client.yml", 2, 20)]),
        ("`kubectl create -n x -f a.yaml -f b/c.yaml`", [Named("a.yaml", 1, 25), Named("b/c.yaml", 1, 35)]),
        ("kubectl delete --filename=a.yaml", [Named("a.yaml", 1, 27)]),
        ("kubectl apply -k overlays/windows", [Named("overlays/windows", 1, 18)]),
        ("kubectl apply -f a.yaml,b.yaml", [Named("a.yaml", 1, 18), Named("b.yaml", 1, 18)]),
        ("kubectl apply -f https://example.com/a.yaml", []),
        ("kubectl apply -f <file> ; kubectl apply -f $FILE", []),
        ("linkerd inject a.yaml | kubectl apply -f -", []),
        ("kubectl get -f a.yaml", []),
        ("kubectl apply | grep -f a.txt", []),
    ],
)
def test_files_of_commands(text: str, found: list[Named]) -> None:
    """Each with its place; addresses, placeholders and standard input are none."""
    assert list(named_files(text)) == found
