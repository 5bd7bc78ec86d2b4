module buildtools.dev/images/network-validator

go 1.24
