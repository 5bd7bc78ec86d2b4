module buildtools.dev/images/cni-installer

go 1.24
