module buildtools.dev/images/whoami

go 1.24
